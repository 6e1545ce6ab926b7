"""When a mail was written and received, even if its headers are wrong or missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from patch_tracker.models import UNKNOWN_TIME

AHEAD: Final = dt.timedelta(days=1)
"""How far the Date header may be ahead of the time of receipt."""

BEHIND: Final = dt.timedelta(days=400)
"""How far the Date header may be before the time of receipt."""


def parse_date(value: str) -> dt.datetime | None:
    """Parse the date of a header (RFC 5322, section 3.3).

    Returns
    -------
    datetime or None
        UTC, in whole seconds. None if the text is not a date from 1970 to 9999.

    Examples
    --------
    >>> parse_date("Thu, 21 Oct 2021 09:14:43 -0700")
    datetime.datetime(2021, 10, 21, 16, 14, 43, tzinfo=datetime.timezone.utc)
    """
    try:
        date = parsedate_to_datetime(" ".join(value.split()))
        if date.tzinfo is None:
            date = date.replace(tzinfo=dt.UTC)
        date = date.astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return date if date >= UNKNOWN_TIME else None


def received_time(received: Sequence[str]) -> dt.datetime | None:
    """Return when the list's server received a mail: the date of the topmost `Received` header.

    Headers without a valid date are skipped. public-inbox's search calls this time `rt:`.
    """
    for header in received:
        date = parse_date(header.rpartition(";")[2])
        if date is not None:
            return date
    return None


def sorting_time(date: dt.datetime | None, received: dt.datetime | None) -> dt.datetime:
    """Return the time by which a mail is sorted.

    This is the Date header if it is close enough to the time of receipt, otherwise the time of
    receipt. Without a time of receipt, it is a plausible Date header (see `is_plausible`),
    otherwise `UNKNOWN_TIME`.
    """
    if received is None:
        return date if date is not None and is_plausible(date) else UNKNOWN_TIME
    if date is None or not received - BEHIND <= date <= received + AHEAD:
        return received
    return date


def is_plausible(date: dt.datetime) -> bool:
    """Whether a date that nothing else confirms can be used: from 1990 until before 2050."""
    return 1990 <= date.year < 2050


def iso(time: dt.datetime) -> str:
    """Format a time as `2021-10-21T16:14:43Z`: always 20 characters, sorts by time."""
    return time.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def from_iso(text: str) -> dt.datetime:
    """Parse the output of `iso`."""
    return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
