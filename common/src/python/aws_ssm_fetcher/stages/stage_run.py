"""What all stages share: timing, the fields of their log lines, their metrics, their errors.

Metrics, each with the dimension `service` (the function):

==========================  =======  ==========================================================
name                        unit     what
==========================  =======  ==========================================================
StageDuration               Seconds  how long the stage worked, whether it succeeded or not
Regions                     Count    regions of the data
Services                    Count    services of the data
Pairs                       Count    combinations of region and service
Complete                    Count    1 where nothing is missing, else 0
SsmCalls                    Count    data fetcher: calls to SSM, each attempt counted
SsmRetries                  Count    data fetcher: those of them that repeated a failed one
ReportsPublished            Count    orchestrator: files that readers got; 0 where held back
ReportsMissing              Count    orchestrator: reports that could not be made
HeldBack                    Count    orchestrator: 1 where the set was held back, else 0
StepsFailedAfterPublishing  Count    orchestrator: copying to latest, cleaning up
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
from aws_ssm_fetcher.stages.errors import stable_form
from lambda_core.errors import ApplicationError
from lambda_core.observability import count, get_logger, log_in_every_line, measure

METRICS_NAMESPACE: Final = "RegionReport"

_logger = get_logger(__name__)


class StageRun:
    """One run of a stage, from its making on."""

    def __init__(self, stage: StageName) -> None:
        self.stage = stage
        self._started_at = dt.datetime.now(dt.UTC)
        self._started = time.monotonic()

    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._started

    def statistics(
        self,
        *,
        regions: int,
        services: int,
        pairs: int,
        complete: bool,
        **of_the_stage: Any,  # noqa: ANN401 - optional fields of the model, which checks them
    ) -> StageStatistics:
        """Return what the stage did, and tell it to metrics and log."""
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
            **of_the_stage,
        )
        told = statistics.model_dump(mode="json", exclude_none=True, exclude={"stage"})
        _logger.info("The stage %s is done", self.stage, extra=told)
        return statistics

    def statistics_of(
        self,
        report: ReportMetadata,
        **of_the_stage: Any,  # noqa: ANN401 - as above
    ) -> StageStatistics:
        """Return what a stage did that read or made a report, and tell it likewise."""
        return self.statistics(
            regions=report.unique_regions,
            services=report.unique_services,
            pairs=report.total_combinations,
            complete=report.complete,
            **of_the_stage,
        )


@contextmanager
def running(stage: StageName, execution_id: str) -> Iterator[StageRun]:
    """Run a stage.

    Raises
    ------
    ApplicationError
        What the stage raised, in the form that the state machine knows, see `errors.stable_form`.
    """
    log_in_every_line(execution_id=execution_id, stage=stage.value)
    run = StageRun(stage)
    try:
        yield run
    except ApplicationError as error:
        stable = stable_form(error)
        if stable is error:
            raise
        raise stable from error
    finally:
        measure("StageDuration", run.seconds(), "Seconds")
