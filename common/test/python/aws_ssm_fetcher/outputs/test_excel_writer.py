from __future__ import annotations

import datetime as dt
import math
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from aws_ssm_fetcher.outputs.excel_writer import write_excel
from aws_ssm_fetcher.report import Column, ColumnKind, Report, Table
from lambda_core.errors import ReportError
from lambda_core.spreadsheet import cell_text

MakeReport = Callable[..., Report]
SHEETS = [
    "Regional Services",
    "Service Matrix",
    "Region Summary",
    "Service Summary",
    "Statistics",
]
NAME = "aws_regions_services.xlsx"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
PARTS_OF_A_SHEET = (
    "sheetPr",
    "dimension",
    "sheetViews",
    "sheetFormatPr",
    "cols",
    "sheetData",
    "autoFilter",
    "conditionalFormatting",
    "hyperlinks",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "drawing",
)
"""The children of a `worksheet` that the report uses, in the order of ECMA-376, 18.3.1.99."""


@pytest.fixture
def book(report: Report, tmp_path: Path) -> Workbook:
    write_excel(report, tmp_path)
    return load_workbook(tmp_path / NAME)


def sheet_of(book: Workbook, title: str) -> Worksheet:
    sheet = book[title]
    assert isinstance(sheet, Worksheet)
    return sheet


def values(book: Workbook, title: str) -> list[list[Any]]:
    return [list(row) for row in sheet_of(book, title).iter_rows(values_only=True)]


def parts_of(folder: Path) -> dict[str, ElementTree.Element]:
    """Each part of the workbook, parsed."""
    with zipfile.ZipFile(folder / NAME) as package:
        return {
            name: ElementTree.fromstring(package.read(name))  # noqa: S314 (written just now)
            for name in package.namelist()
        }


def utf16_length(text: str) -> int:
    """Return the length as Excel counts it."""
    return len(text.encode("utf-16-le")) // 2


def test_there_are_five_sheets_in_order(book: Workbook) -> None:
    assert book.sheetnames == SHEETS


def test_the_large_tables_are_there_cell_by_cell(book: Workbook, report: Report) -> None:
    assert values(book, "Regional Services") == [
        ["Region Code", "Region Name", "Service Code", "Service Name"],
        *(list(row) for row in report.tables.regional_services.rows),
    ]
    name = "Elsewhere (S\u00e3o Jo\u00e3o)"
    assert values(book, "Service Matrix") == [
        ["Service Code", "Service Name", "af-south-1", "eu-west-9"],
        ["S3x", name, "\u2717", "\u2713"],
        ["ec2", "Elastic <Cloud> & more", "\u2713", "\u2713"],
        ["nowhere", "nowhere", "\u2717", "\u2717"],
    ]


def test_marks_have_their_colours(book: Workbook) -> None:
    sheet = sheet_of(book, "Service Matrix")
    fills = {cell.value: cell.fill.start_color.rgb for cell in (sheet["C2"], sheet["D2"])}
    assert fills == {"\u2717": "00FFC7CE", "\u2713": "00C6EFCE"}


def test_headers_are_white_and_bold_on_blue(book: Workbook) -> None:
    for title in SHEETS:
        for cell in sheet_of(book, title)[1]:
            assert cell.font.bold
            assert cell.font.color.rgb == "00FFFFFF"
            assert cell.fill.start_color.rgb == "00366092"


def test_numbers_dates_and_percentages_are_real(book: Workbook) -> None:
    regions = sheet_of(book, "Region Summary")
    assert regions["C3"].value.date() == dt.date(2011, 2, 3)
    assert regions["C3"].number_format == "yyyy-mm-dd"
    assert regions["C2"].value is None
    assert (regions["F2"].value, regions["F3"].value) == (3, None)
    assert regions["G3"].number_format == "#,##0"
    services = sheet_of(book, "Service Summary")
    assert services["E2"].value == 0.5
    assert services["E2"].number_format == "0.0%"
    assert values(book, "Statistics")[3:] == [
        ["Combinations", 9289],
        ["Mean Services per Region", 238.1795],
        ["Complete", True],
        ["Skewness", -5],
        ["Local Zones", None],
    ]


