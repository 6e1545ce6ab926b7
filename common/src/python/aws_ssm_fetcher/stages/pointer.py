"""The pointer `reports/latest.json`: which set of reports readers should take.

It is the one object that executions share. It is switched by a conditional write, so that of two
executions at once the newer one stays, and it never goes back to an older one.
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
        Whose set it is, and where it lies in the bucket.
    generated_at
        The time stamp of its reports.
    pairs, regions, services
        What it holds.
    complete
        Whether nothing is missing in it.
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
    def _prefix_is_the_executions(self) -> Self:
        if self.prefix != set_prefix(self.execution_id):
            raise ValueError(f"the set of {self.execution_id} is not at {self.prefix!r}")
        return self

    def is_newer_than(self, other: Pointer) -> bool:
        """Compare by age; two of the same second are told apart by their names."""
        ours, theirs = self.generated_at, other.generated_at
        return (ours, self.execution_id) > (theirs, other.execution_id)


class Outcome(Enum):
    """What became of the wish to switch the pointer."""

    SWITCHED = auto()
    ALREADY_OURS = auto()
    SUPERSEDED = auto()
    """It names a newer execution, and stays there."""
    HELD_BACK = auto()
    """So many pairs have gone that a person should look first."""


@dataclass(frozen=True)
class Switch:
    """The outcome, and what the pointer named when it was decided (None: nothing yet)."""

    outcome: Outcome
    standing: Pointer | None


def decide(standing: Pointer | None, ours: Pointer, max_pairs_drop_percent: float) -> Outcome:
    """Say what to do with a pointer; SWITCHED where it should be switched."""
    if standing is None:
        return Outcome.SWITCHED
    if standing.execution_id == ours.execution_id:
        return Outcome.ALREADY_OURS
    if not ours.is_newer_than(standing):
        return Outcome.SUPERSEDED
    if (standing.pairs - ours.pairs) * 100 > max_pairs_drop_percent * standing.pairs:
        return Outcome.HELD_BACK
    return Outcome.SWITCHED


def read_pointer(objects: S3Objects) -> Pointer | None:
    """Read the pointer, or return None where there is none yet.

    Raises
    ------
    ReportError
        What stands there is no pointer.
    """
    return _parse(objects.find(POINTER_KEY), objects.bucket)


def switch_pointer(objects: S3Objects, ours: Pointer, max_pairs_drop_percent: float) -> Switch:
    """Have the pointer name our set, unless it must stay where it is.

    Raises
    ------
    ReportError
        What stands there is no pointer.
    S3Error
        S3 refused or failed, or others were faster too many times.
    """
    seen = Switch(Outcome.SWITCHED, None)

    def change(stored: StoredObject | None) -> bytes:
        nonlocal seen
        standing = _parse(stored, objects.bucket)
        seen = Switch(decide(standing, ours, max_pairs_drop_percent), standing)
        if seen.outcome is not Outcome.SWITCHED:
            raise _StayError
        previous = standing.execution_id if standing else None
        changed = ours.model_copy(update={"previous": previous})
        return f"{changed.model_dump_json(indent=2)}\n".encode()

    try:
        objects.update(POINTER_KEY, change, content_type="application/json")
    except _StayError:
        return seen
    return seen


class _StayError(Exception):
    """Leaves the pointer where it is."""


def _parse(stored: StoredObject | None, bucket: str) -> Pointer | None:
    if stored is None:
        return None
    try:
        return Pointer.model_validate_json(stored.content)
    except ValidationError as error:
        raise ReportError(
            f"{POINTER_KEY!r} in bucket {bucket} is no pointer to a set of reports: restore an "
            "earlier version of it, or delete it to have the next execution write it anew",
            bucket=bucket,
            key=POINTER_KEY,
        ) from error
