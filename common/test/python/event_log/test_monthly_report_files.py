"""The formats of the monthly report: numbers, rules, and no live formulas."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from pathlib import Path

import polars as pl
import pytest
from event_log_testing.rows import event_row
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from event_log.monthly_report import RULES, TABLES, MonthlyReport, monthly_report
from event_log.monthly_report_files import (
    CSV_FILE,
    SHEETS,
    TEXT_FILE,
    TITLES,
    WORKBOOK_FILE,
    as_csv,
    as_text,
    as_workbook,
    columns,
    rows,
    write_report,
)
from event_log.schema import EVENT_SCHEMA

NOON = dt.datetime(2024, 2, 1, 12, tzinfo=dt.UTC)

EVIL = '=HYPERLINK("http://evil.example","click")'


def events(**values: object) -> pl.DataFrame:
    row = event_row(pipeline_adcid=1042, timestamp=NOON)
    return pl.DataFrame(
        [row, row | {"action": "pass-qc"}, row | {"ptid": "2", "action": "not-pass-qc"}]
        + [row | {"ptid": str(number)} | values for number in range(3, 6)],
        schema=EVENT_SCHEMA,
    )


@pytest.fixture
def report() -> MonthlyReport:
    return monthly_report(events())


def test_csv_counts_each_visit_in_one_row(report: MonthlyReport) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(report)))
    assert tuple(row) == columns("detail")
    assert row["month"] == "2024-01"
    assert row["pipeline_adcid"] == "1042"
    assert (row["visits"], row["passed"], row["not_passed"], row["waiting"]) == ("5", "1", "1", "3")
    assert [row[name] for name in ("pass_rate", "submitted")] == ["0.5", "4"]
    assert row["days_to_submission_mean"] == "17.0"
    assert "\r" not in as_csv(report)


def test_missing_value_is_an_empty_cell() -> None:
    (row,) = csv.DictReader(
        io.StringIO(as_csv(monthly_report(events().filter(pl.col("ptid") == "3"))))
    )
    assert row["pass_rate"] == row["days_to_qc_mean"] == ""


def test_workbook_has_the_numbers_of_the_report(report: MonthlyReport) -> None:
    book = load_workbook(io.BytesIO(as_workbook(report, NOON)))
    assert book.sheetnames == ["About", *SHEETS.values()]
    for table in TABLES:
        sheet = book[SHEETS[table]]
        titles, *found = sheet.iter_rows(values_only=True)
        assert titles == tuple(TITLES[name] for name in columns(table))
        assert found == list(rows(report, table))
    detail = book[SHEETS["detail"]]
    formats = dict(zip(columns("detail"), (cell.number_format for cell in detail[2]), strict=True))
    shown = {"pipeline_adcid": "0", "visits": "#,##0", "pass_rate": "0.0%"}
    assert formats | shown | {"days_to_qc_mean": "#,##0.0"} == formats
    assert detail.auto_filter.ref == "A1:Q2"
    assert detail.freeze_panes == "G2"


def test_headers_and_wrapped_lines_of_the_workbook_have_enough_room(report: MonthlyReport) -> None:
    # LibreOffice clips what does not fit, so no row or column may depend on Excel's own fitting.
    book = load_workbook(io.BytesIO(as_workbook(report, NOON)))
    about = book["About"]
    width = about.column_dimensions["A"].width
    assert width <= 90, "LibreOffice cuts off a column that is wider than the page"
    for number, (line,) in enumerate(about.iter_rows(values_only=True), start=1):
        lines = math.ceil(len(str(line)) / width)
        assert about.row_dimensions[number].height >= 15 * lines, line
    for table in TABLES:
        sheet = book[SHEETS[table]]
        for position, header in enumerate(sheet[1], start=1):
            words = str(header.value).split()
            assert sheet.row_dimensions[1].height >= 15 * len(words), header.value
            column = sheet.column_dimensions[get_column_letter(position)]
            assert column.width >= max(map(len, words)) + 4, header.value
    settings = [sheet.sheet_properties.pageSetUpPr for sheet in book.worksheets]
    assert all(page is not None and page.fitToPage for page in settings)
    assert {cell.font.name for sheet in book for row in sheet.iter_rows() for cell in row} == {
        "Calibri"
    }


def test_every_format_explains_what_it_counts(report: MonthlyReport) -> None:
    text = " ".join(as_text(report).split())
    book = load_workbook(io.BytesIO(as_workbook(report, NOON)))
    about = [row[0] for row in book["About"].iter_rows(values_only=True)]
    for rule in RULES:
        assert rule in text
        assert rule in about
    assert "The checkpoint has 6 rows" in text
    assert "each of which counts: 6." in text
    assert "Created 2024-02-01 12:00 UTC" in about


@pytest.mark.parametrize("name", ["center_label", "module", "packet"])
@pytest.mark.parametrize("text", [EVIL, "+1", "-1", "@x", "\t=1", "#N/A", "_x003D_1"])
def test_no_format_contains_a_live_formula(name: str, text: str) -> None:
    report = monthly_report(events(**{name: text, "pipeline_adcid": 7}))
    written = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert all(row[name][:1] not in "=+-@\t" for row in written if row[name])
    book = load_workbook(io.BytesIO(as_workbook(report, NOON)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    strings = [str(cell.value) for cell in cells if cell.data_type == "s"]
    assert any(text.strip("\t") in string for string in strings), "shown as text"
    assert not any(string.startswith(tuple("=+-@\t")) for string in strings)


def test_text_has_short_lines_and_no_control_characters() -> None:
    report = monthly_report(events(center_label="\x1b[2J" + "x" * 80, pipeline_adcid=7))
    text = as_text(report)
    assert "\x1b" not in text
    assert "\\x1b[2Jxx" in text
    assert max(map(len, text.splitlines())) <= 120


def test_text_reports_impossible_dates() -> None:
    text = as_text(monthly_report(events(visit_date="2024-03-01"), "2024-03"))
    assert "visits of 2024-03" in text
    assert "before the visit date (their days are negative): 3." in text
    assert "negative" not in as_text(monthly_report(events()))


def test_empty_report() -> None:
    report = monthly_report(events().clear())
    assert len(as_csv(report).splitlines()) == 1
    book = load_workbook(io.BytesIO(as_workbook(report, NOON)))
    assert book[SHEETS["months"]].max_row == 1
    assert "The checkpoint has 0 rows" in as_text(report)


def test_all_formats_are_written(report: MonthlyReport, tmp_path: Path) -> None:
    paths = write_report(report, tmp_path, NOON)
    assert [path.name for path in paths] == [TEXT_FILE, CSV_FILE, WORKBOOK_FILE]
    assert (tmp_path / TEXT_FILE).read_text(encoding="utf-8") == as_text(report)
    assert (tmp_path / CSV_FILE).read_text(encoding="utf-8") == as_csv(report)
    assert load_workbook(tmp_path / WORKBOOK_FILE).sheetnames