def test_an_announcement_is_a_link(book: Workbook) -> None:
    cell = sheet_of(book, "Region Summary")["E3"]
    assert cell.value == "https://example.com/launch?a=1&b=2"
    assert cell.hyperlink is not None
    assert cell.hyperlink.target == cell.value


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "http://[",
        "https://a b/",
        "https://x/\u2028",
        "\\\\host\\share",
        "https://x/" + "a" * 2100,
    ],
)
def test_an_unsafe_address_does_not_become_a_link(
    make_report: MakeReport, tmp_path: Path, url: str
) -> None:
    write_excel(make_report(url=url), tmp_path)
    cell = sheet_of(load_workbook(tmp_path / NAME), "Region Summary")["E3"]
    assert cell.hyperlink is None
    assert cell.value == cell_text(url)


@pytest.mark.parametrize("day", ["soon", "1850-01-01", "2011-02-30"])
def test_an_invalid_date_stays_text(make_report: MakeReport, tmp_path: Path, day: str) -> None:
    write_excel(make_report(launched=day), tmp_path)
    assert sheet_of(load_workbook(tmp_path / NAME), "Region Summary")["C3"].value == day


def test_widths_fit_the_content_within_bounds(make_report: MakeReport, tmp_path: Path) -> None:
    write_excel(make_report(name="x" * 100), tmp_path)
    book = load_workbook(tmp_path / NAME)
    for title in SHEETS:
        sheet = sheet_of(book, title)
        letters = [get_column_letter(number) for number in range(1, sheet.max_column + 1)]
        widths = [sheet.column_dimensions[letter].width for letter in letters]
        assert all(10 <= width <= 50 for width in widths), title
    wide = sheet_of(book, "Regional Services").column_dimensions
    assert (wide["B"].width, wide["C"].width) == (50, len("Service Code") + 3)


def test_no_row_is_higher_than_a_spreadsheet_allows(
    make_report: MakeReport, tmp_path: Path
) -> None:
    write_excel(make_report(region="r" * 500, warnings=("w" * 9000,)), tmp_path)
    book = load_workbook(tmp_path / NAME)
    heights = [sheet_of(book, title).row_dimensions for title in SHEETS]
    assert max(row.height or 0 for rows in heights for row in rows.values()) == 400


def test_a_wrapped_value_of_the_statistics_has_the_height_that_it_needs(
    make_report: MakeReport, tmp_path: Path
) -> None:
    write_excel(make_report(value="35 of 39 " * 9), tmp_path)
    rows = sheet_of(load_workbook(tmp_path / NAME), "Statistics").row_dimensions
    assert (rows[4].height, rows[5].height) == (None, 45)


def test_headers_are_frozen_filtered_and_repeated_in_print(book: Workbook) -> None:
    frozen = {title: sheet_of(book, title).freeze_panes for title in SHEETS}
    assert frozen == dict.fromkeys(SHEETS, "A2") | {"Service Matrix": "C2"}
    assert sheet_of(book, "Regional Services").auto_filter.ref == "A1:D4"
    for title in SHEETS:
        sheet = sheet_of(book, title)
        assert sheet.print_title_rows == "$1:$1"
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr == PageSetupProperties(fitToPage=True)
    assert sheet_of(book, "Service Matrix").print_title_cols == "$A:$B"


def test_no_page_can_be_mistaken_for_live_data(book: Workbook) -> None:
    said = (
        "NOT LIVE DATA: snapshot in moto 5.2.5, as of 2026-02-02 (30 days old), "
        "launch dates: bundled launch dates"
    )
    for title in SHEETS:
        header, footer = sheet_of(book, title).oddHeader, sheet_of(book, title).oddFooter
        assert header is not None
        assert footer is not None
        assert header.right.text == said
        assert footer.right.text == "Page &P of &N"
    assert values(book, "Statistics")[1:3] == [
        ["About this data", said],
        ["Warning", "The feed could not be read."],
    ]
    assert book.properties.subject == said


def test_a_page_header_takes_text_as_text(make_report: MakeReport, tmp_path: Path) -> None:
    report = make_report()
    odd = report.metadata.model_copy(update={"launch_source": "https://x/?a=1&Bold" + "y" * 500})
    write_excel(report.model_copy(update={"metadata": odd}), tmp_path)
    with zipfile.ZipFile(tmp_path / NAME) as package:
        sheet = package.read("xl/worksheets/sheet3.xml").decode()
    header = sheet.partition("<oddHeader>")[2].partition("</oddHeader>")[0]
    assert "a=1&amp;&amp;Bold" in header
    assert len(header.replace("&amp;", "&")) <= 255


