"""Data fetcher: reads parameters and launch dates; see `aws_ssm_fetcher.stages.fetch`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

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
from aws_ssm_fetcher.stages.contracts import FetchRequest
from aws_ssm_fetcher.stages.fetch import fetch
from aws_ssm_fetcher.stages.settings import StageSettings
from aws_ssm_fetcher.stages.stage_run import METRICS_NAMESPACE
from lambda_core import aws
from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


class FetcherSettings(StageSettings):
    """What the environment sets beside the variables of `Config`.

    Attributes
    ----------
    rss_url
        Feed of region launches; None for the launch dates that the project brings.
    ssm_max_tps
        The most SSM calls a second to each region.
    source_label, source_as_of
        What reports say of the data's origin where SSM is a snapshot, and the day after which it
        cannot have changed.
    """

    rss_url: str | None = Field(
        default=None, pattern=r"^https?://", description="the URL of a feed of region launches"
    )
    ssm_max_tps: float = Field(
        default=DEFAULT_MAX_TPS,
        gt=0,
        le=100_000,
        description="calls a second, above 0 and at most 100,000",
    )
    source_label: str | None = Field(default=None, description="a name for readers")
    source_as_of: dt.date | None = Field(default=None, description="a day such as 2026-01-31")


@instrumented("data_fetcher", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take a `FetchRequest` and answer a `StageResult`; what fails raises."""
    request = parse_event(FetchRequest, event)
    function = _function()
    result = fetch(request, function.store, function.fetcher(request), function.feed)
    return result.model_dump(mode="json")


@dataclass(frozen=True)
class _Function:
    """What a warm function keeps from one invocation to the next."""

    config: Config
    settings: FetcherSettings
    feed: RegionLaunchFeed
    s3: S3Client
    ssm: tuple[SSMClient, ...]

    @property
    def store(self) -> ArtefactStore:
        return ArtefactStore(S3Objects(self.s3, self.settings.output_s3_bucket))

    def fetcher(self, request: FetchRequest) -> AWSSSMDataFetcher:
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


@cache
def _function() -> _Function:
    settings = FetcherSettings.from_environment()
    config = Config.for_lambda("data_fetcher")
    return _Function(
        config=config,
        settings=settings,
        feed=HttpLaunchFeed(settings.rss_url) if settings.rss_url else BundledLaunchFeed(),
        s3=aws.client("s3", region=config.aws_region, user_agent=f"aws-ssm-fetcher/{__version__}"),
        ssm=ssm_clients(config),
    )
