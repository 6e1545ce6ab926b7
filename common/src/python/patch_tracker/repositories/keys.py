"""Keys of both tables; `docs/patch-tracker.md` explains them.

Rows that are no patch and no mail have ids that begin with `#`, which no project does.
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
"""Attribute by which DynamoDB removes rows that are of no more use, in seconds since 1970."""

ONLY = "-"
"""Sort key of rows in Discussions that are alone in their partition."""


def patch_id(project: str, message_id: str) -> str:
    """Return the id of a patch, and of a mail: message ids are unique in a project only."""
    return f"{project}#{message_id}"


def split_id(item_id: str) -> tuple[str, str]:
    """Return project and message id of an id."""
    project, _, message_id = item_id.partition("#")
    return project, message_id


def number_id(project: str, number: int) -> str:
    """Return the id of the row that finds a patch by Patchwork's number."""
    return f"#NUMBER#{project}#{number}"


def months_id(project: str) -> str:
    """Return the id of the row with the months of which there are patches."""
    return f"#MONTHS#{project}"


def cursor_id(source: str, project: str) -> str:
    """Return the id of the row that remembers how far a source was read."""
    return f"#CURSOR#{source}#{project}"


def lock_id(project: str) -> str:
    """Return the id of the row that lets one run write at a time."""
    return f"#LOCK#{project}"


def node_id(project: str, message_id: str) -> str:
    """Return the id of the row that tells the thread of a message id, seen or mentioned."""
    return f"#NODE#{project}#{message_id}"


def members_id(project: str, root: str) -> str:
    """Return the partition of a thread's members."""
    return f"#THREAD#{project}#{root}"


def body_id(project: str, message_id: str, digest: str) -> str:
    """Return the partition of the pieces of a large mail."""
    return f"#BODY#{project}#{message_id}#{digest}"


def submitter_key(project: str, email: str) -> str:
    """Return the partition of a person's patches."""
    return f"SUBMITTER#{project}#{email.lower()}"


def series_key(project: str, series: int) -> str:
    """Return the partition of a series."""
    return f"SERIES#{project}#{series}"


def status_key(status: str, project: str, month: str) -> str:
    """Return the partition of the patches of one status and month.

    One partition a status would grow without bound and take every write of a busy list.
    """
    return f"STATUS#{status.upper()}#{project}#{month}"


def patch_key(project: str, message_id: str) -> str:
    """Return the partition of what belongs to a patch, cover letter or pull request."""
    return f"PATCH#{project}#{message_id}"


def thread_key(project: str, root: str) -> str:
    """Return the partition of a thread."""
    return f"THREAD#{project}#{root}"


def author_key(project: str, email: str) -> str:
    """Return the partition of a person's mails."""
    return f"AUTHOR#{project}#{email.lower()}"


def sort_key(time: dt.datetime, suffix: str) -> str:
    """Return a sort key that sorts as time, and that is unique by its suffix."""
    return f"{iso(time)}#{suffix}"


def month_of(time: dt.datetime) -> str:
    """Return the month of a time, `2026-11`."""
    return iso(time)[:7]


def missing_id(project: str, message_id: str) -> str:
    """Return the id of the row that tells that the archive does not have a mail."""
    return f"#MISSING#{project}#{message_id}"