@pytest.mark.parametrize("text", ["&" * 500, "\U0001f600" * 500, "a&" * 120 + "\U0001f600"])
def test_a_page_header_is_never_longer_than_excel_allows(
    make_report: MakeReport, tmp_path: Path, text: str
) -> None:
    report = make_report()
    odd = report.metadata.model_copy(update={"launch_source": text})
    write_excel(report.model_copy(update={"metadata": odd}), tmp_path)
    header = parts_of(tmp_path)["xl/worksheets/sheet3.xml"].find(f".//{MAIN}oddHeader")
    assert header is not None
    assert header.text is not None
    assert utf16_length(header.text) <= 255
    right = header.text.partition("&R")[2]
    assert right.replace("&&", "").count("&") == 0


def test_properties_are_the_reports_own(book: Workbook) -> None:
    assert book.properties.title == "AWS services by region"
    assert book.properties.created.isoformat() == "2026-03-04T05:06:08"


def test_rules_and_a_chart_help_the_reader(book: Workbook) -> None:
    def kinds(title: str) -> dict[str, list[str]]:
        rules = sheet_of(book, title).conditional_formatting
        return {str(area.sqref): [rule.type for rule in area.rules] for area in rules}

    assert kinds("Region Summary") == {"G2:G3": ["dataBar"]}
    assert kinds("Service Summary") == {"E2:E4": ["dataBar"], "C2:C4": ["expression"] * 3}


def test_a_bar_is_as_long_as_its_number(report: Report, tmp_path: Path) -> None:
    write_excel(report, tmp_path)
    parts = parts_of(tmp_path)
    for number in (3, 4):
        bar = parts[f"xl/worksheets/sheet{number}.xml"].find(f".//{MAIN}dataBar")
        assert bar is not None
        # Without this, Excel would draw a bar of 10 % for 0.
        assert (bar.get("minLength"), bar.get("maxLength")) == ("0", "100")


def test_the_title_of_the_chart_is_above_the_bars(report: Report, tmp_path: Path) -> None:
    write_excel(report, tmp_path)
    overlay = parts_of(tmp_path)["xl/charts/chart1.xml"].find(f".//{CHART}title/{CHART}overlay")
    assert overlay is not None
    assert overlay.get("val") == "0"


def test_the_chart_shows_the_services_of_each_region(report: Report, tmp_path: Path) -> None:
    write_excel(report, tmp_path)
    with zipfile.ZipFile(tmp_path / NAME) as package:
        chart = package.read("xl/charts/chart1.xml").decode()
        assert "chart" in package.read("xl/drawings/_rels/drawing1.xml.rels").decode()
    assert "'Region Summary'!$G$2:$G$3" in chart
    assert "'Region Summary'!$A$2:$A$3" in chart


