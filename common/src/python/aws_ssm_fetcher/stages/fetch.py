"""The first stage: the catalog and the launch dates, as they are at the source or in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import FetchRequest, StageName, StageResult
from aws_ssm_fetcher.stages.keys import CATALOG, LAUNCHES, raw_prefix
from aws_ssm_fetcher.stages.stage_run import running
from lambda_core.observability import count, timed_step

if TYPE_CHECKING:
    from aws_ssm_fetcher.data_sources.rss import RegionLaunchFeed


def fetch(
    request: FetchRequest,
    store: ArtefactStore,
    fetcher: AWSSSMDataFetcher,
    feed: RegionLaunchFeed,
) -> StageResult:
    """Fetch, and leave both artefacts; a second run leaves what is true then.

    Parameters
    ----------
    fetcher
        Reads the parameters, through a cache that gives nothing older than the request allows.
    feed
        Tells the launch dates; where it fails, the artefact says so.

    Raises
    ------
    DataSourceError
        The source could not be read as a whole (`TransientDataSourceError` where it may pass).
    S3Error
        An artefact could not be written (`TransientStorageError` where it may pass).
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
