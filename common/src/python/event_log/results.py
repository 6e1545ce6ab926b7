"""Options and results of a checkpoint run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from event_log.errors import (
    CheckpointError,
)
from event_log.layout import Group

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run does beside the usual.

    Attributes
    ----------
    rebuild
        Make the checkpoints anew from all event files.
    retry_rejected
        Read refused objects again.
    most_objects
        Objects that are read in one run; the others are left to the next.
    deadline
        Time of the reader's clock after which nothing is listed or read.
    """

    rebuild: bool = False
    retry_rejected: bool = False
    most_objects: int = 1_000_000
    deadline: float | None = None


@dataclass
class Balance:
    """What became of every listed object, new or known; the parts add up to `listed`.

    Attributes
    ----------
    listed
        Objects, or versions, that S3 listed.
    other_names
        Not named as event files are.
    in_checkpoint
        Each is a row.
    duplicates
        Their content is the row of another object of the same key.
    filtered
        Of practice projects.
    rejected
        Refused; the `rejected` file says why.
    archived
        To be read once they are restored.
    gone
        Deleted or replaced since they were listed.
    failed
        Could not be read; the next run tries again.
    unsaved
        Read, but their checkpoint could not be saved; the next run tries again.
    deferred
        Left to the next run.
    """

    listed: int = 0
    other_names: int = 0
    in_checkpoint: int = 0
    duplicates: int = 0
    filtered: int = 0
    rejected: int = 0
    archived: int = 0
    gone: int = 0
    failed: int = 0
    unsaved: int = 0
    deferred: int = 0


@dataclass(frozen=True)
class GroupResult:
    """What became of one checkpoint.

    Attributes
    ----------
    key
        Its key.
    group
        Study and datatype; None where all events are in one.
    new_events
        Rows that were added.
    total_events
        Rows in all; 0 where that is not known.
    last_timestamp
        Time of the latest event.
    size
        Of the file in bytes.
    first
        Whether there was no checkpoint before.
    error
        Why it was not saved; None where it was, or where nothing was new.
    """

    key: str
    group: Group | None
    new_events: int = 0
    total_events: int = 0
    last_timestamp: dt.datetime | None = None
    size: int = 0
    first: bool = False
    error: CheckpointError | None = None


@dataclass
class RunResult:
    """What a run did.

    Attributes
    ----------
    balance
        What became of every listed object.
    groups
        Each checkpoint.
    refused_keys
        Of objects that this run refused.
    filtered
        Objects of practice projects that this run read.
    failed_keys
        Of objects that could not be read.
    rows_without_object
        Rows whose object is no longer listed; None where not all objects were listed.
    listed_all
        Whether the time sufficed to list everything that was to be listed; where it did not, the
        balance is of what was listed.
    """

    balance: Balance = field(default_factory=Balance)
    groups: list[GroupResult] = field(default_factory=list)
    refused_keys: list[str] = field(default_factory=list)
    filtered: int = 0
    failed_keys: list[str] = field(default_factory=list)
    rows_without_object: int | None = None
    listed_all: bool = True
