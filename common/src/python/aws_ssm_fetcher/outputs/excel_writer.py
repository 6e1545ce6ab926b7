"""Write the report as an Excel workbook with five sheets.

Only this module and `workbook_package` need openpyxl. Import them only to write a workbook.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.chart import BarChart, Reference
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.title import title_maker
from openpyxl.formatting.rule import DataBar, FormatObject, Rule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.provenance import notice
from aws_ssm_fetcher.outputs.workbook_package import StyledText, finish_package
from aws_ssm_fetcher.report import Cell, Column, ColumnKind, Report, ReportMetadata, Table
from lambda_core.errors import ReportError
from lambda_core.spreadsheet import cell_text, literal

TITLE = "AWS services by region"

YES, NO = "\u2713", "\u2717"

_HEADER_FONT = Font(name="Calibri", size=11, bold=True, color="FFFFFF")
_HEADER_FILL = PatternFill("solid", start_color="366092", end_color="366092")
_HEADER_ALIGNMENT = Alignment(horizontal="center", vertical="center", wrap_text=True)
_ROTATED = Alignment(horizontal="center", vertical="bottom", text_rotation=90)
_CENTERED = Alignment(horizontal="center")
_TEXT = Alignment(horizontal="left", indent=1)
_NUMBER = Alignment(horizontal="right", indent=1)
_TOP_LEFT = Alignment(horizontal="left", vertical="top", wrap_text=True)
_YES_FILL = PatternFill("solid", start_color="C6EFCE", end_color="C6EFCE")
_NO_FILL = PatternFill("solid", start_color="FFC7CE", end_color="FFC7CE")
_HALF_FILL = PatternFill("solid", start_color="FFEB9C", end_color="FFEB9C")
_YES_FONT = Font(name="Calibri", size=11, color="006100")
_NO_FONT = Font(name="Calibri", size=11, color="9C0006")
_LINK_FONT = Font(name="Calibri", size=11, color="0563C1", underline="single")
_BOLD = Font(name="Calibri", size=11, bold=True)
_BAR_COLOR = "5B9BD5"

_NUMBER_FORMATS = {
    ColumnKind.INTEGER: "#,##0",
    ColumnKind.NUMBER: "#,##0.00",
    ColumnKind.PERCENT: "0.0%",
    ColumnKind.DATE: "yyyy-mm-dd",
    ColumnKind.MIXED: "General",
}
_MIN_WIDTH, _MAX_WIDTH = 10, 50
_LINE_HEIGHT, _MAX_HEIGHT = 15, 400
_VALUE_LINE = 40
"""Number of bold characters that always fit into a column of maximum width."""
_A4 = 9
_MAX_CELL_LENGTH = 32_767
"""The limit of a text in UTF-16 code units, which Excel counts: most emoji are two."""
_MAX_URL_CHARACTERS = 2_079
_MAX_HEADER_LENGTH = 200
"""The limit of the right part of a page header, so that the whole has at most 255 code units."""
_FIRST_DAY = dt.date(1900, 3, 1)
"""Earlier days are written as text, because some spreadsheets count a 29 February 1900."""


def write_excel(report: Report, folder: Path) -> ReportFile:
    """Write the workbook into an existing folder.

    Raises
    ------
    ReportError
        If a cell contains a number that is not finite.
    OSError
        If the file cannot be written.
    """
    path = folder / REPORT_FILES[ReportFormat.EXCEL]["excel"]
    metadata = report.metadata
    stamp = metadata.generated_at.astimezone(dt.UTC).replace(tzinfo=None)
    book = Workbook()
    book.remove(book.worksheets[0])
    book.properties.title = TITLE
    book.properties.subject = _text(notice(metadata))
    book.properties.creator = "aws_ssm_fetcher"
    book.properties.created = book.properties.modified = stamp
    try:
        large_sheets = {
            "xl/worksheets/sheet1.xml": _regional_services(book, report),
            "xl/worksheets/sheet2.xml": _service_matrix(book, report),
        }
        regions = _region_summary(book, report)
        _service_summary(book, report)
        _statistics(book, report, regions)
    except ValueError as error:
        raise ReportError(
            f"cannot write {path.name}: {error}; this is an error in the processing, "
            "not in the source",
            file=path.name,
        ) from error
    saved = BytesIO()
    # `Workbook.save` would store the current time in the file's properties.
    with ZipFile(saved, "w", ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).save()
    # In memory first, because a zip file on a full disk raises a second error when it is closed.
    package = BytesIO()
    finish_package(saved, package, large_sheets, stamp)
    path.write_bytes(package.getvalue())
    return ReportFile.of("excel", ReportFormat.EXCEL, folder)


def _regional_services(book: Workbook, report: Report) -> Iterator[list[StyledText]]:
    table = report.tables.regional_services
    sheet = _new_sheet(book, "Regional Services", table, report.metadata)
    _write_header(sheet, table.columns)
    return ([(_plain(cell), 0) for cell in row] for row in table.rows)


def _service_matrix(book: Workbook, report: Report) -> Iterator[list[StyledText]]:
    table = report.tables.service_matrix
    sheet = _new_sheet(book, "Service Matrix", table, report.metadata, frozen_columns=2)
    for number in range(3, len(table.columns) + 1):
        # The titles are vertical, and a mark needs only the minimum width.
        sheet.column_dimensions[get_column_letter(number)].width = _MIN_WIDTH
    region_codes = [column.title for column in table.columns[2:]]
    longest = max(map(len, region_codes), default=0)
    sheet.row_dimensions[1].height = min(20 + 6 * longest, _MAX_HEIGHT)
    sheet.print_title_cols = "A:B"
    sheet.page_setup.fitToWidth = 3
    _write_header(sheet, table.columns, rotated_from=2)
    # These cells are not part of a sheet. They only add their styles to the workbook's list.
    yes = _style(SheetCell(sheet, 1, 1), _YES_FONT, _YES_FILL, _CENTERED)
    no = _style(SheetCell(sheet, 1, 1), _NO_FONT, _NO_FILL, _CENTERED)
    marks = {True: (YES, yes.style_id), False: (NO, no.style_id)}
    return (
        [marks[cell] if isinstance(cell, bool) else (_plain(cell), 0) for cell in row]
        for row in table.rows
    )


def _region_summary(book: Workbook, report: Report) -> Worksheet:
    table = report.tables.region_summary
    sheet = _new_sheet(book, "Region Summary", table, report.metadata)
    _write_header(sheet, table.columns)
    _write_rows(sheet, table)
    _add_bars(sheet, table, "Service Count")
    return sheet


def _service_summary(book: Workbook, report: Report) -> None:
    table = report.tables.service_summary
    sheet = _new_sheet(book, "Service Summary", table, report.metadata)
    _write_header(sheet, table.columns)
    _write_rows(sheet, table)
    _add_bars(sheet, table, "Coverage %", longest=1)
    category = _column_range(table, "Category")
    first = category.partition(":")[0]
    for name, fill in (("universal", _YES_FILL), ("low", _HALF_FILL), ("none", _NO_FILL)):
        style = DifferentialStyle(fill=PatternFill(bgColor=fill.bgColor))
        rule = Rule(type="expression", formula=[f'{first}="{name}"'], dxf=style)
        sheet.conditional_formatting.add(category, rule)


def _statistics(book: Workbook, report: Report, regions: Worksheet) -> None:
    metadata, table = report.metadata, report.tables.statistics
    notes = [("About this data", notice(metadata))]
    notes += [("Warning", warning) for warning in metadata.warnings]
    shown = Table(columns=table.columns, rows=(*notes, *table.rows))
    sheet = _new_sheet(book, "Statistics", shown, metadata)
    _write_header(sheet, table.columns)
    alarming = not (metadata.source.live and metadata.complete)
    for number, (_, value) in enumerate(shown.rows, start=2):
        # Some programs do not adapt the height of a row to wrapped text.
        if isinstance(value, str) and len(value) > _VALUE_LINE:
            height = _LINE_HEIGHT * math.ceil(len(value) / _VALUE_LINE)
            sheet.row_dimensions[number].height = min(height, _MAX_HEIGHT)
    for number, note in enumerate(notes, start=2):
        fill = _HALF_FILL if alarming or note[0] == "Warning" else _YES_FILL
        for column, text in enumerate(note, start=1):
            cell = _cell_at(sheet, number, column)
            _set_text(cell, text)
            _style(cell, _BOLD, fill, _TOP_LEFT)
    _write_rows(sheet, table, first_row=len(notes) + 2, alignment=_TOP_LEFT)
    sheet.add_chart(_services_chart(regions, report.tables.region_summary), "D2")


def _services_chart(regions: Worksheet, table: Table) -> BarChart:
    chart = BarChart()
    chart.type = "bar"
    chart.title = title = title_maker("Services in each region")
    # By default, Excel draws the title over the topmost bars.
    title.overlay = False
    chart.legend = None
    chart.gapWidth = 40
    chart.width, chart.height = 20, 2 + 0.55 * max(len(table.rows), 8)
    column = _position(table, "Service Count")
    last_row = max(len(table.rows), 1) + 1
    chart.add_data(Reference(regions, column, 2, column, last_row))
    chart.set_categories(Reference(regions, 1, 2, 1, last_row))
    # A bar chart starts at the bottom. Reverse it to get the order of the sheet.
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.delete = False
    chart.y_axis.delete = True
    chart.y_axis.majorGridlines = None
    series = chart.series[0]
    series.graphicalProperties = GraphicalProperties(solidFill=_BAR_COLOR)
    series.dLbls = DataLabelList(
        showVal=True, showSerName=False, showCatName=False, showLegendKey=False
    )
    return chart


def _new_sheet(
    book: Workbook, title: str, table: Table, metadata: ReportMetadata, frozen_columns: int = 0
) -> Worksheet:
    """Add an empty sheet with its layout on screen and on paper."""
    sheet: Worksheet = book.create_sheet(title)
    last_column = get_column_letter(len(table.columns))
    sheet.freeze_panes = f"{get_column_letter(frozen_columns + 1)}2"
    sheet.auto_filter.ref = f"A1:{last_column}{len(table.rows) + 1}"
    for number, width in enumerate(_widths(table), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.page_margins = PageMargins(
        left=0.4, right=0.4, top=0.75, bottom=0.75, header=0.3, footer=0.3
    )
    sheet.print_title_rows = "1:1"
    # openpyxl creates both with the sheet, although they are optional in its types.
    header = cast(HeaderFooterItem, sheet.HeaderFooter.oddHeader)
    footer = cast(HeaderFooterItem, sheet.HeaderFooter.oddFooter)
    header.left.text = f"{TITLE}: &A"
    header.right.text = _page_text(notice(metadata))
    footer.left.text = f"Generated {metadata.generated_at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    footer.right.text = "Page &P of &N"
    return sheet


def _write_header(
    sheet: Worksheet, columns: Iterable[Column], rotated_from: int | None = None
) -> None:
    for position, column in enumerate(columns):
        cell = _cell_at(sheet, 1, position + 1)
        _set_text(cell, column.title)
        rotated = rotated_from is not None and position >= rotated_from
        _style(cell, _HEADER_FONT, _HEADER_FILL, _ROTATED if rotated else _HEADER_ALIGNMENT)


def _write_rows(
    sheet: Worksheet, table: Table, first_row: int = 2, alignment: Alignment | None = None
) -> None:
    for number, row in enumerate(table.rows, start=first_row):
        for position, (value, column) in enumerate(zip(row, table.columns, strict=True), start=1):
            if value is not None:
                cell = _cell_at(sheet, number, position)
                _set(cell, value, column.kind)
                if alignment is not None:
                    cell.alignment = alignment


def _cell_at(sheet: Worksheet, row: int, column: int) -> SheetCell:
    # The type allows for merged cells, but these sheets have none.
    return cast(SheetCell, sheet.cell(row, column))


def _set(cell: SheetCell, value: str | float, kind: ColumnKind) -> None:
    """Set the value and the format of a cell in a column of this kind."""
    if isinstance(value, str):
        day = _day(value) if kind is ColumnKind.DATE else None
        if day is None:
            _set_text(cell, value)
            cell.alignment = _TEXT
        else:
            cell.value = dt.datetime.combine(day, dt.time())
            cell.number_format = _NUMBER_FORMATS[ColumnKind.DATE]
            cell.alignment = _NUMBER
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a cell contains {value}, which is not a finite number")
    cell.value = value
    if not isinstance(value, bool):
        integer = kind is ColumnKind.MIXED and isinstance(value, int)
        cell.number_format = _NUMBER_FORMATS[ColumnKind.INTEGER if integer else kind]
        cell.alignment = _NUMBER


def _set_text(cell: SheetCell, text: str) -> None:
    shown = _text(text)
    if _is_link(text):
        cell.hyperlink = text
        cell.font = _LINK_FONT
    cell.value = literal(shown)
    # openpyxl would interpret texts such as "#N/A" as errors.
    cell.data_type = "s"


def _text(text: str) -> str:
    shown = cell_text(text)
    if _length(shown) <= _MAX_CELL_LENGTH:
        return shown
    units = shown.encode("utf-16-le")[: 2 * (_MAX_CELL_LENGTH - 1)]
    # If the cut splits a character, the half character is dropped.
    return f"{units.decode('utf-16-le', 'ignore')}\u2026"


def _length(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _plain(cell: Cell) -> str:
    return "" if cell is None else _text(str(cell))


def _page_text(text: str) -> str:
    """Return text for a page header: cut to the limit, `&` doubled because it begins a code."""
    shown = cell_text(text)[:_MAX_HEADER_LENGTH]
    while _length(doubled := shown.replace("&", "&&")) > _MAX_HEADER_LENGTH:
        shown = shown[:-1]
    return doubled


def _is_link(text: str) -> bool:
    """Return whether the text is a web address that is safe to click and fits into a hyperlink."""
    if not text.startswith(("https://", "http://")) or len(text) > _MAX_URL_CHARACTERS:
        return False
    if cell_text(text) != text or any(character.isspace() for character in text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _day(text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day >= _FIRST_DAY else None


def _style(cell: SheetCell, font: Font, fill: PatternFill, alignment: Alignment) -> SheetCell:
    cell.font, cell.fill, cell.alignment = font, fill, alignment
    return cell


def _widths(table: Table) -> list[int]:
    """Return the widths of the columns in characters: by content, within limits."""
    widths = []
    for position, column in enumerate(table.columns):
        cells = {row[position] for row in table.rows}
        # The filter's arrow needs the space of three characters in the title.
        longest = max(
            [len(column.title) + 3, *(_shown_length(cell, column.kind) + 2 for cell in cells)]
        )
        widths.append(min(max(longest, _MIN_WIDTH), _MAX_WIDTH))
    return widths


def _shown_length(cell: Cell, kind: ColumnKind) -> int:
    if isinstance(cell, bool) or cell is None:
        return 1
    if isinstance(cell, float):
        return len("100.0%" if kind is ColumnKind.PERCENT else f"{cell:,.2f}")
    return len(f"{cell:,}") if isinstance(cell, int) else len(cell)


def _add_bars(sheet: Worksheet, table: Table, title: str, longest: float | None = None) -> None:
    """Show each number of a column as a bar; the full width is the maximum, or `longest`."""
    end = FormatObject(type="max") if longest is None else FormatObject(type="num", val=longest)
    scale = [FormatObject(type="num", val=0), end]
    # The default lengths are 10 and 90 percent of the cell, so 0 would have a bar too.
    bar = DataBar(cfvo=scale, color=_BAR_COLOR, minLength=0, maxLength=100)
    rule = Rule(type="dataBar", dataBar=bar)
    sheet.conditional_formatting.add(_column_range(table, title), rule)


def _column_range(table: Table, title: str) -> str:
    letter = get_column_letter(_position(table, title))
    return f"{letter}2:{letter}{max(len(table.rows), 1) + 1}"


def _position(table: Table, title: str) -> int:
    """Return the number of a column, counted from 1."""
    return [column.title for column in table.columns].index(title) + 1
