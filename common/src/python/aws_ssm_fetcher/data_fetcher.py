"""Fetches the catalog, region and service codes through the cache, and launch dates."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aws_ssm_fetcher import __version__
from aws_ssm_fetcher.core.cache import CacheInfo, CacheManager, cache_key
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_sources.global_infrastructure import GlobalInfrastructure
from aws_ssm_fetcher.data_sources.parameter_tree import ParameterTree, SsmRegion
from aws_ssm_fetcher.models import Catalog, DomainModel, Launches
from command_line.progress import Progress, no_progress
from lambda_core import aws, circuit_breaker, retry
from lambda_core.aws import is_aws_fault
from lambda_core.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from pydantic import JsonValue

    from aws_ssm_fetcher.data_sources.rss import RegionLaunchFeed

DEFAULT_MAX_TPS = 20.0
"""Half of SSM's default quota of 40 calls a second, which other users of the region share."""

_AWS_HOST = re.compile(r"(^|\.)(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws)$")

_breakers = circuit_breaker.CircuitBreakers(circuit_breaker.AWS, is_failure=is_aws_fault)


@dataclasses.dataclass(frozen=True)
class Source:
    """The origin of the data, as reports state it.

    Attributes
    ----------
    label
        The name of the source in reports.
    live
        False for a snapshot, and for every endpoint that does not belong to AWS.
    as_of
        The day after which a snapshot cannot have changed, or None if unknown.
    """

    label: str
    live: bool = False
    as_of: dt.date | None = None


