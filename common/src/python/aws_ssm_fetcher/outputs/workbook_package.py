"""Complete a workbook file: add the rows of large tables, and make the file reproducible.

A workbook is a zip of XML parts (ECMA-376, SpreadsheetML). openpyxl writes everything that needs
knowledge of the format. This module adds the rows of the two tables with tens of thousands of plain
cells, and gives every part the report's time stamp, so that the same report produces the same file.

The rows are added here to save processor time: for the 53,000 cells of the real tree, openpyxl
takes 0.6 s (0.5 s with lxml; its write-only mode is not faster), and this module takes 0.1 s. The
rows use only the simplest form of the format: inline text with a style.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl.utils import get_column_letter

from lambda_core.spreadsheet import literal

_END_OF_ROWS = b"</sheetData>"
_DIMENSION = re.compile(rb"<dimension [^>]*/>")
_CHUNK_ROWS = 256

type StyledText = tuple[str, int]
"""A cell's text and the index of its style in the workbook."""


def finish_package(
    source: IO[bytes],
    target: IO[bytes],
    extra_rows: Mapping[str, Iterable[Sequence[StyledText]]],
    stamp: dt.datetime,
) -> None:
    """Copy a saved workbook to `target`, adding rows to its sheets.

    Parameters
    ----------
    source
        The workbook as openpyxl saved it.
    extra_rows
        Rows of text by the name of a sheet's part (`xl/worksheets/sheet1.xml`). They follow the
        header row of the sheet. Cells are written as text, never as formulas.
    stamp
        The time stamp of each part. A zip file stores years from 1980, and only even seconds.
    """
    with ZipFile(source) as saved, ZipFile(target, "w", ZIP_DEFLATED) as package:
        for name in saved.namelist():
            entry = ZipInfo(name, stamp.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            content = saved.read(name)
            with package.open(entry, "w") as part:
                if name in extra_rows:
                    head, end_of_rows, tail = content.partition(_END_OF_ROWS)
                    # The stated size covers only the header row. It is optional, so remove it.
                    part.write(_DIMENSION.sub(b"", head))
                    for chunk in _chunks(extra_rows[name]):
                        part.write(chunk)
                    content = end_of_rows + tail
                part.write(content)


def _chunks(rows: Iterable[Sequence[StyledText]]) -> Iterator[bytes]:
    letters: list[str] = []
    bodies: dict[StyledText, str] = {}
    chunk: list[str] = []
    for number, row in enumerate(rows, start=2):
        while len(letters) < len(row):
            letters.append(get_column_letter(len(letters) + 1))
        cells = []
        for letter, cell in zip(letters, row, strict=False):
            body = bodies.get(cell)
            if body is None:
                body = bodies[cell] = _cell_body(cell)
            cells.append(f'<c r="{letter}{number}"{body}')
        chunk.append(f'<row r="{number}">{"".join(cells)}</row>')
        if len(chunk) == _CHUNK_ROWS:
            yield "".join(chunk).encode()
            chunk = []
    yield "".join(chunk).encode()


def _cell_body(cell: StyledText) -> str:
    text, style = cell
    if not text:
        return f' s="{style}"/>'
    return (
        f' s="{style}" t="inlineStr"><is><t xml:space="preserve">'
        f"{escape(literal(text))}</t></is></c>"
    )
