"""What the function answers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from event_log.layout import GroupedCheckpoints

if TYPE_CHECKING:
    from event_log.results import GroupResult, RunResult
    from event_log.settings import Assignment

MOST_KEYS: Final = 1000
"""Keys that an answer names; one of Lambda's has at most 6 MB."""


class Details(BaseModel):
    """Files that did not become rows: the first of their keys, and how many there are."""

    failed_files: list[str]
    error_count: int


class SavedGroup(BaseModel):
    """A group whose checkpoint is up to date; `events` of them are new."""

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
    """The answer; fields that do not apply are left out.

    Attributes
    ----------
    statusCode
        200 where all went well; 207 where files could not be read or groups not be saved, and the
        next run makes good for it; 400 where the event or the environment is wrong; 500 where
        nothing could be done.
    checkpoint_path
        Address of the checkpoint; with groups, of the template.
    new_events_processed, total_events
        Rows that were added, and all.
    events_failed
        Files of this run that were refused or could not be read.
    events_filtered
        Files of practice projects that this run read.
    last_processed_timestamp
        Time of the latest event, ISO 8601.
    execution_time_ms
        Of the run.
    balance
        What became of every listed object; the parts add up to `listed`. Where the time did not
        suffice to list all, it is of those that were.
    rows_without_object
        Rows whose object is no longer listed, where all were listed.
    complete
        Whether nothing was left to the next run.
    """

    model_config = ConfigDict(frozen=True)

    statusCode: int  # noqa: N815 - Lambda's name for it
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
    """Return the answer to a run that did nothing."""
    return Response(
        statusCode=status,
        error=type(error).__name__,
        message=str(error),
        details=Details(failed_files=[], error_count=1),
        execution_time_ms=milliseconds,
    )


def success(assignment: Assignment, result: RunResult, milliseconds: float) -> Response:
    """Return the answer to a run."""
    groups = result.groups
    failed_groups = [one for one in groups if one.error]
    failed_keys = [*result.refused_keys, *result.failed_keys]
    partial = bool(result.failed_keys or failed_groups)
    nothing_saved = bool(groups) and len(failed_groups) == len(groups)
    timestamps = [one.last_timestamp for one in groups if one.last_timestamp]
    balance = dataclasses.asdict(result.balance)
    return Response(
        statusCode=500 if nothing_saved else 207 if partial else 200,
        checkpoint_path=f"s3://{assignment.checkpoint_bucket}/{assignment.layout}",
        new_events_processed=sum(one.new_events for one in groups),
        total_events=sum(one.total_events for one in groups),
        events_failed=len(failed_keys),
        events_filtered=result.filtered,
        last_processed_timestamp=max(timestamps).isoformat() if timestamps else None,
        execution_time_ms=milliseconds,
        complete=result.listed_all
        and not (balance["deferred"] or balance["failed"] or balance["unsaved"]),
        balance=balance,
        rows_without_object=result.rows_without_object,
        details=Details(failed_files=failed_keys[:MOST_KEYS], error_count=len(failed_keys))
        if failed_keys or failed_groups
        else None,
        **_of_groups(groups) if isinstance(assignment.layout, GroupedCheckpoints) else {},
        **{
            "error": "GroupsFailed",
            "message": "no group's checkpoint could be brought up to date",
        }
        if nothing_saved
        else {},
    )


def _of_groups(groups: list[GroupResult]) -> dict[str, Any]:
    named = [(one, one.group) for one in groups if one.group]
    saved = [
        SavedGroup(
            study=group.study,
            datatype=group.datatype,
            events=one.new_events,
            checkpoint_key=one.key,
        )
        for one, group in named
        if not one.error
    ]
    failed = [
        FailedGroup(study=group.study, datatype=group.datatype, error=str(one.error))
        for one, group in named
        if one.error
    ]
    return {
        "groups_processed": len(saved),
        "groups_failed": len(failed),
        "successful_groups": saved,
        "failed_groups": failed,
    }
