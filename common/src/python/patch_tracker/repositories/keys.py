"""Keys of both tables. `docs/patch-tracker.md` explains them.

The IDs of internal items start with `#`. IDs of patches and mails start with the project, whose
name cannot start with `#`.
"""

from __future__ import annotations

import datetime as dt

from patch_tracker.mail.dates import iso

SUBMITTER_INDEX = "SubmitterIndex"
SERIES_INDEX = "SeriesIndex"
STATUS_INDEX = "StatusIndex"
PATCH_INDEX = "PatchIndex"
THREAD_INDEX = "ThreadIndex"
AUTHOR_INDEX = "AuthorIndex"

EXPIRY = "expires_at"
"""Attribute with the time (seconds since 1970) after which DynamoDB deletes an item."""

ONLY = "-"
"""Sort key of items that are alone in their partition, in the table Discussions."""


def patch_id(project: str, message_id: str) -> str:
    """Return the ID of a patch or mail. Message IDs are unique only within a project."""
    return f"{project}#{message_id}"


def split_id(item_id: str) -> tuple[str, str]:
    """Return the project and the message ID in an ID."""
    project, _, message_id = item_id.partition("#")
    return project, message_id


def number_id(project: str, number: int) -> str:
    """Return the ID of the item that points from Patchwork's number to the patch."""
    return f"#NUMBER#{project}#{number}"


def months_id(project: str) -> str:
    """Return the ID of the item with the months for which there are patches."""
    return f"#MONTHS#{project}"


def cursor_id(source: str, project: str) -> str:
    """Return the ID of the item with the cursor of a source."""
    return f"#CURSOR#{source}#{project}"


def lock_id(project: str) -> str:
    """Return the ID of the item that lets only one run write at a time."""
    return f"#LOCK#{project}"


def node_id(project: str, message_id: str) -> str:
    """Return the ID of the item with the thread of a message ID that was received or mentioned."""
    return f"#NODE#{project}#{message_id}"


def members_id(project: str, root: str) -> str:
    """Return the ID of the members of a thread."""
    return f"#THREAD#{project}#{root}"


def body_id(project: str, message_id: str, digest: str) -> str:
    """Return the ID of the pieces of a large mail."""
    return f"#BODY#{project}#{message_id}#{digest}"


def submitter_key(project: str, email: str) -> str:
    """Return the partition of a person's patches."""
    return f"SUBMITTER#{project}#{email.lower()}"


def series_key(project: str, series: int) -> str:
    """Return the partition of a series."""
    return f"SERIES#{project}#{series}"


def status_key(status: str, project: str, month: str) -> str:
    """Return the partition of the patches with a status in a month.

    A single partition per status would grow without limit and receive every write of a busy list.
    """
    return f"STATUS#{status.upper()}#{project}#{month}"


def patch_key(project: str, message_id: str) -> str:
    """Return the partition of the mails about a patch, cover letter or pull request."""
    return f"PATCH#{project}#{message_id}"


def thread_key(project: str, root: str) -> str:
    """Return the partition of a thread."""
    return f"THREAD#{project}#{root}"


def author_key(project: str, email: str) -> str:
    """Return the partition of a person's mails."""
    return f"AUTHOR#{project}#{email.lower()}"


def sort_key(time: dt.datetime, suffix: str) -> str:
    """Return a sort key that sorts by time. The suffix makes it unique."""
    return f"{iso(time)}#{suffix}"


def month_of(time: dt.datetime) -> str:
    """Return the month of a time as `2026-11`."""
    return iso(time)[:7]


def missing_id(project: str, message_id: str) -> str:
    """Return the ID of the item that records that the archive does not have a mail."""
    return f"#MISSING#{project}#{message_id}"
