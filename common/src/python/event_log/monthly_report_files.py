"""The monthly report as text, as CSV and as a workbook."""

from __future__ import annotations

import csv
import datetime as dt
import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from event_log.monthly_report import MEASURES, RULES, TABLES, MonthlyReport
from lambda_core.spreadsheet import cell_text, literal, visible

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell as SheetCell
    from openpyxl.worksheet.worksheet import Worksheet

type Cell = str | int | float | None

CSV_FILE: Final = "monthly_report.csv"

WORKBOOK_FILE: Final = "monthly_report.xlsx"

TEXT_FILE: Final = "monthly_report.txt"

TITLE: Final = "Visits and their quality"

SHEETS: Final = {
    "months": "By month",
    "centers": "By center",
    "modules": "By module and packet",
    "detail": "Detail",
}
"""The title of each table."""

TEXT_TABLES: Final = ("months", "centers", "modules")

TITLES: Final = {
    "month": "Month",
    "pipeline_adcid": "ADCID",
    "center_label": "Center",
    "datatype": "Datatype",
    "module": "Module",
    "packet": "Packet",
    "visits": "Visits",
    "passed": "Passed",
    "not_passed": "Not passed",
    "waiting": "Waiting",
    "pass_rate": "Pass rate",
    "submitted": "Submitted",
    "days_to_submission_median": "Days to submission, median",
    "days_to_submission_mean": "Days to submission, mean",
    "days_to_qc_median": "Days to QC, median",
    "days_to_qc_mean": "Days to QC, mean",
    "deleted": "Deleted",
}

MEDIANS: Final = "days are medians"

TEXT_MEASURES: Final = {
    "visits": "Visits",
    "passed": "Passed",
    "not_passed": "Not\npassed",
    "waiting": "Waiting",
    "pass_rate": "Pass\nrate",
    "days_to_submission_median": "Days to\nsubmission",
    "days_to_qc_median": "Days to\nQC",
    "deleted": "Deleted",
}
"""The columns that fit on a screen, and their titles."""

_LEFT: Final = frozenset({"month", "center_label", "datatype", "module", "packet"})

_FLOATS: Final = frozenset(name for name in MEASURES if name.startswith("days_"))

_DECIMALS: Final = 4

_WIDTH: Final = 98
"""Maximum number of characters in a line of text."""

_FONT: Final = "Calibri"
"""Font of the workbook; without a name, LibreOffice chooses a serif font for bold text."""

_LINE_HEIGHT: Final = 15.0
"""Points. LibreOffice does not enlarge rows for wrapped text by itself."""

_ABOUT_WIDTH: Final = 90
"""Characters. LibreOffice cuts off a column that is wider than the page."""

_MAX_SHOWN: Final = 30
"""Characters of a label in the text. The other formats show all of them."""


def scope(report: MonthlyReport) -> str:
    """Return the scope of the report in words."""
    return f"visits of {report.month}" if report.month else "visits of all months"


def basis(report: MonthlyReport) -> tuple[str, ...]:
    """Return the input of the report as sentences."""
    made = report.basis
    lines = [
        f"The checkpoint has {made.rows:,} rows, of which {made.superseded:,} are older versions "
        f"of event files. {made.events:,} events belong to the {scope(report)}.",
    ]
    if made.unversioned:
        lines.append(
            f"Rows whose event file is unknown, each of which counts: {made.unversioned:,}."
        )
    if made.submitted_before_visit:
        lines.append(
            "Visits whose first submission is before the visit date (their days are negative): "
            f"{made.submitted_before_visit:,}."
        )
    return tuple(lines)


def shown(name: str, value: Cell) -> str:
    """Return a value formatted for display; a dash if it is missing."""
    if value is None:
        return "-"
    if name == "pass_rate":
        return f"{value:.1%}"
    if name in _FLOATS:
        return f"{value:,.1f}"
    if name == "pipeline_adcid" or isinstance(value, str):
        return visible(str(value))
    return f"{value:,}"


def columns(table: str) -> tuple[str, ...]:
    """Return the columns of a table."""
    return (*TABLES[table], *MEASURES)


def rows(report: MonthlyReport, table: str) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of a table."""
    return iter(report.table(table).select(columns(table)).rows())


def as_text(report: MonthlyReport) -> str:
    """Return the report as plain text: all tables except the detail, and the rules."""
    title = f"{TITLE}: {scope(report)}"
    parts = [f"{title}\n{'=' * len(title)}"]
    parts.append("\n".join(textwrap.fill(line, _WIDTH) for line in basis(report)))
    parts += [
        f"{SHEETS[table]} ({MEDIANS})\n\n"
        f"{lay_out(text_cells(report, table), is_left_aligned(table))}"
        for table in TEXT_TABLES
    ]
    rules = (
        textwrap.fill(rule, _WIDTH, initial_indent="- ", subsequent_indent="  ") for rule in RULES
    )
    parts.append("\n".join(["How it is counted\n", *rules]))
    return "\n\n".join(parts) + "\n"


def as_csv(report: MonthlyReport) -> str:
    r"""Return the detail as CSV (RFC 4180). Each visit is counted in one row.

    The pass rate is a fraction. An empty cell is a missing value. Lines end with `\n`. Text that a
    spreadsheet might treat as a formula begins with `'`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns("detail"))
    for row in rows(report, "detail"):
        writer.writerow(_csv_cell(cell) for cell in row)
    return out.getvalue()


