"""The monthly report: its rules by example, and its numbers against the documented SQL."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from event_log_testing.rows import event_row
from hypothesis import given
from hypothesis import strategies as st

from event_log.monthly_report import MEASURES, RULES, TABLES, MonthlyReport, monthly_report, visits
from event_log.schema import EVENT_COLUMNS, SCHEMA

DOCUMENTATION = Path(__file__).parents[4] / "docs/event-log-queries.md"

GLUE_TABLE = Path(__file__).parents[4] / "terraform/stacks/event_log_checkpoint/glue_table.json"

STATEMENTS = re.findall(r"```sql\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)

VIEWS = sorted(
    (sql for sql in STATEMENTS if sql.startswith("create or replace view ")),
    key=lambda sql: ["latest_events", "visits"].index(sql.split()[4]),
)
"""In the order in which they must be created."""

(DETAIL,) = [sql for sql in STATEMENTS if " as pass_rate" in sql]

START = dt.datetime(2024, 1, 30, tzinfo=dt.UTC)

type Row = dict[str, Any]


def row(**values: object) -> Row:
    source = {
        "source_key": None,
        "source_etag": None,
        "source_version_id": None,
        "source_last_modified": None,
        "source_sha256": None,
    }
    return event_row(**{"timestamp": at(0), **source, **values})


def version(key: str, stored: int, etag: str = "e", **values: object) -> Row:
    return row(source_key=key, source_etag=etag, source_last_modified=at(stored), **values)


def at(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def frame(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def only(report: MonthlyReport, table: str = "detail") -> Row:
    (found,) = report.table(table).to_dicts()
    return found


# Few distinct values, so that visits, files and times coincide.
ROWS = st.lists(
    st.builds(
        lambda version, **values: row(**version, **values),
        version=st.one_of(
            st.just({}),
            st.fixed_dictionaries(
                {
                    "source_key": st.sampled_from(["a", "b", "c", "d"]),
                    "source_etag": st.sampled_from(["1", "2"]),
                    "source_last_modified": st.sampled_from([at(100), at(101)]),
                }
            ),
        ),
        action=st.sampled_from(["submit", "submit", "pass-qc", "not-pass-qc", "delete"]),
        pipeline_adcid=st.sampled_from([1, 2]),
        center_label=st.sampled_from(["alpha", "beta"]),
        ptid=st.sampled_from(["1", "2"]),
        visit_date=st.sampled_from(["2024-01-30", "2024-02-01"]),
        visit_number=st.sampled_from([None, None, "1"]),
        module=st.sampled_from(["UDS", "UDS", "FTLD", None]),
        packet=st.sampled_from([None, "I", "F"]),
        timestamp=st.integers(0, 12).map(lambda step: at(step * 12)),
    ),
    max_size=25,
    # A file has only one version with the same upload time, event time and ETag.
    unique_by=lambda values: (
        values["source_key"] or object(),
        values["source_last_modified"],
        values["timestamp"],
        values["source_etag"],
    ),
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def load(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Create the table and the documented views for a checkpoint."""
    database.execute(
        f"create or replace view event_log as select * from read_parquet('{path}')"  # noqa: S608 - the test's own path
    )
    for statement in VIEWS:
        database.execute(statement)


@given(ROWS, st.sampled_from([None, "2024-01", "2024-02"]))
def test_report_equals_the_documented_sql(
    database: duckdb.DuckDBPyConnection,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Row],
    month: str | None,
) -> None:
    path = tmp_path_factory.getbasetemp() / "checkpoint.parquet"
    frame(*rows).sort("timestamp").write_parquet(path)
    load(database, path)
    report = monthly_report(pl.scan_parquet(path), month)
    columns = ", ".join(TABLES["detail"])
    by_sql = {
        tuple(found[name] for name in TABLES["detail"]): found for found in dicts(database, DETAIL)
    }
    medians = {
        tuple(found[name] for name in TABLES["detail"]): found
        for found in dicts(
            database,
            f"select {columns}, median(days_to_submission) as days_to_submission_median, "  # noqa: S608
            f"median(days_to_qc) as days_to_qc_median from visits group by {columns}",
        )
    }
    expected = {
        key: found | medians[key]
        for key, found in by_sql.items()
        if month in (None, found["month"])
    }
    answer = {
        tuple(found[name] for name in TABLES["detail"]): found for found in report.detail.to_dicts()
    }
    assert answer.keys() == expected.keys()
    for key, found in answer.items():
        for name in MEASURES:
            mine, other = found[name], expected[key][name]
            assert mine == other or math.isclose(mine, other), (key, name)

    for name, groups in TABLES.items():
        table = report.table(name)
        assert table.columns == [*groups, *MEASURES]
        for measure in ("visits", "passed", "not_passed", "waiting", "submitted", "deleted"):
            assert table[measure].sum() == report.detail[measure].sum(), (name, measure)


