r"""Write the report's tables as CSV (RFC 4180).

- UTF-8 without a byte order mark, which would become part of the first column's title in programs
  that do not expect it. For spreadsheets there is the workbook.
- `\n` line endings, which every reader accepts and line-based tools need. Line breaks inside a cell
  are written as escapes, so a record is always one line.
- An empty cell is a missing value, `true` and `false` are booleans, dates are ISO 8601. Columns of
  percentages contain percentage points, as their titles say (`84.6154` under "Coverage %").
- Texts that a spreadsheet could interpret as a formula begin with a `'`; see
  `lambda_core.spreadsheet`. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFile, ReportFormat
from aws_ssm_fetcher.report import Cell, ColumnKind, Report, Table
from lambda_core.errors import ReportError
from lambda_core.spreadsheet import cell_text

_PERCENT_DECIMALS = 4


def write_csv(report: Report, folder: Path) -> tuple[ReportFile, ...]:
    """Write the six CSV files into an existing folder.

    The main data set, `aws_regions_services.csv`, is a copy of `regional_services.csv`. The other
    files are the report's tables of the same names.

    Raises
    ------
    ReportError
        If a cell contains a number that is not finite.
    OSError
        If a file cannot be written.
    """
    tables = report.tables
    main, *names = REPORT_FILES[ReportFormat.CSV]
    files = []
    for name in names:
        table: Table = getattr(tables, name)
        _write_table(table, folder / REPORT_FILES[ReportFormat.CSV][name])
        files.append(ReportFile.of(name, ReportFormat.CSV, folder, len(table.rows)))
    shutil.copyfile(folder / files[0].file, folder / REPORT_FILES[ReportFormat.CSV][main])
    return (ReportFile.of(main, ReportFormat.CSV, folder, files[0].rows), *files)


def _write_table(table: Table, path: Path) -> None:
    forms = [_percent if c.kind is ColumnKind.PERCENT else _plain for c in table.columns]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([cell_text(column.title) for column in table.columns])
        try:
            writer.writerows(_row(forms, row) for row in table.rows)
        except ValueError as error:
            raise ReportError(
                f"cannot write {path.name}: {error}; this is an error in the processing, "
                "not in the source",
                file=path.name,
            ) from error


def _row(forms: Sequence[Callable[[Cell], str]], row: tuple[Cell, ...]) -> list[str]:
    return [form(cell) for form, cell in zip(forms, row, strict=True)]


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell_text(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and not math.isfinite(cell):
        raise ValueError(f"a cell contains {cell}, which is not a finite number")
    return repr(cell)


def _percent(cell: Cell) -> str:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return _plain(round(cell * 100, _PERCENT_DECIMALS))
    return _plain(cell)
