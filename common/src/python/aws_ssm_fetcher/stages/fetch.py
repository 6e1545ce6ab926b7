"""The first stage: fetch the catalog and the launch dates, from the source or the cache."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic import Field

from aws_ssm_fetcher import __version__
from aws_ssm_fetcher.core.cache import CacheManager
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import (
    DEFAULT_MAX_TPS,
    AWSSSMDataFetcher,
    Source,
    ssm_clients,
)
from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed, HttpLaunchFeed, RegionLaunchFeed
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import FetchRequest, StageName, StageResult
from aws_ssm_fetcher.stages.keys import CATALOG, LAUNCHES, raw_prefix
from aws_ssm_fetcher.stages.settings import StageSettings
from aws_ssm_fetcher.stages.stage_run import running
from lambda_core import aws
from lambda_core.observability import count, timed_step
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


class FetchSettings(StageSettings):
    """Settings of the first stage, in addition to those of `Config`.

    Attributes
    ----------
    rss_url
        URL of the feed of region launches, or None for the launch dates in this package.
    ssm_max_tps
        The limit of SSM calls per second to each region.
    source_label, source_as_of
        If SSM serves a snapshot: the name of the source in reports, and the day after which the
        data cannot have changed.
    """

    rss_url: str | None = Field(
        default=None, pattern=r"^https?://", description="the URL of a feed of region launches"
    )
    ssm_max_tps: float = Field(
        default=DEFAULT_MAX_TPS,
        gt=0,
        le=100_000,
        description="calls per second, above 0 and at most 100,000",
    )
    source_label: str | None = Field(default=None, description="a name for readers")
    source_as_of: dt.date | None = Field(default=None, description="a day such as 2026-01-31")


@dataclass(frozen=True)
class FetchStage:
    """The settings and clients of the first stage, which several executions can share.

    Attributes
    ----------
    config, settings
        The settings.
    feed
        The source of the launch dates.
    s3
        The client for artefacts and for the cache's third tier.
    ssm
        The SSM clients, one per region.
    """

    config: Config
    settings: FetchSettings
    feed: RegionLaunchFeed
    s3: S3Client
    ssm: tuple[SSMClient, ...]

    @classmethod
    def from_environment(cls) -> Self:
        """Create the stage of a Lambda function from its environment variables.

        Raises
        ------
        lambda_core.errors.ConfigurationError
            Names every variable that is missing or wrong.
        """
        settings = FetchSettings.from_environment()
        config = Config.for_lambda("data_fetcher")
        return cls(
            config=config,
            settings=settings,
            feed=HttpLaunchFeed(settings.rss_url) if settings.rss_url else BundledLaunchFeed(),
            s3=aws.client(
                "s3", region=config.aws_region, user_agent=f"aws-ssm-fetcher/{__version__}"
            ),
            ssm=ssm_clients(config),
        )

    def run(self, request: FetchRequest) -> StageResult:
        """Fetch the data of one execution; see `fetch`."""
        store = ArtefactStore(S3Objects(self.s3, self.settings.output_s3_bucket))
        return fetch(request, store, self.fetcher(request), self.feed)

    def fetcher(self, request: FetchRequest) -> AWSSSMDataFetcher:
        """Return a fetcher whose cache returns nothing older than the request allows."""
        label = self.settings.source_label
        return AWSSSMDataFetcher(
            self.config,
            max_tps=self.settings.ssm_max_tps,
            source=Source(label, as_of=self.settings.source_as_of) if label else None,
            clients=self.ssm,
            cache=CacheManager(
                self.config, s3_client=self.s3, max_age_hours=request.max_cache_age_hours
            ),
        )


def fetch(
    request: FetchRequest,
    store: ArtefactStore,
    fetcher: AWSSSMDataFetcher,
    feed: RegionLaunchFeed,
) -> StageResult:
    """Fetch the catalog and the launch dates, and store both as artefacts.

    A second run of the same execution replaces the artefacts with the data of that time.

    Parameters
    ----------
    fetcher
        Reads the parameters, through a cache that returns nothing older than the request allows.
    feed
        The source of the launch dates. If it fails, the artefact says so.

    Raises
    ------
    DataSourceError
        If any part of the source could not be read; `TransientDataSourceError` if a retry may
        help.
    S3Error
        If an artefact could not be written; `TransientStorageError` if a retry may help.
    """
    with running(StageName.DATA_FETCHER, request.execution_id) as run:
        try:
            with timed_step("read the parameters"):
                catalog = fetcher.fetch_catalog(
                    zones=request.input.zones, cross_check=request.input.cross_check
                )
        finally:
            count("SsmCalls", fetcher.calls)
            count("SsmRetries", fetcher.retries)
        with timed_step("read the launch dates"):
            launches = fetcher.fetch_launches(feed, catalog)
        prefix = raw_prefix(request.execution_id)
        with timed_step("store the raw data"):
            store.write_model(f"{prefix}{LAUNCHES}", launches)
            store.write_model(f"{prefix}{CATALOG}", catalog)
        return StageResult(
            execution_id=request.execution_id,
            data_location=store.location(prefix),
            statistics=run.statistics(
                regions=len(catalog.regions),
                services=len(catalog.services),
                pairs=catalog.pair_count,
                complete=catalog.completeness.complete,
                ssm_calls=fetcher.calls,
                ssm_retries=fetcher.retries,
                from_cache=fetcher.calls == 0,
            ),
        )