def test_the_same_report_is_the_same_file(report: Report, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    assert write_excel(report, first) == write_excel(report, second)


def test_a_report_without_rows_is_a_workbook_too(report: Report, tmp_path: Path) -> None:
    tables = report.tables
    empty = {
        name: getattr(tables, name).model_copy(update={"rows": ()})
        for name in type(tables).model_fields
    }
    write_excel(report.model_copy(update={"tables": tables.model_copy(update=empty)}), tmp_path)
    book = load_workbook(tmp_path / NAME)
    assert [len(values(book, title)) for title in SHEETS] == [1, 1, 1, 1, 3]
    with zipfile.ZipFile(tmp_path / NAME) as package:
        chart = package.read("xl/charts/chart1.xml").decode()
    assert "'Region Summary'!$G$2<" in chart
    assert "'Region Summary'!$A$2<" in chart


def test_a_sheet_follows_the_standard(make_report: MakeReport, tmp_path: Path) -> None:
    """Excel is stricter about the order than openpyxl and LibreOffice, so it is checked here."""
    report = make_report()
    codes = [f"r-{number:03}" for number in range(800)]
    tables = report.tables
    matrix = Table(
        columns=(
            *tables.service_matrix.columns[:2],
            *(Column(key=code, title=code, kind=ColumnKind.BOOLEAN) for code in codes),
        ),
        rows=tuple((f"s{row}", "S", *(row % 2 == 0 for _ in codes)) for row in range(300)),
    )
    changed = tables.model_copy(update={"service_matrix": matrix})
    write_excel(report.model_copy(update={"tables": changed}), tmp_path)
    parts = parts_of(tmp_path)
    styles = parts["xl/styles.xml"].find(f"{MAIN}cellXfs")
    assert styles is not None
    for number in range(1, 6):
        sheet = parts[f"xl/worksheets/sheet{number}.xml"]
        order = [PARTS_OF_A_SHEET.index(child.tag.removeprefix(MAIN)) for child in sheet]
        assert order == sorted(order)
        rows = sheet.findall(f"{MAIN}sheetData/{MAIN}row")
        assert [row.get("r") for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
        for row in rows:
            places = [cell.get("r", "") for cell in row]
            columns = [column_index_from_string(place.rstrip("0123456789")) for place in places]
            assert columns == sorted(set(columns))
            assert {place.lstrip(ascii_uppercase) for place in places} == {row.get("r")}
            assert all(0 <= int(cell.get("s", "0")) < len(styles) for cell in row)
    assert sheet_of(load_workbook(tmp_path / NAME), "Service Matrix")["ADT301"].value == "\u2717"


def test_thousands_of_rows_are_all_there_in_order(report: Report, tmp_path: Path) -> None:
    rows = tuple((f"r{number}", "Region", "ec2", "EC2") for number in range(1025))
    tables = report.tables
    changed = tables.model_copy(
        update={"regional_services": tables.regional_services.model_copy(update={"rows": rows})}
    )
    write_excel(report.model_copy(update={"tables": changed}), tmp_path)
    found = values(load_workbook(tmp_path / NAME), "Regional Services")[1:]
    assert found == [list(row) for row in rows]


def test_a_missing_name_is_an_empty_cell(report: Report, tmp_path: Path) -> None:
    tables = report.tables
    nameless = tables.regional_services.model_copy(
        update={"rows": (("af-south-1", None, "ec2", None),)}
    )
    changed = tables.model_copy(update={"regional_services": nameless})
    write_excel(report.model_copy(update={"tables": changed}), tmp_path)
    assert values(load_workbook(tmp_path / NAME), "Regional Services")[1] == [
        "af-south-1",
        None,
        "ec2",
        None,
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_an_error(
    make_report: MakeReport, tmp_path: Path, value: float
) -> None:
    words = r"cannot write aws_regions_services\.xlsx: a cell contains"
    with pytest.raises(ReportError, match=words):
        write_excel(make_report(value=value), tmp_path)


def test_a_text_that_looks_like_an_error_or_an_escape_is_a_text(
    make_report: MakeReport, tmp_path: Path
) -> None:
    write_excel(make_report(name="#N/A", region="_x003D_1", value="=1+1"), tmp_path)
    book = load_workbook(tmp_path / NAME)
    # openpyxl does not decode an escape; the program that shows the cell does.
    assert values(book, "Regional Services")[2][:2] == ["_x005F_x003D_1", "#N/A"]
    cell = sheet_of(book, "Region Summary")["B3"]
    assert (cell.value, cell.data_type) == ("#N/A", "s")
    assert sheet_of(book, "Region Summary")["A3"].value == "_x005F_x003D_1"
    assert sheet_of(book, "Statistics")["B5"].value == "'=1+1"


def test_a_text_too_long_for_a_cell_is_cut_visibly(make_report: MakeReport, tmp_path: Path) -> None:
    write_excel(make_report(name="x" * 40_000), tmp_path)
    book = load_workbook(tmp_path / NAME)
    for value in (values(book, "Regional Services")[2][1], values(book, "Region Summary")[2][1]):
        assert len(value) == 32_767
        assert value.endswith("x\u2026")


def test_a_long_text_of_emoji_is_cut_as_excel_counts(
    make_report: MakeReport, tmp_path: Path
) -> None:
    write_excel(make_report(name="\U0001f600" * 20_000), tmp_path)
    book = load_workbook(tmp_path / NAME)
    for value in (values(book, "Regional Services")[2][1], values(book, "Region Summary")[2][1]):
        assert utf16_length(value) == 32_767
        assert value == "\U0001f600" * 16_383 + "\u2026"


@given(
    text=st.text(st.characters() | st.sampled_from("=+-@\t\r\n<>&'\" \x00\x0b\ufffe"), min_size=1)
)
def test_any_text_is_a_text_in_a_workbook_that_opens(make_report: MakeReport, text: str) -> None:
    report = make_report(name=text, url=text, warnings=(text,), value=text)
    with tempfile.TemporaryDirectory() as folder:
        write_excel(report, Path(folder))
        book = load_workbook(Path(folder, NAME))
        for title in SHEETS:
            for row in sheet_of(book, title).iter_rows():
                for cell in row:
                    assert cell.data_type != "f"
        shown = cell_text(text)
        if "_x" not in shown:
            assert values(book, "Regional Services")[2][1] == shown
            assert values(book, "Region Summary")[2][1] == shown
