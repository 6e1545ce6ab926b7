"""Create the report in one process: fetch, launch dates, process, write, publish.

Nothing is published before everything has been written, so a run that fails or is interrupted does
not change the output folder.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher
from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.publish import publish, staging_folder
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.outputs.run_result import RunResult
from aws_ssm_fetcher.outputs.summary import Stage, summarise
from command_line.progress import Progress
from command_line.stages import SilentStages, StageDisplay
from lambda_core.observability import StepTimings, timed_step

if TYPE_CHECKING:
    from aws_ssm_fetcher.data_sources.rss import RegionLaunchFeed


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes
    ----------
    output_dir
        Folder of the reports; it is created if it does not exist.
    formats
        Formats to write; all by default.
    zones
        Whether to read the zones of the regions.
    cross_check
        Whether to read and compare both trees.

    Examples
    --------
    >>> options = Options(Path("output"), formats=(ReportFormat.CSV,))
    >>> options.zones, options.cross_check
    (True, False)
    """

    output_dir: Path
    formats: tuple[ReportFormat, ...] = tuple(ReportFormat)
    zones: bool = True
    cross_check: bool = False


def make_report(
    fetcher: AWSSSMDataFetcher,
    feed: RegionLaunchFeed,
    options: Options,
    display: StageDisplay | None = None,
) -> RunResult:
    """Create the report and publish it in the output folder.

    Parameters
    ----------
    fetcher
        Reads the parameters, or takes them from its cache.
    feed
        The source of the launch dates.
    options
        The output folder, the formats, and what to read.
    display
        Shows the progress; None shows nothing.

    Raises
    ------
    lambda_core.errors.DataSourceError
        If any parameter could not be read.
    lambda_core.errors.ReportError
        If the reports could not be written. An output folder that is not writable is detected
        before anything is fetched.

    Examples
    --------
    A fetcher that returns a small catalog, so that the example makes no calls:

    >>> import tempfile
    >>> from unittest.mock import patch
    >>> from aws_ssm_fetcher.core.config import Config
    >>> from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed
    >>> from aws_ssm_fetcher.models import Availability, Catalog, Provenance, Region, Service
    >>> catalog = Catalog(
    ...     regions=(Region(code="eu-west-3", name="Europe (Paris)"),),
    ...     services=(Service(code="s3", name="Amazon S3"),),
    ...     availability=(Availability(region_code="eu-west-3", service_codes=("s3",)),),
    ...     provenance=Provenance(
    ...         source="an example", live=False, fetched_at=dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    ...     ),
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fetcher = AWSSSMDataFetcher(Config(cache_dir=folder))
    ...     options = Options(Path(folder, "output"), formats=(ReportFormat.CSV,))
    ...     with patch.object(fetcher, "fetch_catalog", return_value=catalog):
    ...         result = make_report(fetcher, BundledLaunchFeed(), options)
    ...     print(Path(folder, "output", "regional_services.csv").read_text(), end="")
    Region Code,Region Name,Service Code,Service Name
    eu-west-3,Europe (Paris),s3,Amazon S3
    >>> result.complete
    True
    """
    started = time.monotonic()
    stages = _Stages(display or SilentStages())
    with staging_folder(options.output_dir) as staging:
        with stages.run("fetch", "Reading the parameters") as progress:
            catalog = fetcher.fetch_catalog(
                zones=options.zones, cross_check=options.cross_check, progress=progress
            )
        with stages.run("launch dates", "Reading the launch dates"):
            launches = fetcher.fetch_launches(feed, catalog)
        with stages.run("process", "Computing the tables"):
            # Polars takes longer to import than everything else. It is imported here so that
            # `--help` and an error such as missing credentials appear without that delay.
            from aws_ssm_fetcher.processors.pipeline_orchestrator import process

            report = process(catalog, launches, generated_at=dt.datetime.now(dt.UTC))
        with stages.run("write", "Writing the reports"):
            files = write_reports(report, options.formats, staging)
        summary = summarise(
            report,
            files,
            stages.done,
            execution_id=f"local-{uuid.uuid4()}",
            completed_at=dt.datetime.now(dt.UTC),
            total_duration_seconds=round(time.monotonic() - started, 3),
        )
        publish(staging, options.output_dir, summary)
    return RunResult(report, summary, options.output_dir)


class _Stages:
    """Shows the stages and measures their durations."""

    def __init__(self, display: StageDisplay) -> None:
        self._display = display
        self._timings = StepTimings()

    @property
    def done(self) -> list[Stage]:
        return [
            Stage(
                name=step.name,
                status="failed" if step.failed else "succeeded",
                duration_seconds=round(step.seconds, 3),
            )
            for step in self._timings.steps
        ]

    @contextmanager
    def run(self, name: str, title: str) -> Iterator[Progress]:
        with timed_step(name, self._timings), self._display.stage(title) as progress:
            yield progress
