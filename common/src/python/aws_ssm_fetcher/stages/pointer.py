"""The pointer `reports/latest.json`, which names the set of reports that readers should use.

It is the only object that executions share. A conditional write switches it: if two executions run
concurrently, the newer one wins, and the pointer never returns to an older set.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from pydantic import AwareDatetime, ValidationError, model_validator

from aws_ssm_fetcher.stages.contracts import Count, ExecutionId
from aws_ssm_fetcher.stages.keys import POINTER_KEY, set_prefix
from lambda_core.contracts import Contract
from lambda_core.errors import ReportError
from lambda_core.s3 import S3Objects, StoredObject


class Pointer(Contract):
    """The content of `reports/latest.json`.

    Attributes
    ----------
    execution_id, prefix
        The execution that created the set, and the set's prefix in the bucket.
    generated_at
        The time stamp of its reports.
    pairs, regions, services
        Counts of its data.
    complete
        Whether the set is complete.
    previous
        The execution that the pointer named before, or None.
    """

    execution_id: ExecutionId
    prefix: str
    generated_at: AwareDatetime
    pairs: Count
    regions: Count
    services: Count
    complete: bool
    previous: ExecutionId | None = None

    @model_validator(mode="after")
    def _require_prefix_of_the_execution(self) -> Self:
        if self.prefix != set_prefix(self.execution_id):
            raise ValueError(f"the set of {self.execution_id} is not at {self.prefix!r}")
        return self

    def is_newer_than(self, other: Pointer) -> bool:
        """Compare by time stamp; equal time stamps are ordered by execution ID."""
        ours, theirs = self.generated_at, other.generated_at
        return (ours, self.execution_id) > (theirs, other.execution_id)


class Outcome(Enum):
    """The result of an attempt to switch the pointer."""

    SWITCHED = auto()
    ALREADY_OURS = auto()
    SUPERSEDED = auto()
    """The pointer names a newer execution, so it was not changed."""
    HELD_BACK = auto()
    """So many pairs have disappeared that a person should check the set first."""


@dataclass(frozen=True)
class Switch:
    """The outcome, and the pointer at the time of the decision (None if there was none yet)."""

    outcome: Outcome
    current: Pointer | None


def decide(current: Pointer | None, ours: Pointer, max_pairs_drop_percent: float) -> Outcome:
    """Decide whether to switch from the current pointer to ours; SWITCHED means yes."""
    if current is None:
        return Outcome.SWITCHED
    if current.execution_id == ours.execution_id:
        return Outcome.ALREADY_OURS
    if not ours.is_newer_than(current):
        return Outcome.SUPERSEDED
    if (current.pairs - ours.pairs) * 100 > max_pairs_drop_percent * current.pairs:
        return Outcome.HELD_BACK
    return Outcome.SWITCHED


def read_pointer(objects: S3Objects) -> Pointer | None:
    """Read the pointer, or return None if there is none yet.

    Raises
    ------
    ReportError
        If the object is not a valid pointer.
    """
    return _parse(objects.find(POINTER_KEY), objects.bucket)


def switch_pointer(objects: S3Objects, ours: Pointer, max_pairs_drop_percent: float) -> Switch:
    """Switch the pointer to our set, if `decide` allows it.

    Raises
    ------
    ReportError
        If the object is not a valid pointer.
    S3Error
        If S3 rejected a request or failed, or other writers were faster too many times.
    """
    seen = Switch(Outcome.SWITCHED, None)

    def change(stored: StoredObject | None) -> bytes:
        nonlocal seen
        current = _parse(stored, objects.bucket)
        seen = Switch(decide(current, ours, max_pairs_drop_percent), current)
        if seen.outcome is not Outcome.SWITCHED:
            raise _UnchangedError
        previous = current.execution_id if current else None
        changed = ours.model_copy(update={"previous": previous})
        return f"{changed.model_dump_json(indent=2)}\n".encode()

    try:
        objects.update(POINTER_KEY, change, content_type="application/json")
    except _UnchangedError:
        return seen
    return seen


class _UnchangedError(Exception):
    """Ends the update without a write."""


def _parse(stored: StoredObject | None, bucket: str) -> Pointer | None:
    if stored is None:
        return None
    try:
        return Pointer.model_validate_json(stored.content)
    except ValidationError as error:
        raise ReportError(
            f"{POINTER_KEY!r} in bucket {bucket} is not a valid pointer to a set of reports: "
            "restore an earlier version of it, or delete it and the next execution creates it",
            bucket=bucket,
            key=POINTER_KEY,
        ) from error