def dicts(database: duckdb.DuckDBPyConnection, statement: str) -> list[Row]:
    answer = database.execute(statement)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, values, strict=True)) for values in answer.fetchall()]


ANSWERS: dict[str, list[Any]] = {
    "select center_label, action,": [("alpha", "pass-qc", 1), ("alpha", "submit", 3)],
    "select ptid, visit_date, action,": [("1", "2024-01-15", "submit")] * 2
    + [("1", "2024-01-15", "pass-qc")],
    "select source_key, count": [("a", 2)],
    "select\n  month,": [
        ("2024-01", 42, "alpha", "form", "UDS", "I", 1, 1, 0, 0, 1.0, 1, 15.0, 15.0, 0),
        ("2024-02", 42, "alpha", "form", "UDS", "I", 1, 0, 0, 1, None, 1, -9.0, None, 0),
    ],
    "select center_label, ptid, visit_date, datatype, module, days": [
        ("alpha", "1", "2024-02-10", "form", "UDS", -9)
    ],
    "select center_label, ptid, visit_date, days": [("alpha", "1", "2024-02-10", -9)],
}
"""Results for the checkpoint in the test below, by the start of each query."""


@pytest.mark.parametrize("question", ANSWERS)
def test_documented_query(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, question: str
) -> None:
    path = tmp_path / "checkpoint.parquet"
    frame(
        version("a", 1),
        version("a", 2, etag="2"),
        version("b", 1, action="pass-qc"),
        version("c", 1, visit_date="2024-02-10", timestamp=at(48)),
    ).write_parquet(path)
    load(database, path)
    (statement,) = [sql for sql in STATEMENTS if sql.startswith(question)]
    answer = database.sql(statement)
    # DuckDB needs another package to return a timestamp with a time zone.
    names = [f'"{name}"' for name in answer.columns if name != "timestamp"]
    found = answer.project(", ".join(names)).fetchall()
    assert sorted(found, key=str) == sorted(ANSWERS[question], key=str)


def test_every_documented_statement_is_tested() -> None:
    assert len(STATEMENTS) == len(VIEWS) + len(ANSWERS)


def test_glue_table_has_the_columns_of_the_file() -> None:
    table = json.loads(GLUE_TABLE.read_text(encoding="utf-8"))
    glue = {
        pl.String(): "string",
        pl.Int32(): "int",
        pl.Binary(): "binary",
        pl.Datetime("us", "UTC"): "timestamp",
    }
    columns = {column["name"]: column["type"] for column in table["columns"]}
    assert columns == {name: glue[dtype] for name, dtype in SCHEMA.items()}
    assert list(columns) == list(SCHEMA)
    documented = re.findall(
        r"^\| (\w+) \| [^|]+ \| (\w+) \|", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(documented).items() >= columns.items()


def test_latest_version_of_a_file_counts() -> None:
    report = monthly_report(
        frame(
            version("a", 3, module="FTLD", packet="F"),
            version("a", 1, module=None, packet=None),
            version("a", 2, module="UDS", packet="I"),
            version("b", 1, action="pass-qc", module="FTLD", timestamp=at(1)),
        )
    )
    found = only(report)
    assert (found["module"], found["packet"], found["visits"], found["passed"]) == (
        "FTLD",
        "I",
        1,
        1,
    )
    assert (report.basis.rows, report.basis.superseded, report.basis.events) == (4, 2, 2)


def test_every_row_without_a_source_counts() -> None:
    report = monthly_report(frame(row(ptid="1"), row(ptid="2")))
    assert only(report)["visits"] == 2
    assert report.basis.unversioned == 2


def test_checkpoint_with_13_columns() -> None:
    events = frame(row(ptid="1"), row(ptid="2")).select(EVENT_COLUMNS)
    report = monthly_report(events)
    assert only(report)["visits"] == 2
    assert report.basis.unversioned == 2
    # As another program might write it.
    other = events.with_columns(
        pl.col("timestamp").dt.replace_time_zone(None), pl.col("visit_date").str.to_date()
    )
    assert monthly_report(other).detail.equals(report.detail)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["submit"], "waiting"),
        (["pass-qc"], "passed"),
        (["submit", "pass-qc"], "passed"),
        (["submit", "pass-qc", "not-pass-qc"], "not_passed"),
        (["submit", "not-pass-qc", "submit", "pass-qc"], "passed"),
        (["submit", "not-pass-qc", "submit"], "not_passed"),
        (["submit", "pass-qc", "delete"], "deleted"),
        (["submit", "pass-qc", "delete", "submit"], "waiting"),
        (["submit", "pass-qc", "delete", "submit", "pass-qc"], "passed"),
        (["delete"], "deleted"),
    ],
)
def test_result_of_a_visit(actions: list[str], expected: str) -> None:
    rows = [row(action=action, timestamp=at(hour)) for hour, action in enumerate(actions)]
    found = only(monthly_report(frame(*reversed(rows))))
    states = ("passed", "not_passed", "waiting", "deleted")
    assert {name: found[name] for name in states} == {
        name: int(name == expected) for name in states
    }
    assert found["visits"] == int(expected != "deleted")