class AWSSSMDataFetcher:
    """Reads AWS's public parameters about regions and services.

    Parameters
    ----------
    config
        Regions, profile, retries, workers and cache; read from the environment by default.
    max_tps
        The limit of SSM calls per second to each region.
    source
        The origin of the data, as reports state it; derived from the endpoint by default.
    clients
        SSM clients, one per region, to use instead of those of `ssm_clients`.
    cache
        A cache to use instead of one made from the config.

    Attributes
    ----------
    config
        The settings.
    cache_manager
        The cache.
    source
        The origin of the data.

    Raises
    ------
    lambda_core.errors.ConfigurationError
        If the profile does not exist, or the regions belong to different partitions.

    Examples
    --------
    Creating a fetcher makes no calls:

    >>> fetcher = AWSSSMDataFetcher(Config("eu-west-1", cache_hours=12))
    >>> fetcher.region, fetcher.cache_hours, fetcher.calls
    ('eu-west-1', 12.0, 0)

    This reads from SSM, with the credentials of the environment, or from the cache:

    >>> fetcher.discover_regions_from_ssm()  # doctest: +SKIP
    ['af-south-1', 'ap-east-1', ...]
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
        self.cache_manager = cache or CacheManager(self.config)
        self._clients = clients or ssm_clients(self.config)
        self._partition = _partition_of(self._clients)
        self._max_tps = max_tps
        self.source = source or _source_of(self._clients)
        self._trees: list[ParameterTree] = []

    @property
    def region(self) -> str:
        """The region of the settings."""
        return self.config.aws_region

    @property
    def cache_dir(self) -> str:
        """The cache's folder in the settings."""
        return self.config.cache_dir

    @property
    def cache_hours(self) -> float:
        """How long cached data is used, in hours."""
        return self.config.cache_hours

    @property
    def calls(self) -> int:
        """Number of SSM calls so far, including retries; 0 if all data came from the cache."""
        return sum(sum(tree.calls.values()) for tree in self._trees)

    @property
    def retries(self) -> int:
        """How many of the calls repeated a failed call."""
        return sum(tree.retries for tree in self._trees)

    def discover_regions_from_ssm(self) -> list[str]:
        """Return all region codes of the tree, sorted; from the cache if they are fresh enough.

        Raises
        ------
        lambda_core.errors.DataSourceError
            If they cannot be read, or there are none.
        """
        return self._codes("regions", GlobalInfrastructure.region_codes)

    def discover_services_from_ssm(self) -> list[str]:
        """Return the codes of all listed services, sorted; from the cache if fresh enough.

        Raises
        ------
        lambda_core.errors.DataSourceError
            If they cannot be read, or there are none.
        """
        return self._codes("services", GlobalInfrastructure.service_codes)

    def clear_cache(self) -> int:
        """Remove every entry of the cache, and return their number.

        Raises
        ------
        aws_ssm_fetcher.core.cache.CacheError
            If a tier of the cache could not be cleared.
        """
        return self.cache_manager.clear_all()

    def get_cache_info(self) -> CacheInfo:
        """Describe the cache's folder and its entries.

        Raises
        ------
        aws_ssm_fetcher.core.cache.CacheError
            If the folder cannot be read.
        """
        return self.cache_manager.info()

    # Scripts written for the original class call these two methods.

    def _load_from_cache(self, key: str) -> JsonValue | DomainModel:
        return self.cache_manager.get(key)

    def _save_to_cache(self, key: str, data: object) -> bool:
        return self.cache_manager.set(key, data)

    def fetch_catalog(
        self,
        *,
        zones: bool = True,
        cross_check: bool = False,
        progress: Progress = no_progress,
    ) -> Catalog:
        """Return everything about regions and services; from the cache if it is fresh enough.

        Parameters
        ----------
        zones
            Whether to read availability, local and wavelength zones.
        cross_check
            Whether to read the services tree too, and list the differences.
        progress
            Called with the number of finished and expected steps.

        Raises
        ------
        lambda_core.errors.DataSourceError
            If any part could not be read; partial data is neither returned nor cached.
        """
        key = self._key("catalog", zones=zones, cross_check=cross_check)
        cached = self.cache_manager.get(key)
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
            self.cache_manager.set(key, catalog)
        return catalog

    def fetch_launches(self, feed: RegionLaunchFeed, catalog: Catalog) -> Launches:
        """Return launch dates of the catalog's regions; the result says if the feed failed.

        They are never cached: reading them is one small request, and they apply only to the
        regions of this catalog.
        """
        return feed.load(frozenset(region.code for region in catalog.regions))

    def _codes(self, name: str, read: Callable[[GlobalInfrastructure], list[str]]) -> list[str]:
        key = self._key(name)
        cached = self.cache_manager.get(key)
        if isinstance(cached, list) and cached:
            return [str(code) for code in cached]
        codes = read(self._infrastructure())
        self.cache_manager.set(key, codes)
        return codes

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
        if _foreign(self._clients):
            endpoint, region = _endpoints(self._clients), _regions(self._clients)
        else:
            # AWS returns the same data in every region of a partition.
            endpoint, region = "AWS", "any"
        return cache_key(name, endpoint=endpoint, partition=self._partition, region=region, **parts)


def ssm_clients(config: Config) -> tuple[SSMClient, ...]:
    """Create a client for each of the config's SSM regions, or for its region if it has none.

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
            f"the SSM regions {_regions(clients)} belong to different partitions "
            f"({', '.join(sorted(partitions))}), which share neither credentials nor parameters; "
            "use regions of one partition"
        )
    return partitions.pop()


def _source_of(clients: Sequence[SSMClient]) -> Source:
    """Describe the endpoints; only AWS's own endpoints have live data."""
    if foreign := _foreign(clients):
        return Source(f"SSM at {_endpoints(foreign)}, which is not AWS")
    return Source(f"AWS SSM public parameters in {_regions(clients)}", live=True)


def _foreign(clients: Sequence[SSMClient]) -> list[SSMClient]:
    """Return the clients whose endpoint does not belong to AWS."""
    return [
        c for c in clients if not _AWS_HOST.search(urlsplit(c.meta.endpoint_url).hostname or "")
    ]


def _regions(clients: Sequence[SSMClient]) -> str:
    return ", ".join(sorted(client.meta.region_name for client in clients))


def _endpoints(clients: Sequence[SSMClient]) -> str:
    return ", ".join(sorted({client.meta.endpoint_url for client in clients}))
