"""Queries on a checkpoint: filters, counts, and durations in days.

The first argument of each function is the events, as a `polars.DataFrame` or as a
`polars.LazyFrame` from `polars.scan_parquet`. Filters, groups and timings return the same kind. A
LazyFrame reads nothing until it is collected. Then it reads only the required columns, and only
row groups that may contain a match. Counts and lists are computed immediately, and read no more
than that either.

Times are in UTC. The timestamps in a checkpoint are in UTC, a timestamp without a time zone is
taken as UTC, and a day begins at midnight UTC.

Examples
--------
>>> events = pl.DataFrame({"center_label": ["alpha", "beta"], "action": ["submit", "submit"]})
>>> filter_by_center_label(events, "alpha").height
1
>>> get_action_counts(events)
{'submit': 2}
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

SUBMIT, PASS_QC, NOT_PASS_QC = "submit", "pass-qc", "not-pass-qc"

DATE_FORMAT = "%Y-%m-%d"

_FILTERED_COLUMNS = ("action", "center_label", "pipeline_adcid", "timestamp")

_ONE_DAY = dt.timedelta(days=1)


def filter_by_center_label[F: (pl.DataFrame, pl.LazyFrame)](df: F, center_label: str) -> F:
    """Return the events of a center."""
    return df.filter(pl.col("center_label") == center_label)


def filter_by_packet_type[F: (pl.DataFrame, pl.LazyFrame)](df: F, packet: str | None) -> F:
    """Return the events with a packet. If it is None, return the events without a packet."""
    column = pl.col("packet")
    return df.filter(column.is_null() if packet is None else column == packet)


def filter_by_center_and_action[F: (pl.DataFrame, pl.LazyFrame)](
    df: F, center_label: str, action: str
) -> F:
    """Return the events of a center with an action."""
    return df.filter(pl.col("center_label") == center_label, pl.col("action") == action)


def filter_by_date_range[F: (pl.DataFrame, pl.LazyFrame)](
    df: F,
    start_date: str | dt.date | None = None,
    end_date: str | dt.date | None = None,
    date_field: str = "visit_date",
) -> F:
    """Return the events from one date to another, inclusive.

    Parameters
    ----------
    start_date, end_date
        Dates, or strings as `YYYY-MM-DD`. None means no limit.
    date_field
        `visit_date`, or `timestamp` for its UTC day.

    Raises
    ------
    ValueError
        If a limit is not a date, or `date_field` is neither of the two.
    """
    first, last = _day("start_date", start_date), _day("end_date", end_date)
    if date_field == "timestamp":
        start = None if first is None else _midnight(first)
        after = None if last is None or last == dt.date.max else _midnight(last + _ONE_DAY)
        return _filter_timestamps(df, start, after, end_included=False)
    if date_field != "visit_date":
        raise ValueError(f"date_field is {date_field!r}; it must be 'visit_date' or 'timestamp'")
    visits = pl.col("visit_date")
    # ISO dates sort like strings, so no row needs to be parsed.
    text = df.collect_schema()["visit_date"] == pl.String
    if first is not None:
        df = df.filter(visits >= (first.isoformat() if text else first))
    if last is not None:
        df = df.filter(visits <= (last.isoformat() if text else last))
    return df


def filter_by_timestamp_range[F: (pl.DataFrame, pl.LazyFrame)](
    df: F,
    start_timestamp: dt.datetime | None = None,
    end_timestamp: dt.datetime | None = None,
) -> F:
    """Return the events from one time to another, inclusive.

    Parameters
    ----------
    start_timestamp, end_timestamp
        Times in any time zone; UTC if they have no time zone. None means no limit.
    """
    return _filter_timestamps(df, start_timestamp, end_timestamp, end_included=True)


def count_events_by_action(df: pl.DataFrame | pl.LazyFrame, action: str) -> int:
    """Return the number of events with an action."""
    return _count(df.lazy().filter(pl.col("action") == action))


def count_not_pass_qc_events(df: pl.DataFrame | pl.LazyFrame) -> int:
    """Return the number of `not-pass-qc` events."""
    return count_events_by_action(df, NOT_PASS_QC)


def count_by_center_and_action(
    df: pl.DataFrame | pl.LazyFrame, center_label: str, action: str
) -> int:
    """Return the number of events of a center with an action."""
    return _count(filter_by_center_and_action(df.lazy(), center_label, action))


def get_action_counts(df: pl.DataFrame | pl.LazyFrame) -> dict[str, int]:
    """Return the number of events for each action, sorted by action."""
    counts = group_and_count_by_multiple_fields(df.lazy(), ["action"]).collect()
    return dict(counts.iter_rows())


def group_by_packet_type[F: (pl.DataFrame, pl.LazyFrame)](df: F) -> F:
    """Return the number of events for each packet, in the columns `packet` and `count`.

    Sorted by packet. Events without a packet come first.
    """
    return group_and_count_by_multiple_fields(df, ["packet"])


def group_and_count_by_multiple_fields[F: (pl.DataFrame, pl.LazyFrame)](
    df: F, group_fields: Sequence[str]
) -> F:
    """Return the number of events for each combination of values, in a column `count`.

    Sorted by the fields in the given order. Missing values form a group, which comes first. The
    counts add up to the number of events.

    Raises
    ------
    ValueError
        If there are no fields, or a field is not a column.
    """
    if isinstance(group_fields, str) or not group_fields:
        raise ValueError("group_fields must be a list with at least one column")
    if missing := [name for name in group_fields if name not in df.collect_schema()]:
        raise ValueError(f"there is no column {missing[0]!r} to group by")
    return df.group_by(group_fields).agg(pl.len().alias("count")).sort(group_fields)


def calculate_submission_timing_metrics[F: (pl.DataFrame, pl.LazyFrame)](df: F) -> F:
    """Return the submissions, with `days_from_visit_to_submit`.

    These are the days from the visit date to the UTC day of the timestamp: 0 on the same day, and
    negative if the visit date is later.

    Raises
    ------
    polars.exceptions.PolarsError
        If a visit date is not a date, which never happens in a checkpoint. A LazyFrame raises it
        when it is collected.
    """
    return _with_days(df, SUBMIT, "days_from_visit_to_submit")


def calculate_qc_timing_metrics[F: (pl.DataFrame, pl.LazyFrame)](df: F) -> F:
    """Return the passed quality controls, with `days_from_visit_to_qc`.

    Days and errors are those of `calculate_submission_timing_metrics`.
    """
    return _with_days(df, PASS_QC, "days_from_visit_to_qc")


def days_from_visit(moments: pl.Expr, visit_dates: pl.Expr | None = None) -> pl.Expr:
    """Return the days from the visit date to the day of a time.

    Parameters
    ----------
    moments
        Times in UTC.
    visit_dates
        Dates. None means the column `visit_date`.
    """
    visits = pl.col("visit_date") if visit_dates is None else visit_dates
    return (moments.dt.date() - visits).dt.total_days()


def get_centers_list(df: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return the labels of all centers, sorted."""
    return _values(df, "center_label")


