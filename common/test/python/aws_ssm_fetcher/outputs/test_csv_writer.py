from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_ssm_fetcher.outputs.csv_writer import write_csv
from aws_ssm_fetcher.report import Report
from lambda_core.errors import ReportError
from lambda_core.spreadsheet import cell_text

MakeReport = Callable[..., Report]


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_each_table_has_its_file(report: Report, tmp_path: Path) -> None:
    files = write_csv(report, tmp_path)
    assert [(file.name, file.file, file.rows) for file in files] == [
        ("csv", "aws_regions_services.csv", 3),
        ("regional_services", "regional_services.csv", 3),
        ("service_matrix", "service_matrix.csv", 3),
        ("region_summary", "region_summary.csv", 2),
        ("service_summary", "service_summary.csv", 3),
        ("statistics", "statistics.csv", 5),
    ]
    assert {file.file for file in files} == {path.name for path in tmp_path.iterdir()}
    assert files[0].sha256 == files[1].sha256


def test_the_cells_are_as_promised(report: Report, tmp_path: Path) -> None:
    write_csv(report, tmp_path)
    assert rows(tmp_path / "regional_services.csv")[:2] == [
        ["Region Code", "Region Name", "Service Code", "Service Name"],
        ["af-south-1", "Africa", "ec2", "Elastic <Cloud> & more"],
    ]
    assert rows(tmp_path / "service_matrix.csv")[:2] == [
        ["Service Code", "Service Name", "af-south-1", "eu-west-9"],
        ["S3x", "Elsewhere (S\u00e3o Jo\u00e3o)", "false", "true"],
    ]
    assert rows(tmp_path / "region_summary.csv")[1:] == [
        ["af-south-1", "Africa", "", "", "", "3", "1", "aws", "ZA", "0", "0"],
        [
            "eu-west-9",
            "Elsewhere (S\u00e3o Jo\u00e3o)",
            "2011-02-03",
            "a feed",
            "https://example.com/launch?a=1&b=2",
            "",
            "2",
            "aws",
            "PT",
            "",
            "",
        ],
    ]
    assert [row[2:] for row in rows(tmp_path / "service_summary.csv")] == [
        ["Category", "Region Count", "Coverage %"],
        ["medium", "1", "50.0"],
        ["universal", "2", "100.0"],
        ["none", "0", "0.0"],
    ]
    assert rows(tmp_path / "statistics.csv")[1:] == [
        ["Combinations", "9289"],
        ["Mean Services per Region", "238.1795"],
        ["Complete", "true"],
        ["Skewness", "-5"],
        ["Local Zones", ""],
    ]


def test_there_is_no_byte_order_mark_and_lines_end_in_line_feeds(
    report: Report, tmp_path: Path
) -> None:
    for file in write_csv(report, tmp_path):
        content = (tmp_path / file.file).read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in content
        assert content.count(b"\n") == (file.rows or 0) + 1


def test_percentages_are_rounded_to_four_decimals(report: Report, tmp_path: Path) -> None:
    tables = report.tables
    third = tables.service_summary.model_copy(
        update={"rows": (("ec2", "EC2", "low", 1, 1 / 3), ("x", "x", "none", 0, None))}
    )
    changed = tables.model_copy(update={"service_summary": third})
    write_csv(report.model_copy(update={"tables": changed}), tmp_path)
    assert [row[4] for row in rows(tmp_path / "service_summary.csv")[1:]] == ["33.3333", ""]


@given(text=st.text(min_size=1) | st.text("=+-@\t\r\n\",;' \x00|", min_size=1))
def test_any_text_reads_back_as_its_harmless_form(make_report: MakeReport, text: str) -> None:
    report = make_report(region=text, name=text)
    with tempfile.TemporaryDirectory() as folder:
        for file in write_csv(report, Path(folder)):
            parsed = rows(Path(folder, file.file))
            assert len(parsed) == (file.rows or 0) + 1
            for row in parsed:
                for cell in row:
                    if file.name != "statistics":
                        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
                        assert not cell.startswith(("\t", "\r"))
        shown = cell_text(text)
        assert rows(Path(folder, "regional_services.csv"))[2] == [shown, shown, "S3x", shown]
        assert rows(Path(folder, "service_matrix.csv"))[0][3] == shown


def test_a_number_stays_a_number_and_a_text_does_not_become_one(
    make_report: MakeReport, tmp_path: Path
) -> None:
    write_csv(make_report(value="-5"), tmp_path)
    assert rows(tmp_path / "statistics.csv")[2][1] == "'-5"
    write_csv(make_report(value=-5.5), tmp_path)
    assert rows(tmp_path / "statistics.csv")[2][1] == "-5.5"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_an_error(
    make_report: MakeReport, tmp_path: Path, value: float
) -> None:
    with pytest.raises(ReportError, match=r"cannot write statistics\.csv: a cell contains"):
        write_csv(make_report(value=value), tmp_path)


def test_two_runs_write_the_same_bytes(report: Report, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    assert write_csv(report, first) == write_csv(report, second)
