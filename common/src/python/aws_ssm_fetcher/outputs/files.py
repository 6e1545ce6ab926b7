"""The report's formats, their file names, and the description of a written file."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from aws_ssm_fetcher.models import DomainModel


class ReportFormat(StrEnum):
    """A format that a user can request; each has one or more files."""

    JSON = "json"
    CSV = "csv"
    EXCEL = "excel"


REPORT_FILES: dict[ReportFormat, dict[str, str]] = {
    ReportFormat.JSON: {
        "json": "aws_regions_services.json",
        "json_compact": "aws_regions_services.compact.json",
    },
    ReportFormat.CSV: {
        "csv": "aws_regions_services.csv",
        "regional_services": "regional_services.csv",
        "service_matrix": "service_matrix.csv",
        "region_summary": "region_summary.csv",
        "service_summary": "service_summary.csv",
        "statistics": "statistics.csv",
    },
    ReportFormat.EXCEL: {"excel": "aws_regions_services.xlsx"},
}
"""The files of each format: file names by their keys in the summary."""

SUMMARY_FILE = "summary.json"


class ReportFile(DomainModel):
    """A written file of a report.

    Attributes
    ----------
    name
        Its key in the summary, such as `service_matrix`.
    format
        The format that it belongs to.
    file
        Its file name, without a folder.
    bytes
        Its size.
    sha256
        The hexadecimal digest of its content. It shows whether a file belongs to the set that a
        summary describes.
    rows
        Number of rows of data, or None if the file is not a single table.
    """

    name: str
    format: ReportFormat
    file: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: str
    rows: int | None = None

    @classmethod
    def of(cls, name: str, kind: ReportFormat, folder: Path, rows: int | None = None) -> Self:
        """Describe a written file of a format, reading it once."""
        path = folder / REPORT_FILES[kind][name]
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return cls(
            name=name,
            format=kind,
            file=path.name,
            bytes=path.stat().st_size,
            sha256=digest,
            rows=rows,
        )