def get_actions_list(df: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return all actions that occur, sorted."""
    return _values(df, "action")


def get_packet_types_list(df: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return all packets that occur, sorted and without the missing packet."""
    return _values(df, "packet")


def validate_parquet_schema_supports_filtering(df: pl.DataFrame | pl.LazyFrame) -> bool:
    """Check that the columns used by filters exist and have the right types.

    Returns
    -------
    bool
        Always True.

    Raises
    ------
    ValueError
        If a column is missing or has another type. The message names it.
    """
    schema = df.collect_schema()
    for name in _FILTERED_COLUMNS:
        if name not in schema:
            raise ValueError(f"the column {name} is missing")
        dtype = schema[name]
        match name:
            case "timestamp":
                fits, wanted = isinstance(dtype, pl.Datetime), "a Datetime"
            case "pipeline_adcid":
                fits, wanted = dtype.is_integer(), "an integer"
            case _:
                fits, wanted = dtype == pl.String, "a String"
        if not fits:
            raise ValueError(f"the column {name} must be {wanted}, but is {dtype}")
    return True


def _filter_timestamps[F: (pl.DataFrame, pl.LazyFrame)](
    df: F, start: dt.datetime | None, end: dt.datetime | None, *, end_included: bool
) -> F:
    dtype = df.collect_schema()["timestamp"]
    if not isinstance(dtype, pl.Datetime):
        raise ValueError(f"the column timestamp must be a Datetime, but is {dtype}")
    column = pl.col("timestamp")
    if start is not None:
        df = df.filter(column >= _moment(start, dtype.time_zone))
    if end is not None:
        bound = _moment(end, dtype.time_zone)
        df = df.filter(column <= bound if end_included else column < bound)
    return df


def _moment(moment: dt.datetime, time_zone: str | None) -> pl.Expr:
    """Return a time in the type of the column. Casting the column would force reading all of it."""
    aware = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    literal = pl.lit(aware.replace(tzinfo=None), pl.Datetime("us"))
    if time_zone is None:
        return literal
    return literal.dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)


def _with_days[F: (pl.DataFrame, pl.LazyFrame)](df: F, action: str, name: str) -> F:
    schema = df.collect_schema()
    moments, visits = pl.col("timestamp"), pl.col("visit_date")
    dtype = schema["timestamp"]
    if isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC"):
        moments = moments.dt.convert_time_zone("UTC")
    if schema["visit_date"] == pl.String:
        visits = visits.str.to_date(DATE_FORMAT)
    days = days_from_visit(moments, visits)
    return df.filter(pl.col("action") == action).with_columns(days.alias(name))


def _count(df: pl.LazyFrame) -> int:
    counted: int = df.select(pl.len()).collect().item()
    return counted


def _values(df: pl.DataFrame | pl.LazyFrame, name: str) -> list[str]:
    values = df.lazy().select(pl.col(name).drop_nulls().unique().sort()).collect()
    return values[name].to_list()


def _day(name: str, day: str | dt.date | None) -> dt.date | None:
    if isinstance(day, str):
        try:
            parsed = dt.date.fromisoformat(day)
        except ValueError:
            parsed = None
        # The standard library also accepts 20240115 and 2024-W03-1.
        if parsed is None or parsed.isoformat() != day:
            raise ValueError(f"{name} is {day!r}; it must be a date as YYYY-MM-DD")
        return parsed
    if isinstance(day, dt.datetime):
        raise ValueError(f"{name} is a datetime: pass a date, or use filter_by_timestamp_range")
    return day


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
