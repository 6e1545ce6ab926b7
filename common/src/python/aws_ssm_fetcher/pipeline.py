"""The whole report in one process: fetch, launch dates, process, write, publish.

Nothing is published before everything has been written, so a run that fails or is interrupted
leaves the folder as it was.
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
    """What a run makes.

    Attributes
    ----------
    output_dir
        Where the reports are published; made if it is missing.
    formats
        Which reports.
    zones
        Whether the regions' zones are part of it.
    cross_check
        Whether both trees are read and compared.
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
    """Make and publish the report.

    Raises
    ------
    lambda_core.errors.DataSourceError
        If the parameters could not be read as a whole.
    lambda_core.errors.ReportError
        If the reports could not be written; an output folder that cannot be written to is noticed
        before anything is fetched.
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
        with stages.run("process", "Working out the tables"):
            # Imported here, because Polars takes longer to import than all else: who asks for
            # help only, or has no credentials, does not wait for it.
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
    """Shows the stages and keeps how long they took."""

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
