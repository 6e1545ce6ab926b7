"""Timing, log fields, metrics and errors of every stage.

Each metric has the dimension `service`, which is the name of the function:

==========================  =======  ==========================================================
name                        unit     meaning
==========================  =======  ==========================================================
StageDuration               Seconds  duration of the stage, whether it succeeded or failed
Regions                     Count    number of regions in the data
Services                    Count    number of services in the data
Pairs                       Count    number of pairs of region and service
Complete                    Count    1 if nothing is missing, else 0
SsmCalls                    Count    data fetcher: SSM calls, including retries
SsmRetries                  Count    data fetcher: how many of them repeated a failed call
ReportsPublished            Count    orchestrator: published files; 0 if the set was held back
ReportsMissing              Count    orchestrator: reports that could not be created
HeldBack                    Count    orchestrator: 1 if the set was held back, else 0
StepsFailedAfterPublishing  Count    orchestrator: failures of the copy to latest or the cleanup
==========================  =======  ==========================================================
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aws_ssm_fetcher.report import ReportMetadata
from aws_ssm_fetcher.stages.contracts import StageName, StageStatistics
from aws_ssm_fetcher.stages.errors import mark_transient
from lambda_core.errors import ApplicationError
from lambda_core.observability import count, get_logger, log_in_every_line, measure

METRICS_NAMESPACE: Final = "RegionReport"

_logger = get_logger(__name__)


class StageRun:
    """One run of a stage, which starts when this object is created."""

    def __init__(self, stage: StageName) -> None:
        self.stage = stage
        self._started_at = dt.datetime.now(dt.UTC)
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Return the time since the start."""
        return time.monotonic() - self._started

    def statistics(
        self,
        *,
        regions: int,
        services: int,
        pairs: int,
        complete: bool,
        **details: Any,  # noqa: ANN401 - optional fields of the model, which checks them
    ) -> StageStatistics:
        """Return the statistics of a finished stage, and emit them as metrics and a log line.

        Parameters
        ----------
        details
            Further fields of `StageStatistics`, such as `ssm_calls` or `files`.
        """
        count("Regions", regions)
        count("Services", services)
        count("Pairs", pairs)
        count("Complete", int(complete))
        statistics = StageStatistics(
            stage=self.stage,
            started_at=self._started_at,
            finished_at=dt.datetime.now(dt.UTC),
            duration_seconds=round(self.seconds(), 3),
            regions=regions,
            services=services,
            pairs=pairs,
            complete=complete,
            **details,
        )
        fields = statistics.model_dump(mode="json", exclude_none=True, exclude={"stage"})
        _logger.info("Stage %s finished", self.stage, extra=fields)
        return statistics

    def report_statistics(
        self,
        report: ReportMetadata,
        **details: Any,  # noqa: ANN401 - as above
    ) -> StageStatistics:
        """Do the same for a stage that read or created this report."""
        return self.statistics(
            regions=report.unique_regions,
            services=report.unique_services,
            pairs=report.total_combinations,
            complete=report.complete,
            **details,
        )


@contextmanager
def running(stage: StageName, execution_id: str) -> Iterator[StageRun]:
    """Run the block as a stage: measure it, and add the stage and the execution to its log lines.

    Raises
    ------
    ApplicationError
        The error of the block, as the class that the state machine expects; see
        `errors.mark_transient`.
    """
    log_in_every_line(execution_id=execution_id, stage=stage.value)
    run = StageRun(stage)
    try:
        yield run
    except ApplicationError as error:
        marked = mark_transient(error)
        if marked is error:
            raise
        raise marked from error
    finally:
        measure("StageDuration", run.seconds(), "Seconds")
