"""What the stages are asked and what they answer: the events of the functions.

A stage takes the execution's id and the place where the stage before it left its artefacts, and
answers the same shape with statistics. The models are strict: what does not fit is refused with
an error that names the field, never guessed.
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
"""No execution's id, because the copies of the latest set lie under this name."""

_SHOWN_CHARACTERS: Final = 500


def _refuse_latest(execution_id: str) -> str:
    if execution_id == LATEST:
        raise ValueError(f"{LATEST!r} is reserved for the copies of the latest set")
    return execution_id


ExecutionId = Annotated[
    AnyExecutionId,
    AfterValidator(_refuse_latest),
    Field(json_schema_extra={"not": {"const": LATEST}}),
]
"""The ID of an execution. `latest` is not allowed, because it is the key of the latest set."""

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
    """What a stage did and how long it really took.

    Attributes
    ----------
    stage, started_at, finished_at, duration_seconds, status
        The stage's own timing, measured around its work.
    regions, services, pairs
        What the data holds.
    complete
        Whether the source gave everything that the report needs; of the orchestrator: and whether
        no report is missing.
    ssm_calls, ssm_retries, from_cache
        Of the fetcher: calls made, those of them that repeated a failed one, and whether the cache
        answered instead.
    files, bytes
        Of the generators and the orchestrator: the reports that were made, and their size.
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
    """What an execution is started with; all of it may be left out.

    Attributes
    ----------
    max_cache_age_hours
        Nothing older than this is taken from the cache; 0 takes nothing.
    zones
        Whether the regions' zones are read.
    cross_check
        Whether both trees are read and compared.
    max_pairs_drop_percent
        By how much the number of combinations may fall from the last set before this one is held
        back; 100 publishes whatever comes, None leaves it to the orchestrator's own setting.
    """

    max_cache_age_hours: CacheAgeHours | None = None
    zones: bool = True
    cross_check: bool = False
    max_pairs_drop_percent: Annotated[float, Field(ge=0, le=100)] | None = None


class FetchRequest(Contract):
    """What the data fetcher is asked.

    Attributes
    ----------
    execution_id
        Name of the execution.
    input
        The execution's input.
    default_max_cache_age_hours
        Where the input does not say it; None leaves it to the cache's own time to live.
    """

    execution_id: ExecutionId
    input: ExecutionInput = ExecutionInput()
    default_max_cache_age_hours: CacheAgeHours | None = None

    @property
    def max_cache_age_hours(self) -> float | None:
        """Nothing older than this is to be taken from the cache."""
        own = self.input.max_cache_age_hours
        return self.default_max_cache_age_hours if own is None else own


class StageRequest(Contract):
    """What a stage after the first is asked: whose artefacts it takes, and from where.

    `data_location` is what the stage before answered; any other place is refused.
    """

    execution_id: ExecutionId
    data_location: str


class StageResult(Contract):
    """What a stage answers: where it left its artefacts (an `s3://bucket/prefix/`)."""

    execution_id: ExecutionId
    data_location: str
    statistics: StageStatistics


class CaughtError(Contract):
    """An error as a Catch of Step Functions hands it on.

    `Error` is its name; `Cause` is JSON with `errorMessage` where a function raised it.
    """

    error: str = Field(alias="Error")
    cause: str = Field(default="", alias="Cause")

    model_config = ConfigDict(extra="ignore")

    @property
    def reason(self) -> str:
        """One line for a reader: the name and what the error said."""
        try:
            told = json.loads(self.cause)
        except ValueError:
            told = None
        message = told.get("errorMessage") if isinstance(told, dict) else self.cause
        line = " ".join(str(message or "").split())[:_SHOWN_CHARACTERS]
        return f"{self.error}: {line}" if line else self.error


class StageFailure(Contract):
    """What a branch hands on where its stage failed; whatever stands beside `error` is ignored."""

    error: CaughtError

    model_config = ConfigDict(extra="ignore")


class OrchestratorRequest(Contract):
    """What the orchestrator is asked: the results of all stages; a branch may have failed.

    `input` is the execution's.
    """

    execution_id: ExecutionId
    fetch: StageResult
    process: StageResult
    json_csv: StageResult | StageFailure
    excel: StageResult | StageFailure
    input: ExecutionInput = ExecutionInput()

    @model_validator(mode="after")
    def _is_of_one_execution(self) -> Self:
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
                raise ValueError(f"{field} is of execution {result.execution_id}")
            if result.statistics.stage is not stage:
                raise ValueError(f"{field} is a result of {result.statistics.stage}")
        return self


class OrchestratorResult(StageResult):
    """What the orchestrator answers.

    Attributes
    ----------
    published
        Whether the set is what readers get, or would get if no newer one had been published.
    complete
        Whether every report was made and the source gave everything that they need.
    held_back
        Why the set was not published, or None.
    superseded_by
        The newer execution whose set readers get instead, or None.
    """

    published: bool
    complete: bool
    held_back: str | None = None
    superseded_by: ExecutionId | None = None
