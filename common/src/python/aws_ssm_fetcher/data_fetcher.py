"""Fetches the catalog and the launch dates, through the cache."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aws_ssm_fetcher import __version__
from aws_ssm_fetcher.core.cache import CacheManager, cache_key
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_sources.global_infrastructure import GlobalInfrastructure
from aws_ssm_fetcher.data_sources.parameter_tree import ParameterTree, SsmRegion
from aws_ssm_fetcher.models import Catalog, Launches
from command_line.progress import Progress, no_progress
from lambda_core import aws, circuit_breaker, retry
from lambda_core.aws import is_aws_fault
from lambda_core.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from aws_ssm_fetcher.data_sources.rss import RegionLaunchFeed

DEFAULT_MAX_TPS = 20.0
"""Half of SSM's default quota of 40 calls a second: the region's other readers share it."""

_AWS_HOST = re.compile(r"(^|\.)(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws)$")

_breakers = circuit_breaker.CircuitBreakers(circuit_breaker.AWS, is_failure=is_aws_fault)


@dataclasses.dataclass(frozen=True)
class Source:
    """What reports say of the data's origin.

    Attributes
    ----------
    label
        The source's name for readers.
    live
        False for a snapshot, and for every endpoint that is not AWS's own.
    as_of
        The day after which a snapshot cannot have changed, where that is known.
    """

    label: str
    live: bool = False
    as_of: dt.date | None = None


class AWSSSMDataFetcher:
    """Reads AWS's public parameters about regions and services.

    Parameters
    ----------
    config
        Regions, profile, retries, workers and cache; the environment's where left out.
    max_tps
        The most SSM calls a second to each region.
    source
        What reports say of the data's origin; told from the endpoint where left out.
    clients
        SSM clients, one a region, to use instead of those of `ssm_clients`.
    cache
        A cache to use instead of one made from the config.

    Raises
    ------
    lambda_core.errors.ConfigurationError
        If the profile does not exist, or the regions are not of one partition.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        max_tps: float = DEFAULT_MAX_TPS,
        source: Source | None = None,
        clients: Sequence[SSMClient] | None = None,
        cache: CacheManager | None = None,
    ) -> None:
        self.config = config or Config.from_env()
        self.cache = cache or CacheManager(self.config)
        self._clients = clients or ssm_clients(self.config)
        self._partition = _partition_of(self._clients)
        self._max_tps = max_tps
        self.source = source or _source_of(self._clients)
        self._trees: list[ParameterTree] = []

    @property
    def calls(self) -> int:
        """SSM calls made so far, attempts included; 0 where the cache answered."""
        return sum(sum(tree.calls.values()) for tree in self._trees)

    @property
    def retries(self) -> int:
        """How many of the calls repeated one that had failed."""
        return sum(tree.retries for tree in self._trees)

    def discover_regions_from_ssm(self) -> list[str]:
        """Read all region codes of the tree, sorted.

        Raises
        ------
        lambda_core.errors.DataSourceError
            If they could not be read.
        """
        return self._infrastructure().region_codes()

    def discover_services_from_ssm(self) -> list[str]:
        """Read the codes of all services that the tree lists, sorted.

        Raises
        ------
        lambda_core.errors.DataSourceError
            If they could not be read.
        """
        return self._infrastructure().service_codes()

    def fetch_catalog(
        self,
        *,
        zones: bool = True,
        cross_check: bool = False,
        progress: Progress = no_progress,
    ) -> Catalog:
        """Everything about regions and services, from the cache where that is young enough.

        Raises
        ------
        lambda_core.errors.DataSourceError
            If any of it could not be read; nothing partial is returned or cached.
        """
        key = self._key("catalog", zones=zones, cross_check=cross_check)
        cached = self.cache.get(key)
        if isinstance(cached, Catalog):
            progress(1, 1)
            return cached
        catalog = self._infrastructure().fetch(
            source=self.source.label,
            live=self.source.live,
            data_as_of=self.source.as_of,
            zones=zones,
            cross_check=cross_check,
            progress=progress,
        )
        if catalog.completeness.complete:
            self.cache.set(key, catalog)
        return catalog

    def fetch_launches(self, feed: RegionLaunchFeed, catalog: Catalog) -> Launches:
        """Launch dates of the catalog's regions; a feed that failed is told in the answer.

        Never cached: it is one small request, and what a feed tells is only true with its regions.
        """
        return feed.load(frozenset(region.code for region in catalog.regions))

    def _infrastructure(self) -> GlobalInfrastructure:
        regions = [
            SsmRegion(
                client,
                _breakers.get(f"SSM in {client.meta.region_name} at {client.meta.endpoint_url}"),
            )
            for client in self._clients
        ]
        tree = ParameterTree(regions, max_tps=self._max_tps, policy=self._policy())
        self._trees.append(tree)
        return GlobalInfrastructure(tree, max_workers=self.config.max_workers * len(regions))

    def _policy(self) -> retry.RetryPolicy:
        attempts = max(retry.AWS.attempts, self.config.max_retries + 1)
        return dataclasses.replace(retry.AWS, attempts=attempts)

    def _key(self, name: str, **parts: bool) -> str:
        if _strangers(self._clients):
            endpoint, region = _endpoints(self._clients), _regions(self._clients)
        else:
            # AWS says the same in every region of a partition, whichever were asked.
            endpoint, region = "AWS", "any"
        return cache_key(name, endpoint=endpoint, partition=self._partition, region=region, **parts)


def ssm_clients(config: Config) -> tuple[SSMClient, ...]:
    """Make a client for each region that the config names, or for its one region.

    Raises
    ------
    lambda_core.errors.ConfigurationError
        If the profile does not exist.
    """
    return tuple(
        aws.client(
            "ssm",
            region=region,
            profile=config.aws_profile,
            pool_size=config.max_workers,
            user_agent=f"aws-ssm-fetcher/{__version__}",
        )
        for region in config.ssm_regions or (config.aws_region,)
    )


def _partition_of(clients: Sequence[SSMClient]) -> str:
    partitions = {client.meta.partition for client in clients}
    if len(partitions) > 1:
        raise ConfigurationError(
            f"the SSM regions {_regions(clients)} are of several partitions "
            f"({', '.join(sorted(partitions))}), which neither share credentials nor parameters"
        )
    return partitions.pop()


def _source_of(clients: Sequence[SSMClient]) -> Source:
    """Never present an endpoint that is not AWS's own as live data."""
    if strangers := _strangers(clients):
        return Source(f"SSM at {_endpoints(strangers)}, which is not AWS")
    return Source(f"AWS SSM public parameters in {_regions(clients)}", live=True)


def _strangers(clients: Sequence[SSMClient]) -> list[SSMClient]:
    """Return the clients of endpoints that are not AWS's own."""
    return [
        c for c in clients if not _AWS_HOST.search(urlsplit(c.meta.endpoint_url).hostname or "")
    ]


def _regions(clients: Sequence[SSMClient]) -> str:
    return ", ".join(sorted(client.meta.region_name for client in clients))


def _endpoints(clients: Sequence[SSMClient]) -> str:
    return ", ".join(sorted({client.meta.endpoint_url for client in clients}))
