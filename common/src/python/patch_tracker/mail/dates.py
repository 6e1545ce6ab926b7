"""When a mail was written and received, where its headers lie or are silent too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from patch_tracker.models import UNKNOWN_TIME

AHEAD: Final = dt.timedelta(days=1)
"""How far a clock may be ahead of the list's server before it is not believed."""

BEHIND: Final = dt.timedelta(days=400)
"""How long before it was received a mail may have been written."""


def parse_date(value: str) -> dt.datetime | None:
    """Read a date of a header (RFC 5322, section 3.3), in whole seconds of UTC.

    None where it is none, or is outside the years 1970 to 9999.
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
    """Return when the list's server got a mail: the date of the uppermost `Received` header.

    This is what public-inbox's search calls `rt:`.
    """
    for header in received:
        date = parse_date(header.rpartition(";")[2])
        if date is not None:
            return date
    return None


def sorting_time(date: dt.datetime | None, received: dt.datetime | None) -> dt.datetime:
    """Return the time by which a mail is sorted.

    It is the mail's own date, unless the server's clock shows that it cannot be true: then it is
    the time at which it was received. Without either it is `UNKNOWN_TIME`; so is a date that only
    the sender vouches for and that is not a year of the list's history, see `believable`.
    """
    if received is None:
        return date if date is not None and believable(date) else UNKNOWN_TIME
    if date is None or not received - BEHIND <= date <= received + AHEAD:
        return received
    return date


def believable(date: dt.datetime) -> bool:
    """Whether a date that nothing else supports may be used: from 1990 to 2050."""
    return 1990 <= date.year < 2050


def iso(time: dt.datetime) -> str:
    """Write a time so that text sorts as time: `2021-10-21T16:14:43Z`, always 20 characters."""
    return time.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def from_iso(text: str) -> dt.datetime:
    """Read what `iso` wrote."""
    return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
