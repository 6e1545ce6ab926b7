"""The response of the checkpoint function."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from event_log.layout import GroupedCheckpoints
from lambda_core.errors import InvalidEventError

if TYPE_CHECKING:
    from event_log.results import GroupResult, RunResult
    from event_log.settings import ResolvedRequest

MAX_KEYS: Final = 1000
"""Keys that a response lists; Lambda limits a response to 6 MB."""


class Details(BaseModel):
    """Files that did not become rows: the first keys, and the total number."""

    failed_files: list[str]
    error_count: int


class SavedGroup(BaseModel):
    """A group whose checkpoint is up to date; `events` is the number of new events."""

    study: str
    datatype: str
    events: int
    checkpoint_key: str


class FailedGroup(BaseModel):
    """A group whose checkpoint could not be brought up to date."""

    study: str
    datatype: str
    error: str


class Response(BaseModel):
    """The response. Fields that do not apply are omitted.

    Attributes
    ----------
    statusCode
        200: success. 207: some files could not be read, or some groups not saved; the next run
        retries. 400: the event or the environment is not valid. 500: nothing was saved.
    checkpoint_path
        URL of the checkpoint or, with groups, of the template.
    new_events_processed, total_events
        Rows added, and rows in total.
    events_failed
        Files that this run rejected or could not read.
    events_filtered
        Files of sandbox projects that this run read.
    last_processed_timestamp
        Time of the latest event, ISO 8601.
    execution_time_ms
        Duration of the run.
    balance
        What happened to each listed object; the other counts add up to `listed`. If there was not
        enough time to list everything, it covers what was listed.
    rows_without_object
        Rows whose object is no longer listed, if everything was listed.
    complete
        Whether nothing was deferred to the next run.
    error
        Kind of the error. `ValidationError` if the event is not valid.
    message
        What failed, and what to do.
    details
        Files that did not become rows.
    """

    model_config = ConfigDict(frozen=True)

    statusCode: int  # noqa: N815 - as Lambda spells it
    checkpoint_path: str | None = None
    new_events_processed: int | None = None
    total_events: int | None = None
    events_failed: int | None = None
    events_filtered: int | None = None
    last_processed_timestamp: str | None = None
    execution_time_ms: float
    complete: bool | None = None
    balance: dict[str, int] | None = None
    rows_without_object: int | None = None
    groups_processed: int | None = None
    groups_failed: int | None = None
    successful_groups: list[SavedGroup] | None = None
    failed_groups: list[FailedGroup] | None = None
    error: str | None = None
    message: str | None = None
    details: Details | None = None

    def content(self) -> dict[str, Any]:
        """Return the fields that apply, as JSON values."""
        content = self.model_dump(mode="json", exclude_none=True)
        if self.statusCode < 400:
            content.setdefault("last_processed_timestamp", None)
        return content


def failure(error: Exception, status: int, milliseconds: float) -> Response:
    """Return the response to a run that saved nothing."""
    return Response(
        statusCode=status,
        # Callers rely on the name that the public implementation returns.
        error="ValidationError" if isinstance(error, InvalidEventError) else type(error).__name__,
        message=str(error),
        details=Details(failed_files=[], error_count=1),
        execution_time_ms=milliseconds,
    )


def success(resolved: ResolvedRequest, result: RunResult, milliseconds: float) -> Response:
    """Return the response to a run."""
    groups = result.groups
    failed_groups = [group for group in groups if group.error]
    failed_keys = [*result.rejected_keys, *result.failed_keys]
    partial = bool(result.failed_keys or failed_groups)
    nothing_saved = bool(groups) and len(failed_groups) == len(groups)
    timestamps = [group.last_timestamp for group in groups if group.last_timestamp]
    balance = dataclasses.asdict(result.balance)
    return Response(
        statusCode=500 if nothing_saved else 207 if partial else 200,
        checkpoint_path=f"s3://{resolved.checkpoint_bucket}/{resolved.layout}",
        new_events_processed=sum(group.new_events for group in groups),
        total_events=sum(group.total_events for group in groups),
        events_failed=len(failed_keys),
        events_filtered=result.filtered,
        last_processed_timestamp=max(timestamps).isoformat() if timestamps else None,
        execution_time_ms=milliseconds,
        complete=result.listed_all
        and not (balance["deferred"] or balance["failed"] or balance["unsaved"]),
        balance=balance,
        rows_without_object=result.rows_without_object,
        details=Details(failed_files=failed_keys[:MAX_KEYS], error_count=len(failed_keys))
        if failed_keys or failed_groups
        else None,
        **_group_fields(groups) if isinstance(resolved.layout, GroupedCheckpoints) else {},
        **{
            "error": "GroupsFailed",
            "message": "no checkpoint could be saved; the log has the reason for each group",
        }
        if nothing_saved
        else {},
    )


def _group_fields(groups: list[GroupResult]) -> dict[str, Any]:
    named = [(result, result.group) for result in groups if result.group]
    saved = [
        SavedGroup(
            study=group.study,
            datatype=group.datatype,
            events=result.new_events,
            checkpoint_key=result.key,
        )
        for result, group in named
        if not result.error
    ]
    failed = [
        FailedGroup(study=group.study, datatype=group.datatype, error=str(result.error))
        for result, group in named
        if result.error
    ]
    return {
        "groups_processed": len(saved),
        "groups_failed": len(failed),
        "successful_groups": saved,
        "failed_groups": failed,
    }
