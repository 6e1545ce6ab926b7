"""The monthly report: by hand where a rule is shown, by SQL of the documentation everywhere."""

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
from hypothesis import given
from hypothesis import strategies as st

from event_log.monthly_report import MEASURES, RULES, TABLES, MonthlyReport, monthly_report, visits
from event_log.schema import EVENT_COLUMNS, SCHEMA

DOCUMENTATION = Path(__file__).parents[4] / "docs/event-log-queries.md"

GLUE_TABLE = Path(__file__).parents[4] / "terraform/stacks/event_log_checkpoint/glue_table.json"

STATEMENTS = re.findall(r"```sql\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)

VIEWS = sorted(
    (one for one in STATEMENTS if one.startswith("create or replace view ")),
    key=lambda one: ["latest_events", "visits"].index(one.split()[4]),
)
"""In the order in which they are made."""

(DETAIL,) = [one for one in STATEMENTS if " as pass_rate" in one]

START = dt.datetime(2024, 1, 30, tzinfo=dt.UTC)

type Row = dict[str, Any]


def row(**values: object) -> Row:
    return {
        "action": "submit",
        "study": "adrc",
        "pipeline_adcid": 42,
        "project_label": "ingest-form",
        "center_label": "alpha",
        "gear_name": "gear",
        "ptid": "1",
        "visit_date": "2024-01-15",
        "visit_number": None,
        "datatype": "form",
        "module": "UDS",
        "packet": "I",
        "timestamp": at(0),
        "source_key": None,
        "source_etag": None,
        "source_version_id": None,
        "source_last_modified": None,
        "source_sha256": None,
        **values,
    }


def version(key: str, stored: int, etag: str = "e", **values: object) -> Row:
    return row(source_key=key, source_etag=etag, source_last_modified=at(stored), **values)


def at(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def frame(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def only(report: MonthlyReport, table: str = "detail") -> Row:
    (found,) = report.table(table).to_dicts()
    return found


# Few values of each, so that visits, files and moments meet.
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
    # Of one file and one moment of storing there is one version with a given time and ETag.
    unique_by=lambda one: (
        one["source_key"] or object(),
        one["source_last_modified"],
        one["timestamp"],
        one["source_etag"],
    ),
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def load(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Put a table and the documentation's views over a checkpoint."""
    database.execute(
        f"create or replace view event_log as select * from read_parquet('{path}')"  # noqa: S608 - a path of the test's own
    )
    for statement in VIEWS:
        database.execute(statement)


@given(ROWS, st.sampled_from([None, "2024-01", "2024-02"]))
def test_another_reader_reckons_the_same(
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
"""Of the checkpoint in the test below, by how each question begins."""


@pytest.mark.parametrize("question", ANSWERS)
def test_each_question_of_the_documentation_is_answered(
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
    (statement,) = [one for one in STATEMENTS if one.startswith(question)]
    answer = database.sql(statement)
    # A moment with a time zone needs one more package to come out of DuckDB as Python's.
    names = [f'"{name}"' for name in answer.columns if name != "timestamp"]
    found = answer.project(", ".join(names)).fetchall()
    assert sorted(found, key=str) == sorted(ANSWERS[question], key=str)


def test_no_statement_of_the_documentation_goes_untested() -> None:
    assert len(STATEMENTS) == len(VIEWS) + len(ANSWERS)


def test_glue_has_the_columns_of_the_file() -> None:
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


def test_the_latest_version_of_a_file_counts() -> None:
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


def test_rows_without_a_source_count_each() -> None:
    report = monthly_report(frame(row(ptid="1"), row(ptid="2")))
    assert only(report)["visits"] == 2
    assert report.basis.unversioned == 2


def test_a_checkpoint_of_thirteen_columns_has_a_report_too() -> None:
    events = frame(row(ptid="1"), row(ptid="2")).select(EVENT_COLUMNS)
    report = monthly_report(events)
    assert only(report)["visits"] == 2
    assert report.basis.unversioned == 2
    # As other programs may write it.
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
def test_what_became_of_a_visit(actions: list[str], expected: str) -> None:
    rows = [row(action=action, timestamp=at(hour)) for hour, action in enumerate(actions)]
    found = only(monthly_report(frame(*reversed(rows))))
    states = ("passed", "not_passed", "waiting", "deleted")
    assert {name: found[name] for name in states} == {
        name: int(name == expected) for name in states
    }
    assert found["visits"] == int(expected != "deleted")


def test_of_the_same_moment_the_worse_counts() -> None:
    both = frame(row(action="pass-qc"), row(action="not-pass-qc"))
    assert only(monthly_report(both))["not_passed"] == 1
    assert only(monthly_report(frame(row(), row(action="delete"))))["deleted"] == 1


def test_days_are_to_the_first_submission_and_the_first_pass_since_the_deletion() -> None:
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


def test_a_submission_before_the_visit_is_told() -> None:
    report = monthly_report(frame(row(visit_date="2024-02-10"), row(ptid="2")))
    assert report.basis.submitted_before_visit == 1
    assert report.detail["days_to_submission_mean"].to_list() == [15, -11]


def test_one_month_is_that_of_the_visits() -> None:
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


def test_a_center_has_the_label_that_it_had_last() -> None:
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
def test_a_month_that_is_none_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        monthly_report(frame(), month)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="no column packet"):
        monthly_report(frame(row()).drop("packet"))


def test_nothing_is_a_report_too() -> None:
    report = monthly_report(frame())
    assert report.basis.rows == 0
    for name in TABLES:
        assert report.table(name).is_empty()


def test_visits_are_rows_without_a_second_one() -> None:
    found = visits(frame(row(), row(action="pass-qc"), row(visit_number="1")))
    assert found.height == 2


def test_the_documentation_has_the_rules_of_the_report() -> None:
    text = " ".join(DOCUMENTATION.read_text(encoding="utf-8").split())
    for rule in RULES:
        assert rule in text


def test_the_examples_for_python_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frame(row(), row(action="pass-qc", timestamp=at(1))).write_parquet("checkpoint.parquet")
    page = DOCUMENTATION.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(example, {"__name__": "__main__"})  # noqa: S102 - the project's own examples
    output = capsys.readouterr().out
    assert "2024-01" in output
    assert "days_from_visit_to_submit" in output
    suffixes = {file.suffix for file in (tmp_path / "monthly-report").iterdir()}
    assert suffixes == {".txt", ".csv", ".xlsx"}
