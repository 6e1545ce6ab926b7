"""The monthly report: visits and their quality, by center, module and packet.

`RULES` states what is counted. Every format of the report shows these rules with the numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from event_log.query_validation import DATE_FORMAT, NOT_PASS_QC, PASS_QC, SUBMIT, days_from_visit
from event_log.schema import SOURCE_SCHEMA, UTC_MICROSECONDS

DELETE: Final = "delete"

RULES: Final = (
    "Only the latest version of each event file counts. Content that is stored again is not a new "
    "version.",
    "A visit is a combination of center (ADCID), participant, visit date, visit number, datatype "
    "and module. Its month is that of the visit date. Its packet is the latest packet in its "
    "events. A center's label is the latest label in the center's events.",
    "Passed and not passed are the visit's latest result of quality control. Waiting means that "
    "there is no result yet. If both results have the same time, not passed counts. The pass rate "
    "is the share of passed visits among the visits with a result.",
    "Days are counted from the visit date to the UTC day of the first submission, and to the UTC "
    "day of the first passed quality control.",
    "A deletion cancels all events of the visit up to the time of the deletion. A visit without "
    "later events counts only as deleted.",
)
"""What is counted, as sentences for the reader of the report."""

VISIT: Final = ("pipeline_adcid", "ptid", "visit_date", "visit_number", "datatype", "module")
"""The columns that identify a visit."""

_READ = (*VISIT, "center_label", "packet", "action", "timestamp")

_VERSION = {
    name: SOURCE_SCHEMA[name] for name in ("source_key", "source_last_modified", "source_etag")
}

_MONTH = "%Y-%m"

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "months": ("month",),
    "centers": ("pipeline_adcid", "center_label"),
    "modules": ("datatype", "module", "packet"),
    "detail": ("month", "pipeline_adcid", "center_label", "datatype", "module", "packet"),
}
"""The columns by which each table groups the visits."""

MEASURES: Final = (
    "visits",
    "passed",
    "not_passed",
    "waiting",
    "pass_rate",
    "submitted",
    "days_to_submission_median",
    "days_to_submission_mean",
    "days_to_qc_median",
    "days_to_qc_mean",
    "deleted",
)
"""The columns that each table shows for each group.

`visits` counts the visits that are not deleted: passed, not passed and waiting. `pass_rate` is a
fraction from 0 to 1. Rates and days are null if there is nothing to compute them from.
"""


@dataclass(frozen=True)
class Basis:
    """The input of a report, so that its numbers can be traced.

    Attributes
    ----------
    rows
        Rows of the checkpoint, that is, versions of event files.
    superseded
        Rows that are older versions of files that were stored again.
    unversioned
        Rows whose source is unknown. Each of them counts.
    events
        Events of the visits in the report.
    submitted_before_visit
        Visits whose first submission is before the visit date. Their days are negative.
    """

    rows: int
    superseded: int
    unversioned: int
    events: int
    submitted_before_visit: int


@dataclass(frozen=True)
class MonthlyReport:
    """The tables of a report. `TABLES` and `MEASURES` describe their columns.

    Attributes
    ----------
    month
        The requested month as `YYYY-MM`, or None for all months.
    """

    month: str | None
    basis: Basis
    months: pl.DataFrame
    centers: pl.DataFrame
    modules: pl.DataFrame
    detail: pl.DataFrame

    def table(self, name: str) -> pl.DataFrame:
        """Return the table with a name in `TABLES`."""
        tables = {
            "months": self.months,
            "centers": self.centers,
            "modules": self.modules,
            "detail": self.detail,
        }
        return tables[name]


def monthly_report(events: pl.DataFrame | pl.LazyFrame, month: str | None = None) -> MonthlyReport:
    """Return the report of a checkpoint.

    Parameters
    ----------
    events
        Rows of a checkpoint. If there is no column `source_key`, as in a checkpoint with 13
        columns, each row counts. From a LazyFrame, only the required columns are read.
    month
        The month of the visits, as `YYYY-MM`. None means all months.

    Raises
    ------
    ValueError
        If the month is not valid, or a column is missing.
    polars.exceptions.PolarsError
        If the file cannot be read, or a visit date is not a date.

    Examples
    --------
    >>> from event_log.checkpoint import Checkpoint
    >>> monthly_report(Checkpoint.empty().dataframe).basis.rows
    0
    """
    if month is not None:
        _check_month(month)
    read = _read(events)
    latest = _latest_versions(read)
    of_period = _visits(latest)
    if month is not None:
        of_period = of_period.filter(pl.col("month") == month)
    basis = Basis(
        rows=read.height,
        superseded=read.height - latest.height,
        unversioned=int(read["source_key"].null_count()),
        events=int(of_period["events"].sum()),
        submitted_before_visit=of_period.filter(pl.col("days_to_submission") < 0).height,
    )
    tables = {name: _summary(of_period, groups) for name, groups in TABLES.items()}
    return MonthlyReport(month=month, basis=basis, **tables)


def visits(events: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Return one row per visit, with its identity, month, result and days.

    Columns
    -------
    `VISIT`, `center_label`, `packet`, `month`
        The identity of the visit; see `RULES`.
    `events`
        Number of its events.
    `deleted`, `passed`, `not_passed`
        The result.
    `days_to_submission`, `days_to_qc`
        Null if there is no such event.

    Raises
    ------
    ValueError, polars.exceptions.PolarsError
        As for `monthly_report`.
    """
    return _visits(_latest_versions(_read(events)))