def as_workbook(report: MonthlyReport, made_at: dt.datetime) -> bytes:
    """Return the report as an Excel workbook: the rules, and a sheet for each table.

    Parameters
    ----------
    made_at
        The creation time that the workbook shows.
    """
    # Imported here, because the functions do not have openpyxl.
    from openpyxl import Workbook

    stamp = made_at.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0)
    book = Workbook()
    book.remove(book.worksheets[0])
    book.properties.title = TITLE
    book.properties.creator = "event_log_checkpoint"
    book.properties.created = stamp
    _about(book, report, stamp)
    for table in TABLES:
        _sheet(book, report, table)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def write_report(report: MonthlyReport, folder: Path, made_at: dt.datetime) -> tuple[Path, ...]:
    """Write all three formats to an existing folder; returns their paths.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    contents = {
        TEXT_FILE: as_text(report).encode(),
        CSV_FILE: as_csv(report).encode(),
        WORKBOOK_FILE: as_workbook(report, made_at),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)


def text_cells(report: MonthlyReport, table: str) -> list[list[str]]:
    """Return the cells of a table for a screen, titles first."""
    names = (*TABLES[table], *TEXT_MEASURES)
    titles = [TEXT_MEASURES.get(name, TITLES.get(name, name)) for name in names]
    found = report.table(table).select(names).rows()
    return [
        titles,
        *([_cut(shown(*pair)) for pair in zip(names, row, strict=True)] for row in found),
    ]


def lay_out(lines: Sequence[Sequence[str]], left: Sequence[bool]) -> str:
    """Return a table as plain text, with a line below the titles.

    Parameters
    ----------
    lines
        The titles, which may contain line feeds, followed by the rows.
    left
        Whether each column is left-aligned.
    """
    titles = [title.split("\n") for title in lines[0]]
    height = max(map(len, titles))
    head = [
        [title[line - height] if len(title) >= height - line else "" for title in titles]
        for line in range(height)
    ]
    rows = lines[1:]
    widths = [max(len(line[place]) for line in [*head, *rows]) for place in range(len(titles))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at_left else cell.rjust(width)
            for cell, width, at_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in [*head, rule, *rows]
    )


def is_left_aligned(table: str) -> list[bool]:
    """Return, for each column of a table, whether it is left-aligned on a screen."""
    return [name in _LEFT for name in (*TABLES[table], *TEXT_MEASURES)]


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell_text(cell)
    return repr(round(cell, _DECIMALS))


def _about(book: Workbook, report: MonthlyReport, stamp: dt.datetime) -> None:
    from openpyxl.styles import Alignment, Font

    sheet: Worksheet = book.create_sheet("About")
    sheet.column_dimensions["A"].width = _ABOUT_WIDTH
    lines = [
        f"{TITLE}: {scope(report)}",
        f"Created {stamp:%Y-%m-%d %H:%M} UTC",
        *basis(report),
        "How it is counted",
        *RULES,
    ]
    for number, line in enumerate(lines, start=1):
        cell = sheet.cell(number, 1, literal(cell_text(line)))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        wrapped = textwrap.wrap(line, _ABOUT_WIDTH)
        sheet.row_dimensions[number].height = _LINE_HEIGHT * len(wrapped)
        if line in (lines[0], "How it is counted"):
            cell.font = Font(name=_FONT, bold=True)
    _fit_to_page_width(sheet)


def _sheet(book: Workbook, report: MonthlyReport, table: str) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    names = columns(table)
    sheet: Worksheet = book.create_sheet(SHEETS[table])
    for position, name in enumerate(names, start=1):
        cell = sheet.cell(1, position, TITLES[name])
        cell.font = Font(name=_FONT, bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", start_color="366092", end_color="366092")
        cell.alignment = Alignment(wrap_text=True, vertical="center", horizontal="center")
    widths = [max(len(word) for word in TITLES[name].split()) + 4 for name in names]
    lines = max(len(TITLES[name].split()) for name in names)
    sheet.row_dimensions[1].height = _LINE_HEIGHT * lines
    for number, row in enumerate(rows(report, table), start=2):
        for position, (name, value) in enumerate(zip(names, row, strict=True), start=1):
            if value is None:
                continue
            # The type allows merged cells, which our sheets do not have.
            cell = cast("SheetCell", sheet.cell(number, position))
            if isinstance(value, str):
                cell.value = literal(cell_text(value))
                # Otherwise, openpyxl stores texts such as "#N/A" as errors.
                cell.data_type = "s"
                # Keeps a label apart from a number in the column before it.
                cell.alignment = Alignment(indent=1)
            else:
                cell.value = value
                cell.number_format = _number_format(name)
            widths[position - 1] = max(widths[position - 1], len(shown(name, value)) + 2)
    for position, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(position)].width = min(width, 50)
    last = f"{get_column_letter(len(names))}{report.table(table).height + 1}"
    sheet.auto_filter.ref = f"A1:{last}"
    sheet.freeze_panes = f"{get_column_letter(len(TABLES[table]) + 1)}2"
    sheet.print_title_rows = "1:1"
    _fit_to_page_width(sheet)


def _fit_to_page_width(sheet: Worksheet) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _number_format(name: str) -> str:
    if name == "pass_rate":
        return "0.0%"
    if name == "pipeline_adcid":
        return "0"
    return "#,##0.0" if name in _FLOATS else "#,##0"
