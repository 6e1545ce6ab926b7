from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.dates import from_iso, iso, parse_date, received_time, sorting_time
from patch_tracker.models import UNKNOWN_TIME

NOON = dt.datetime(2021, 10, 21, 12, tzinfo=dt.UTC)
TIMES = st.datetimes(min_value=UNKNOWN_TIME.replace(tzinfo=None), timezones=st.just(dt.UTC)).map(
    lambda time: time.replace(microsecond=0)
)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Thu, 21 Oct 2021 09:14:43 -0700", "2021-10-21T16:14:43Z"),
        ("Thu, 21 Oct 2021\n 09:14:43 -0700 (PDT)", "2021-10-21T16:14:43Z"),
        ("Sat, 31 Oct 20 02:20:53 GMT", "2020-10-31T02:20:53Z"),
        ("21 Oct 2021 09:14:43", "2021-10-21T09:14:43Z"),
        ("Mon, 18 Jun 2085 15:57:19 +0000", "2085-06-18T15:57:19Z"),
    ],
)
def test_dates_are_parsed(text: str, time: str) -> None:
    found = parse_date(text)
    assert found is not None
    assert iso(found) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Mon, 99 Foo 2021",
        "1 Jan 1969 00:00:00 +0000",
        "1 Jan 99999 00:00:00 +0000",
    ],
)
def test_invalid_dates_are_none(text: str) -> None:
    assert parse_date(text) is None


def test_the_topmost_valid_received_header_is_used() -> None:
    headers = ["from x by y", "by z; Thu, 21 Oct 2021 12:00:00 +0000", "by a; 1 Jan 2000 00:00:00"]
    assert received_time(headers) == NOON
    assert received_time([]) is None


def test_an_implausible_date_is_not_used_for_sorting() -> None:
    written = NOON - dt.timedelta(hours=3)
    assert sorting_time(written, NOON) == written
    assert sorting_time(NOON.replace(year=2085), NOON) == NOON
    assert sorting_time(NOON.replace(year=1999), NOON) == NOON
    assert sorting_time(None, NOON) == NOON
    assert sorting_time(written, None) == written
    assert sorting_time(NOON.replace(year=2085), None) == UNKNOWN_TIME
    assert sorting_time(None, None) == UNKNOWN_TIME


@given(TIMES, TIMES)
def test_formatted_times_sort_by_time_and_can_be_parsed(
    first: dt.datetime, second: dt.datetime
) -> None:
    assert (iso(first) < iso(second)) == (first < second)
    assert len(iso(first)) == 20
    assert from_iso(iso(first)) == first


@given(st.text())
def test_any_text_is_accepted(text: str) -> None:
    parse_date(text)