def _read(events: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Read the required columns, with dates as dates and times in UTC."""
    lazy = events.lazy()
    schema = lazy.collect_schema()
    if missing := [name for name in _READ if name not in schema]:
        raise ValueError(f"the checkpoint has no column {missing[0]}")
    date = pl.col("visit_date")
    moment = pl.col("timestamp").cast(UTC_MICROSECONDS)
    return lazy.select(
        *(pl.col(name) for name in _READ if name not in ("visit_date", "timestamp")),
        date.str.to_date(DATE_FORMAT) if schema["visit_date"] == pl.String else date,
        moment,
        *(
            pl.col(name) if name in schema else pl.lit(None, dtype).alias(name)
            for name, dtype in _VERSION.items()
        ),
    ).collect()


def _latest_versions(events: pl.DataFrame) -> pl.DataFrame:
    """Return the latest row of each source key, and the rows without one.

    The latest row is the one stored last. If several were stored at the same time, it is the one
    with the later event, and then the one with the greater ETag. Content that returned after other
    content has no separate row, so its row has the time when it was first stored.
    """
    known = pl.col("source_key").is_not_null()
    ordered = events.filter(known).sort("source_last_modified", "timestamp", "source_etag")
    latest = ordered.unique("source_key", keep="last")
    return pl.concat([latest, events.filter(~known)])


def _visits(events: pl.DataFrame) -> pl.DataFrame:
    moment, action = pl.col("timestamp"), pl.col("action")
    # The last row of a group is the latest; for equal times, the one whose packet sorts last.
    ordered = events.sort("timestamp", "packet")
    deletions = ordered.filter(action == DELETE).group_by(VISIT)
    deleted_at = deletions.agg(moment.max().alias("deleted_at"))
    current = (moment > pl.col("deleted_at")).fill_null(value=True)
    labels = pl.col("center_label").filter(moment == moment.max())
    centers = ordered.group_by("pipeline_adcid").agg(labels.max())
    results = (
        ordered.join(deleted_at, on=VISIT, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            pl.when(current & (action == kind)).then(moment).alias(kind)
            for kind in (SUBMIT, PASS_QC, NOT_PASS_QC)
        )
        .group_by(VISIT)
        .agg(
            pl.col("packet").drop_nulls().last(),
            pl.len().alias("events"),
            current.any().not_().alias("deleted"),
            pl.col(SUBMIT).min(),
            pl.col(PASS_QC).min().alias("first_pass"),
            pl.col(PASS_QC).max().alias("last_pass"),
            pl.col(NOT_PASS_QC).max(),
        )
        .join(centers, on="pipeline_adcid")
    )
    last_pass, last_failure = pl.col("last_pass"), pl.col(NOT_PASS_QC)
    failed = last_failure.is_not_null() & (last_pass <= last_failure).fill_null(value=True)
    return results.select(
        *VISIT,
        "center_label",
        "packet",
        "events",
        "deleted",
        pl.col("visit_date").dt.strftime(_MONTH).alias("month"),
        (last_pass.is_not_null() & ~failed).alias("passed"),
        failed.alias("not_passed"),
        days_from_visit(pl.col(SUBMIT)).alias("days_to_submission"),
        days_from_visit(pl.col("first_pass")).alias("days_to_qc"),
    )


def _summary(of_period: pl.DataFrame, groups: Sequence[str]) -> pl.DataFrame:
    """Return the measures of each group, sorted by group. Missing values come last."""
    there = ~pl.col("deleted")
    passed, not_passed = pl.col("passed").sum(), pl.col("not_passed").sum()
    results = passed + not_passed
    submission, qc = pl.col("days_to_submission"), pl.col("days_to_qc")
    return (
        of_period.group_by(groups)
        .agg(
            there.sum().alias("visits"),
            passed.alias("passed"),
            not_passed.alias("not_passed"),
            (there.sum() - results).alias("waiting"),
            pl.when(results > 0).then(passed / results).alias("pass_rate"),
            submission.count().alias("submitted"),
            submission.median().alias("days_to_submission_median"),
            submission.mean().alias("days_to_submission_mean"),
            qc.median().alias("days_to_qc_median"),
            qc.mean().alias("days_to_qc_mean"),
            pl.col("deleted").sum().alias("deleted"),
        )
        .sort(groups, nulls_last=True)
    )


def _check_month(month: str) -> None:
    try:
        day = dt.date.fromisoformat(f"{month}-01")
    except ValueError:
        day = None
    if day is None or f"{day:%Y-%m}" != month:
        raise ValueError(f"the month is {month!r}; it must have the form YYYY-MM")
