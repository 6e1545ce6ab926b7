"""Options and results of a checkpoint run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from event_log.errors import CheckpointError
    from event_log.layout import Group


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run differs from the default.

    Attributes
    ----------
    rebuild
        Rewrite the checkpoints from all event files.
    retry_rejected
        Read rejected objects again.
    max_objects
        Objects to read in this run; the rest is deferred to the next run.
    deadline
        Time on the reader's clock after which nothing more is listed or read.
    """

    rebuild: bool = False
    retry_rejected: bool = False
    max_objects: int = 1_000_000
    deadline: float | None = None


@dataclass
class Balance:
    """What happened to each listed object; the other counts add up to `listed`.

    Attributes
    ----------
    listed
        Objects, or object versions, that S3 listed.
    other_names
        The name is not that of an event file.
    in_checkpoint
        The object is a row.
    duplicates
        The content equals that of a row with the same key.
    filtered
        The event belongs to a sandbox project.
    rejected
        The content is not a valid event; the `rejected` file has the reason.
    archived
        Unreadable until it is restored from the archive.
    gone
        Deleted or replaced after it was listed.
    failed
        Could not be read; the next run retries.
    unsaved
        Read, but the checkpoint could not be saved; the next run retries.
    deferred
        Left for the next run.
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
    """The result for one checkpoint.

    Attributes
    ----------
    key
        The checkpoint's key.
    group
        Study and datatype, or None if there is a single checkpoint.
    new_events
        Rows added.
    total_events
        Rows in total; 0 if unknown.
    last_timestamp
        Time of the latest event.
    size
        Size of the file in bytes.
    first
        Whether there was no checkpoint before this run.
    error
        Why the checkpoint was not saved. None if it was saved or nothing changed.
    """

    key: str
    group: Group | None
    new_events: int = 0
    total_events: int = 0
    last_timestamp: dt.datetime | None = None
    size: int = 0
    first: bool = False
    error: CheckpointError | None = None


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes
    ----------
    balance
        What happened to each listed object.
    groups
        The result for each checkpoint.
    rejected_keys
        Keys of objects that this run rejected.
    filtered
        Number of sandbox objects that this run read.
    failed_keys
        Keys of objects that could not be read.
    rows_without_object
        Rows whose object is no longer listed; None if not all objects were listed.
    listed_all
        Whether there was time to list everything. If not, the balance covers what was listed.
    """

    balance: Balance
    groups: list[GroupResult]
    rejected_keys: list[str]
    filtered: int
    failed_keys: list[str]
    rows_without_object: int | None
    listed_all: bool
