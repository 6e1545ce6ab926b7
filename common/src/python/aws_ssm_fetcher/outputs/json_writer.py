r"""Write the report as JSON: a readable file, and a compact file with the same content.

Readable, `aws_regions_services.json`
    `{"metadata": {…}, "data": [row, …], "regions": [row, …], "services": [row, …],
    "statistics": {…}, "validation": {…}, "cross_check": {…} | null}`. A row is an object keyed by
    column (`region_code`, `region_name`, `service_code`, `service_name` in `data`). Each row has
    its own line, so that `grep` and `diff` work.

Compact, `aws_regions_services.compact.json`
    The same keys, without white space and repeated names: `data` is
    `{region_code: [service_code, …]}` with all regions, and `regions` and `services` are objects
    keyed by code. It has about an eighth of the size, for programs that look up a region or a
    service.

Both are UTF-8 with `\n` line endings, keep the order of the report, and never contain `NaN`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.provenance import metadata_json
from aws_ssm_fetcher.report import Cell, Report, Table
from lambda_core.errors import ReportError

_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_block = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=2)
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_json(report: Report, folder: Path) -> tuple[ReportFile, ...]:
    """Write both JSON files into an existing folder.

    The tables are streamed row by row, so only the report itself, one row and the analyses are in
    memory.

    Raises
    ------
    ReportError
        If the report contains a value that JSON cannot represent, such as NaN.
    OSError
        If a file cannot be written.
    """
    rows = len(report.tables.regional_services.rows)
    files = []
    for name, write in (("json", _write_readable), ("json_compact", _write_compact)):
        path = folder / REPORT_FILES[ReportFormat.JSON][name]
        # UTF-8 cannot represent an unpaired surrogate, but its backslash escape is valid JSON.
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            try:
                write(report, out)
            except (ValueError, TypeError) as error:
                raise ReportError(
                    f"cannot write {path.name}: the report contains a value that is not JSON "
                    f"({error}); this is an error in the processing, not in the source",
                    file=path.name,
                ) from error
        files.append(ReportFile.of(name, ReportFormat.JSON, folder, rows))
    return tuple(files)


def _write_readable(report: Report, out: TextIO) -> None:
    out.write("{\n")
    _member(out, "metadata", metadata_json(report.metadata))
    for name, table in _row_tables(report).items():
        out.write(f"  {_line.encode(name)}: [")
        between = "\n"
        for row in _objects(table):
            out.write(f"{between}    {_line.encode(row)}")
            between = ",\n"
        out.write("\n  ],\n" if table.rows else "],\n")
    members = _analyses(report)
    last = next(reversed(members))
    for name, value in members.items():
        _member(out, name, value, end="\n" if name == last else ",\n")
    out.write("}\n")


def _write_compact(report: Report, out: TextIO) -> None:
    out.write(f'{{"metadata":{_compact.encode(metadata_json(report.metadata))}')
    for name, table in _row_tables(report).items():
        members = _services_by_region(report) if name == "data" else dict(_by_code(table))
        out.write(f',"{name}":{{')
        between = ""
        for code, value in members.items():
            out.write(f"{between}{_compact.encode(code)}:{_compact.encode(value)}")
            between = ","
        out.write("}")
    for name, value in _analyses(report).items():
        out.write(f',"{name}":{_compact.encode(value)}')
    out.write("}\n")


def _row_tables(report: Report) -> dict[str, Table]:
    tables = report.tables
    return {
        "data": tables.regional_services,
        "regions": tables.region_summary,
        "services": tables.service_summary,
    }


def _analyses(report: Report) -> dict[str, Any]:
    cross_check = report.cross_check
    return {
        "statistics": report.analyses,
        "validation": report.validation,
        "cross_check": cross_check.model_dump(mode="json") if cross_check else None,
    }


def _member(out: TextIO, name: str, value: object, end: str = ",\n") -> None:
    block = _block.encode(value).replace("\n", "\n  ")
    out.write(f"  {_line.encode(name)}: {block}{end}")


def _objects(table: Table) -> Iterator[dict[str, Any]]:
    keys = [column.key for column in table.columns]
    return (dict(zip(keys, row, strict=True)) for row in table.rows)


def _by_code(table: Table) -> Iterator[tuple[str, Any]]:
    """Return rows as (code, other columns); the code is the first column of both summaries."""
    keys = [column.key for column in table.columns[1:]]
    return ((str(row[0]), dict(zip(keys, row[1:], strict=True))) for row in table.rows)


def _services_by_region(report: Report) -> dict[str, Any]:
    """Return the service codes of each region, including regions without services."""
    services: dict[str, list[Cell]] = {str(row[0]): [] for row in report.tables.region_summary.rows}
    for region_code, _, service_code, _ in report.tables.regional_services.rows:
        services[str(region_code)].append(service_code)
    return services
