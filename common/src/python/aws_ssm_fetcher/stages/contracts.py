"""Requests and results of the stages, which are the events and responses of the functions.

A stage takes the execution's ID and the location of the previous stage's artefacts. Its result has
the same shape, plus statistics. The models are strict: an event that does not match is rejected
with an error that names the field.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    model_validator,
)

from lambda_core.contracts import Contract
from lambda_core.contracts import ExecutionId as AnyExecutionId

LATEST: Final = "latest"
"""Not allowed as an execution's ID, because it is the prefix of the copies of the latest set."""

_SHOWN_CHARACTERS: Final = 500


def _reject_latest(execution_id: str) -> str:
    if execution_id == LATEST:
        raise ValueError(f"{LATEST!r} is reserved for the copies of the latest set")
    return execution_id


ExecutionId = Annotated[
    AnyExecutionId,
    AfterValidator(_reject_latest),
    Field(json_schema_extra={"not": {"const": LATEST}}),
]
"""The ID of an execution; `LATEST` is not allowed."""

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
CacheAgeHours = Annotated[float, Field(ge=0, le=1_000_000)]


class StageName(StrEnum):
    """The stages, by the names of their functions."""

    DATA_FETCHER = "data_fetcher"
    PROCESSOR = "processor"
    JSON_CSV_GENERATOR = "json_csv_generator"
    EXCEL_GENERATOR = "excel_generator"
    REPORT_ORCHESTRATOR = "report_orchestrator"


class StageStatistics(Contract):
    """What a stage did, and its measured duration.

    Attributes
    ----------
    stage, started_at, finished_at, duration_seconds, status
        The stage and its timing.
    regions, services, pairs
        Counts of the data.
    complete
        Whether the source supplied everything that the report needs. For the orchestrator, also
        whether all reports exist.
    ssm_calls, ssm_retries, from_cache
        Data fetcher only: calls including retries, how many of them repeated a failed call, and
        whether all data came from the cache.
    files, bytes
        Generators and orchestrator only: number and total size of the reports.
    """

    stage: StageName
    started_at: AwareDatetime
    finished_at: AwareDatetime
    duration_seconds: Seconds
    status: Literal["succeeded"] = "succeeded"
    regions: Count
    services: Count
    pairs: Count
    complete: bool
    ssm_calls: Count | None = None
    ssm_retries: Count | None = None
    from_cache: bool | None = None
    files: Count | None = None
    bytes: Count | None = None


class ExecutionInput(Contract):
    """The input of an execution; every field is optional.

    Attributes
    ----------
    max_cache_age_hours
        The cache is used only for data that is not older than this; 0 bypasses it.
    zones
        Whether to read the zones of the regions.
    cross_check
        Whether to read and compare both trees.
    max_pairs_drop_percent
        The set is held back if it has fewer pairs than the last set by more than this percentage;
        100 publishes every set. None uses the orchestrator's setting.
    """

    max_cache_age_hours: CacheAgeHours | None = None
    zones: bool = True
    cross_check: bool = False
    max_pairs_drop_percent: Annotated[float, Field(ge=0, le=100)] | None = None


class FetchRequest(Contract):
    """The request of the data fetcher.

    Attributes
    ----------
    execution_id
        The execution's ID.
    input
        The execution's input.
    default_max_cache_age_hours
        Used if the input does not set `max_cache_age_hours`; None means the cache's time to live.
    """

    execution_id: ExecutionId
    input: ExecutionInput = ExecutionInput()
    default_max_cache_age_hours: CacheAgeHours | None = None

    @property
    def max_cache_age_hours(self) -> float | None:
        """The age limit that applies, or None for the cache's time to live."""
        own = self.input.max_cache_age_hours
        return self.default_max_cache_age_hours if own is None else own


class StageRequest(Contract):
    """The request of every stage after the first.

    `data_location` is the one in the previous stage's result; any other location is rejected.
    """

    execution_id: ExecutionId
    data_location: str


class StageResult(Contract):
    """The result of a stage: the location of its artefacts (`s3://bucket/prefix/`), statistics."""

    execution_id: ExecutionId
    data_location: str
    statistics: StageStatistics


class CaughtError(Contract):
    """An error as a Catch of Step Functions passes it on.

    `Error` is its name. If a function raised it, `Cause` is JSON with `errorMessage`.
    """

    error: str = Field(alias="Error")
    cause: str = Field(default="", alias="Cause")

    model_config = ConfigDict(extra="ignore")

    @property
    def reason(self) -> str:
        """The error's name and message in one line."""
        try:
            cause = json.loads(self.cause)
        except ValueError:
            cause = None
        message = cause.get("errorMessage") if isinstance(cause, dict) else self.cause
        line = " ".join(str(message or "").split())[:_SHOWN_CHARACTERS]
        return f"{self.error}: {line}" if line else self.error


class StageFailure(Contract):
    """The output of a branch whose stage failed; fields other than `error` are ignored."""

    error: CaughtError

    model_config = ConfigDict(extra="ignore")


class OrchestratorRequest(Contract):
    """The request of the orchestrator: the results of all stages, and the execution's input.

    A generator's branch may have failed.
    """

    execution_id: ExecutionId
    fetch: StageResult
    process: StageResult
    json_csv: StageResult | StageFailure
    excel: StageResult | StageFailure
    input: ExecutionInput = ExecutionInput()

    @model_validator(mode="after")
    def _require_results_of_this_execution(self) -> Self:
        expected = {
            "fetch": StageName.DATA_FETCHER,
            "process": StageName.PROCESSOR,
            "json_csv": StageName.JSON_CSV_GENERATOR,
            "excel": StageName.EXCEL_GENERATOR,
        }
        for field, stage in expected.items():
            result = getattr(self, field)
            if isinstance(result, StageFailure):
                continue
            if result.execution_id != self.execution_id:
                raise ValueError(f"{field} belongs to execution {result.execution_id}")
            if result.statistics.stage is not stage:
                raise ValueError(f"{field} is a result of {result.statistics.stage}")
        return self


class OrchestratorResult(StageResult):
    """The result of the orchestrator.

    Attributes
    ----------
    published
        False if the set was held back. True if readers get this set, or a newer one that was
        published before it.
    complete
        Whether all reports exist and the source supplied everything that they need.
    held_back
        The reason why the set was not published, or None.
    superseded_by
        The newer execution whose set readers get instead, or None.
    """

    published: bool
    complete: bool
    held_back: str | None = None
    superseded_by: ExecutionId | None = None