def test_worse_result_wins_at_the_same_time() -> None:
    both = frame(row(action="pass-qc"), row(action="not-pass-qc"))
    assert only(monthly_report(both))["not_passed"] == 1
    assert only(monthly_report(frame(row(), row(action="delete"))))["deleted"] == 1


def test_days_to_first_submission_and_first_pass_after_the_deletion() -> None:
    report = monthly_report(
        frame(
            row(timestamp=at(-24)),
            row(timestamp=at(-23), action="delete"),
            row(timestamp=at(0)),
            row(timestamp=at(48)),
            row(timestamp=at(23), action="not-pass-qc"),
            row(timestamp=at(24.5), action="pass-qc"),
            row(timestamp=at(96), action="pass-qc"),
        )
    )
    found = only(report)
    assert (found["days_to_submission_median"], found["days_to_submission_mean"]) == (15, 15)
    assert (found["days_to_qc_median"], found["days_to_qc_mean"]) == (16, 16)
    assert found["submitted"] == 1


def test_submission_before_the_visit_is_reported() -> None:
    report = monthly_report(frame(row(visit_date="2024-02-10"), row(ptid="2")))
    assert report.basis.submitted_before_visit == 1
    assert report.detail["days_to_submission_mean"].to_list() == [15, -11]


def test_month_is_that_of_the_visit_date() -> None:
    events = frame(
        row(visit_date="2024-01-31"),
        row(visit_date="2024-02-01"),
        row(visit_date="2024-02-29", action="delete"),
    )
    assert monthly_report(events).months["month"].to_list() == ["2024-01", "2024-02"]
    report = monthly_report(events, "2024-02")
    assert only(report, "months") | {"month": "2024-02", "visits": 1, "deleted": 1} == only(
        report, "months"
    )
    assert (report.basis.rows, report.basis.events) == (3, 2)
    assert monthly_report(events, "2024-03").detail.is_empty()


def test_center_has_its_latest_label() -> None:
    report = monthly_report(
        frame(
            row(center_label="old"),
            row(center_label="new", ptid="2", timestamp=at(1)),
            row(center_label="other", pipeline_adcid=7),
        )
    )
    assert report.centers.select("pipeline_adcid", "center_label", "visits").rows() == [
        (7, "other", 1),
        (42, "new", 2),
    ]


@pytest.mark.parametrize("month", ["2024-13", "2024-1", "202401", "January", "", "2024-01-01"])
def test_invalid_month(month: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        monthly_report(frame(), month)


def test_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="no column packet"):
        monthly_report(frame(row()).drop("packet"))


def test_report_of_nothing() -> None:
    report = monthly_report(frame())
    assert report.basis.rows == 0
    for name in TABLES:
        assert report.table(name).is_empty()


def test_one_row_per_visit() -> None:
    found = visits(frame(row(), row(action="pass-qc"), row(visit_number="1")))
    assert found.height == 2


def test_documentation_contains_the_rules() -> None:
    text = " ".join(DOCUMENTATION.read_text(encoding="utf-8").split())
    for rule in RULES:
        assert rule in text
