"""Questions to a checkpoint: filters, counts and the days that things took.

Each function takes the events as its first argument, either read (`polars.DataFrame`) or not yet
read (`polars.LazyFrame`, as `polars.scan_parquet` returns it). Filters, groups and timings return
the same kind as they got. On a LazyFrame nothing is read until it is collected, and then only the
columns that are needed and the row groups whose statistics allow for a match. Counts and lists
are answers at once, and read no more than that either.

Times are in UTC: a checkpoint's timestamps have that time zone, a timestamp without one is taken
for UTC, and a day begins at midnight UTC.
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
    """Return the events with a packet; with None those that have none."""
    column = pl.col("packet")
    return df.filter(column.is_null() if packet is None else column == packet)


def filter_by_center_and_action[F: (pl.DataFrame, pl.LazyFrame)](
    df: F, center_label: str, action: str
) -> F:
    """Return the events of a center that have an action."""
    return df.filter(pl.col("center_label") == center_label, pl.col("action") == action)


def filter_by_date_range[F: (pl.DataFrame, pl.LazyFrame)](
    df: F,
    start_date: str | dt.date | None = None,
    end_date: str | dt.date | None = None,
    date_field: str = "visit_date",
) -> F:
    """Return the events from one day to another, both included.

    Parameters
    ----------
    start_date, end_date
        Days, as dates or as `YYYY-MM-DD`; None is no bound.
    date_field
        Which day counts: `visit_date`, or the day of `timestamp` in UTC.

    Raises
    ------
    ValueError
        If a bound is no day, or there is no such field.
    """
    first, last = _day("start_date", start_date), _day("end_date", end_date)
    if date_field == "timestamp":
        start = None if first is None else _midnight(first)
        after = None if last is None or last == dt.date.max else _midnight(last + _ONE_DAY)
        return _filter_timestamps(df, start, after, end_included=False)
    if date_field != "visit_date":
        raise ValueError(f"date_field is {date_field!r}; it must be 'visit_date' or 'timestamp'")
    visits = pl.col("visit_date")
    # ISO dates have the order of their texts, so that no row needs to be parsed.
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
    """Return the events from one moment to another, both included.

    Parameters
    ----------
    start_timestamp, end_timestamp
        Moments in any time zone, UTC where they have none; None is no bound.
    """
    return _filter_timestamps(df, start_timestamp, end_timestamp, end_included=True)


def count_events_by_action(df: pl.DataFrame | pl.LazyFrame, action: str) -> int:
    """Return how many events have an action."""
    return _count(df.lazy().filter(pl.col("action") == action))


def count_not_pass_qc_events(df: pl.DataFrame | pl.LazyFrame) -> int:
    """Return how many events tell of a visit that did not pass quality control."""
    return count_events_by_action(df, NOT_PASS_QC)


def count_by_center_and_action(
    df: pl.DataFrame | pl.LazyFrame, center_label: str, action: str
) -> int:
    """Return how many events of a center have an action."""
    return _count(filter_by_center_and_action(df.lazy(), center_label, action))


def get_action_counts(df: pl.DataFrame | pl.LazyFrame) -> dict[str, int]:
    """Return how many events each action has, in the order of the actions' names."""
    counts = group_and_count_by_multiple_fields(df.lazy(), ["action"]).collect()
    return dict(counts.iter_rows())


def group_by_packet_type[F: (pl.DataFrame, pl.LazyFrame)](df: F) -> F:
    """Return how many events each packet has: columns `packet` and `count`.

    Sorted by packet; the events without one are the first row.
    """
    return group_and_count_by_multiple_fields(df, ["packet"])


def group_and_count_by_multiple_fields[F: (pl.DataFrame, pl.LazyFrame)](
    df: F, group_fields: Sequence[str]
) -> F:
    """Return how many events each combination of values has, in a column `count`.

    Sorted by the fields in their order; no value comes before every value, and is a group as
    every other. The counts add up to the number of events.

    Raises
    ------
    ValueError
        If there are no fields, or one is none of the columns.
    """
    if isinstance(group_fields, str) or not group_fields:
        raise ValueError("group_fields must name one column at least, in a list")
    if missing := [name for name in group_fields if name not in df.collect_schema()]:
        raise ValueError(f"there is no column {missing[0]!r} to group by")
    return df.group_by(group_fields).agg(pl.len().alias("count")).sort(group_fields)


def calculate_submission_timing_metrics[F: (pl.DataFrame, pl.LazyFrame)](df: F) -> F:
    """Return the submissions, with `days_from_visit_to_submit`.

    The days between the visit's date and the day of the timestamp in UTC: 0 on the same day,
    negative where the visit's date is later.

    Raises
    ------
    polars.exceptions.PolarsError
        If a visit date is no date; such an event is never in a checkpoint. A LazyFrame raises it
        when it is collected.
    """
    return _with_days(df, SUBMIT, "days_from_visit_to_submit")


def calculate_qc_timing_metrics[F: (pl.DataFrame, pl.LazyFrame)](df: F) -> F:
    """Return the passes of quality control, with `days_from_visit_to_qc`.

    Days and errors are as those of `calculate_submission_timing_metrics`.
    """
    return _with_days(df, PASS_QC, "days_from_visit_to_qc")


def days_from_visit(moments: pl.Expr, visit_dates: pl.Expr | None = None) -> pl.Expr:
    """Return the days from a visit's date to the day of a moment.

    Parameters
    ----------
    moments
        In UTC.
    visit_dates
        Dates; None for those of the column `visit_date`.
    """
    visits = pl.col("visit_date") if visit_dates is None else visit_dates
    return (moments.dt.date() - visits).dt.total_days()


def get_centers_list(df: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return the labels of all centers, sorted."""
    return _values(df, "center_label")


def get_actions_list(df: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return all actions that there are, sorted."""
    return _values(df, "action")


def get_packet_types_list(df: pl.DataFrame | pl.LazyFrame) -> list[str]:
    """Return all packets that there are, sorted; not that an event may have none."""
    return _values(df, "packet")


def validate_parquet_schema_supports_filtering(df: pl.DataFrame | pl.LazyFrame) -> bool:
    """Check that the columns that filters use are there and can be compared.

    Returns
    -------
    bool
        True.

    Raises
    ------
    ValueError
        If one is missing or has another type; names it.
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
            raise ValueError(f"the column {name} must be {wanted}, and is {dtype}")
    return True


def _filter_timestamps[F: (pl.DataFrame, pl.LazyFrame)](
    df: F, start: dt.datetime | None, end: dt.datetime | None, *, end_included: bool
) -> F:
    dtype = df.collect_schema()["timestamp"]
    if not isinstance(dtype, pl.Datetime):
        raise ValueError(f"the column timestamp must be a Datetime, and is {dtype}")
    column = pl.col("timestamp")
    if start is not None:
        df = df.filter(column >= _moment(start, dtype.time_zone))
    if end is not None:
        bound = _moment(end, dtype.time_zone)
        df = df.filter(column <= bound if end_included else column < bound)
    return df


def _moment(moment: dt.datetime, time_zone: str | None) -> pl.Expr:
    """Return a moment in a column's own type: a cast column could not be compared unread."""
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
        # The standard library also reads 20240115 and 2024-W03-1.
        if parsed is None or parsed.isoformat() != day:
            raise ValueError(f"{name} is {day!r}; it must be a date as YYYY-MM-DD")
        return parsed
    if isinstance(day, dt.datetime):
        raise ValueError(f"{name} is a moment; ask filter_by_timestamp_range, or give a date")
    return day


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
