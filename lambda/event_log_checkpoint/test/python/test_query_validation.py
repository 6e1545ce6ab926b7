"""Queries compared with plain Python, and the parts of a file that they read."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from event_log_testing.rows import event_row
from hypothesis import given
from hypothesis import strategies as st

from event_log import query_validation as ask
from event_log.schema import EVENT_SCHEMA

ACTIONS = ["submit", "pass-qc", "not-pass-qc", "delete"]

CENTERS = ["alpha", "beta", "gamma"]

PACKETS = [None, "I", "F", "I4"]

MODULES = [None, "UDS", "FTLD"]

NEW_YEAR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

type Row = dict[str, Any]

type Frame = pl.DataFrame | pl.LazyFrame

MOMENTS = st.datetimes(
    dt.datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy adds the time zone
    dt.datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
) | st.integers(-90_000, 90_000).map(lambda seconds: NEW_YEAR + dt.timedelta(seconds=seconds))
"""Times, many of them close to midnight."""

DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)) | st.dates(
    dt.date(2023, 12, 30), dt.date(2024, 1, 3)
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(ACTIONS),
            "study": st.just("adrc"),
            "pipeline_adcid": st.integers(1, 99),
            "project_label": st.just("ingest-form"),
            "center_label": st.sampled_from(CENTERS),
            "gear_name": st.just("gear"),
            "ptid": st.sampled_from(["1", "2"]),
            "visit_date": DAYS.map(dt.date.isoformat),
            "visit_number": st.none() | st.just("1"),
            "datatype": st.just("form"),
            "module": st.sampled_from(MODULES),
            "packet": st.sampled_from(PACKETS),
            "timestamp": MOMENTS,
        }
    ),
    max_size=12,
)

KINDS = pytest.mark.parametrize(
    "kind",
    [pytest.param(pl.DataFrame.clone, id="read"), pytest.param(pl.DataFrame.lazy, id="lazy")],
)


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=EVENT_SCHEMA)


def both_ways(rows: list[Row], question: Callable[[Any], Frame]) -> list[Row]:
    """Query a DataFrame and a LazyFrame. Both must return the same rows, and their own kind."""
    read, unread = question(frame(rows)), question(frame(rows).lazy())
    assert isinstance(read, pl.DataFrame)
    assert isinstance(unread, pl.LazyFrame)
    assert unread.collect().equals(read)
    return read.to_dicts()


@given(ROWS, st.sampled_from([*CENTERS, "nowhere"]), st.sampled_from(ACTIONS))
def test_filters_by_value_return_exactly_the_matches(
    rows: list[Row], center: str, action: str
) -> None:
    of_center = [event for event in rows if event["center_label"] == center]
    assert both_ways(rows, lambda df: ask.filter_by_center_label(df, center)) == of_center
    of_both = [event for event in of_center if event["action"] == action]
    answer = both_ways(rows, lambda df: ask.filter_by_center_and_action(df, center, action))
    assert answer == of_both
    for kind in (frame(rows), frame(rows).lazy()):
        assert ask.count_by_center_and_action(kind, center, action) == len(of_both)
        of_action = sum(event["action"] == action for event in rows)
        assert ask.count_events_by_action(kind, action) == of_action
        failed = sum(event["action"] == "not-pass-qc" for event in rows)
        assert ask.count_not_pass_qc_events(kind) == failed


@given(ROWS, st.sampled_from([*PACKETS, "none"]))
def test_filter_by_packet_or_missing_packet(rows: list[Row], packet: str | None) -> None:
    expected = [event for event in rows if event["packet"] == packet]
    assert both_ways(rows, lambda df: ask.filter_by_packet_type(df, packet)) == expected


@given(ROWS, st.none() | DAYS, st.none() | DAYS, st.booleans())
def test_date_range_includes_both_visit_dates(
    rows: list[Row], first: dt.date | None, last: dt.date | None, as_text: bool
) -> None:
    expected = [
        event
        for event in rows
        if (first or dt.date.min) <= dt.date.fromisoformat(event["visit_date"])
        and dt.date.fromisoformat(event["visit_date"]) <= (last or dt.date.max)
    ]
    start, end = (day.isoformat() if day and as_text else day for day in (first, last))
    assert both_ways(rows, lambda df: ask.filter_by_date_range(df, start, end)) == expected
    # If another program wrote the file, the column may contain dates.
    dates = frame(rows).with_columns(pl.col("visit_date").str.to_date())
    answer = ask.filter_by_date_range(dates, start, end)
    assert answer.with_columns(pl.col("visit_date").cast(pl.String)).to_dicts() == expected


@given(ROWS, st.none() | DAYS, st.none() | DAYS)
def test_date_range_of_timestamps_uses_whole_utc_days(
    rows: list[Row], first: dt.date | None, last: dt.date | None
) -> None:
    expected = [
        event
        for event in rows
        if (first or dt.date.min) <= event["timestamp"].date() <= (last or dt.date.max)
    ]
    answer = both_ways(
        rows, lambda df: ask.filter_by_date_range(df, first, last, date_field="timestamp")
    )
    assert answer == expected


@given(
    ROWS,
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=-8))]),
    st.sampled_from(["UTC", None, "America/New_York"]),
)
def test_timestamps_in_any_zone_are_compared(
    rows: list[Row],
    start: dt.datetime | None,
    end: dt.datetime | None,
    zone: dt.timezone | None,
    column_zone: str | None,
) -> None:
    expected = [
        event
        for event in rows
        if (start is None or event["timestamp"] >= start)
        and (end is None or event["timestamp"] <= end)
    ]
    start, end = (
        moment and (moment.astimezone(zone) if zone else moment.replace(tzinfo=None))
        for moment in (start, end)
    )
    answer = both_ways(rows, lambda df: ask.filter_by_timestamp_range(df, start, end))
    assert answer == expected
    moments = pl.col("timestamp")
    other = (
        moments.dt.convert_time_zone(column_zone)
        if column_zone
        else moments.dt.replace_time_zone(None)
    )
    found = ask.filter_by_timestamp_range(frame(rows).with_columns(other), start, end)
    assert found.height == len(expected)


@given(ROWS, st.permutations(["center_label", "module", "packet", "action", "visit_number"]))
def test_groups_count_each_event_once(rows: list[Row], names: list[str]) -> None:
    fields = names[:3]
    counts = Counter(tuple(event[field] for field in fields) for event in rows)
    groups = both_ways(rows, lambda df: ask.group_and_count_by_multiple_fields(df, fields))
    assert {tuple(group[field] for field in fields): group["count"] for group in groups} == counts
    assert len(groups) == len(counts)
    keys = [[(group[name] is not None, group[name] or "") for name in fields] for group in groups]
    assert keys == sorted(keys), "sorted, and no value first"

    packets = both_ways(rows, ask.group_by_packet_type)
    expected = Counter(event["packet"] for event in rows)
    assert {group["packet"]: group["count"] for group in packets} == expected


@given(ROWS)
def test_lists_and_counts(rows: list[Row]) -> None:
    for kind in (frame(rows), frame(rows).lazy()):
        assert ask.get_centers_list(kind) == sorted({event["center_label"] for event in rows})
        assert ask.get_actions_list(kind) == sorted({event["action"] for event in rows})
        packets = {event["packet"] for event in rows} - {None}
        assert ask.get_packet_types_list(kind) == sorted(packets)
        counts = Counter(event["action"] for event in rows)
        assert list(ask.get_action_counts(kind).items()) == sorted(counts.items())


@given(ROWS)
def test_days_from_visit_to_timestamp(rows: list[Row]) -> None:
    for question, action, name in (
        (ask.calculate_submission_timing_metrics, "submit", "days_from_visit_to_submit"),
        (ask.calculate_qc_timing_metrics, "pass-qc", "days_from_visit_to_qc"),
    ):
        expected = [
            {
                **event,
                name: (event["timestamp"].date() - dt.date.fromisoformat(event["visit_date"])).days,
            }
            for event in rows
            if event["action"] == action
        ]
        assert both_ways(rows, question) == expected


@KINDS
def test_days_of_a_timestamp_in_another_zone_are_utc_days(
    kind: Callable[[pl.DataFrame], Any],
) -> None:
    late = event_row(visit_date="2024-01-20", timestamp=dt.datetime(2024, 1, 21, 2, tzinfo=dt.UTC))
    for zone in ("UTC", "America/New_York", None):
        column = pl.col("timestamp")
        events = frame([late]).with_columns(
            column.dt.convert_time_zone(zone) if zone else column.dt.replace_time_zone(None)
        )
        timed = ask.calculate_submission_timing_metrics(kind(events))
        assert timed.lazy().collect()["days_from_visit_to_submit"].to_list() == [1], zone


@pytest.mark.parametrize(
    "day", ["2024-1-5", "20240105", "2024-W01-5", "2024-02-30", "", "yesterday", "2024-01-05T00:00"]
)
@pytest.mark.parametrize("field", ["visit_date", "timestamp"])
def test_bound_that_is_not_a_date_is_rejected(day: str, field: str) -> None:
    with pytest.raises(ValueError, match=r"start_date is .* YYYY-MM-DD"):
        ask.filter_by_date_range(frame([event_row()]), day, date_field=field)
    with pytest.raises(ValueError, match=r"end_date is .* YYYY-MM-DD"):
        ask.filter_by_date_range(frame([event_row()]), None, day, date_field=field)


def test_datetime_is_not_a_date() -> None:
    with pytest.raises(ValueError, match="filter_by_timestamp_range"):
        ask.filter_by_date_range(frame([event_row()]), NEW_YEAR)


def test_unknown_field_is_rejected() -> None:
    with pytest.raises(ValueError, match="'visit_date' or 'timestamp'"):
        ask.filter_by_date_range(frame([event_row()]), date_field="birthday")
    with pytest.raises(ValueError, match="no column 'modul'"):
        ask.group_and_count_by_multiple_fields(frame([event_row()]), ["modul"])
    nothing: list[str] | str
    for nothing in ([], "module"):
        with pytest.raises(ValueError, match="must be a list"):
            ask.group_and_count_by_multiple_fields(frame([event_row()]), nothing)


def test_latest_possible_date_can_be_a_bound() -> None:
    rows = [event_row(visit_date="9999-12-31")]
    days = ("0001-01-01", "9999-12-31")
    assert ask.filter_by_date_range(frame(rows), *days).height == 1
    assert ask.filter_by_date_range(frame(rows), *days, date_field="timestamp").height == 1


def test_invalid_visit_date_is_an_error() -> None:
    with pytest.raises(pl.exceptions.PolarsError, match="2024-02-30"):
        ask.calculate_submission_timing_metrics(frame([event_row(visit_date="2024-02-30")]))


@KINDS
def test_schema_of_a_checkpoint_supports_filtering(kind: Callable[[pl.DataFrame], Frame]) -> None:
    assert ask.validate_parquet_schema_supports_filtering(kind(frame([]))) is True


@KINDS
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("action", pl.Int64),
        ("center_label", pl.Binary),
        ("pipeline_adcid", pl.String),
        ("timestamp", pl.String),
        ("timestamp", pl.Date),
    ],
)
def test_column_with_another_type_is_named(
    kind: Callable[[pl.DataFrame], Frame], name: str, dtype: type[pl.DataType]
) -> None:
    events = frame([])
    with pytest.raises(ValueError, match=f"column {name} must be"):
        ask.validate_parquet_schema_supports_filtering(
            kind(events.with_columns(pl.lit(None, dtype).alias(name)))
        )
    with pytest.raises(ValueError, match=f"column {name} is missing"):
        ask.validate_parquet_schema_supports_filtering(kind(events.drop(name)))


QUESTIONS: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "center": (
        lambda df: ask.filter_by_center_label(df, "alpha").select("ptid"),
        {"center_label", "ptid"},
    ),
    "packet": (lambda df: ask.filter_by_packet_type(df, "I").select("ptid"), {"packet", "ptid"}),
    "no packet": (
        lambda df: ask.filter_by_packet_type(df, None).select("ptid"),
        {"packet", "ptid"},
    ),
    "center and action": (
        lambda df: ask.filter_by_center_and_action(df, "alpha", "submit").select("ptid"),
        {"center_label", "action", "ptid"},
    ),
    "visit date": (
        lambda df: ask.filter_by_date_range(df, "2024-01-01", "2024-01-31").select("ptid"),
        {"visit_date", "ptid"},
    ),
    "day": (
        lambda df: ask.filter_by_date_range(
            df, "2024-01-01", "2024-01-31", date_field="timestamp"
        ).select("ptid"),
        {"timestamp", "ptid"},
    ),
    "moment": (
        lambda df: ask.filter_by_timestamp_range(df, NEW_YEAR).select("ptid"),
        {"timestamp", "ptid"},
    ),
    "groups": (
        lambda df: ask.group_and_count_by_multiple_fields(df, ["module", "action"]),
        {"module", "action"},
    ),
    "days": (
        lambda df: ask.calculate_submission_timing_metrics(df).select("days_from_visit_to_submit"),
        {"action", "visit_date", "timestamp"},
    ),
    "count": (lambda df: ask.count_events_by_action(df, "submit"), {"action"}),
    "list": (ask.get_centers_list, {"center_label"}),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_only_the_needed_columns_are_read(name: str, tmp_path: Path) -> None:
    """The other columns are corrupted, so that reading them fails."""
    question, needed = QUESTIONS[name]
    events = frame([event_row(ptid=str(number)) for number in range(100)])
    path = tmp_path / "checkpoint.parquet"
    events.write_parquet(path)
    expected = question(events.lazy())
    for column in EVENT_SCHEMA.keys() - needed:
        corrupt(path, column=column)
    answer = question(pl.scan_parquet(path))
    if isinstance(answer, pl.LazyFrame):
        assert answer.collect().equals(expected.collect())
    else:
        assert answer == expected
    with pytest.raises(pl.exceptions.PolarsError):
        pl.scan_parquet(path).collect()


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(lambda df: ask.filter_by_timestamp_range(df, at(25), at(34)), id="moments"),
        pytest.param(
            lambda df: ask.filter_by_date_range(df, day(25), day(34), date_field="timestamp"),
            id="days",
        ),
        pytest.param(lambda df: ask.filter_by_date_range(df, day(25), day(34)), id="visits"),
        pytest.param(lambda df: ask.filter_by_center_label(df, "c2"), id="center"),
        pytest.param(
            lambda df: ask.filter_by_center_and_action(df, "c2", "submit"), id="center and action"
        ),
        pytest.param(lambda df: ask.filter_by_packet_type(df, "p2"), id="packet"),
        pytest.param(lambda df: ask.filter_by_packet_type(df, None), id="no packet"),
    ],
)
def test_only_row_groups_that_may_match_are_read(
    question: Callable[[pl.LazyFrame], pl.LazyFrame], tmp_path: Path
) -> None:
    """Of eight row groups with ten days each, only the third and fourth are intact."""
    packets = [None if number // 10 == 3 else f"p{number // 10}" for number in range(80)]
    events = frame(
        [
            event_row(
                timestamp=at(number),
                visit_date=day(number),
                center_label=f"c{number // 10}",
                packet=packets[number],
            )
            for number in range(80)
        ]
    )
    path = tmp_path / "checkpoint.parquet"
    events.write_parquet(path, row_group_size=10)
    expected = question(events.lazy()).collect()
    assert expected.height == 10
    for group in {0, 1, 4, 5, 6, 7}:
        corrupt(path, row_group=group)
    unread = question(pl.scan_parquet(path))
    assert "SELECTION" in unread.explain(), "the filter is part of the scan"
    assert "FILTER" not in unread.explain()
    assert unread.collect().equals(expected)
    with pytest.raises(pl.exceptions.PolarsError):
        pl.scan_parquet(path).collect()


def at(number: int) -> dt.datetime:
    return NEW_YEAR + dt.timedelta(days=number)


def day(number: int) -> str:
    return at(number).date().isoformat()


def corrupt(path: Path, column: str | None = None, row_group: int | None = None) -> None:
    """Overwrite the pages of a column or row group, which DuckDB locates."""
    chunks = duckdb.execute(
        "select path_in_schema, row_group_id, "
        "least(coalesce(dictionary_page_offset, data_page_offset), data_page_offset), "
        "total_compressed_size from parquet_metadata(?)",
        [str(path)],
    ).fetchall()
    content = bytearray(path.read_bytes())
    corrupted = [
        range(start, start + size)
        for name, group, start, size in chunks
        if column in (None, name) and row_group in (None, group)
    ]
    assert corrupted
    for position in itertools.chain.from_iterable(corrupted):
        content[position] = 0xFF
    path.write_bytes(content)
