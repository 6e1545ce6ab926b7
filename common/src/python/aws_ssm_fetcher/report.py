"""The report as plain tables: the processors compute it, and the writers in `outputs` format it.

It does not need Polars. A round trip through JSON does not change it, so one stage can pass it to
the next.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from aws_ssm_fetcher.models import CrossCheck, DomainModel, Part, Provenance

type Cell = str | int | float | bool | None


class ColumnKind(StrEnum):
    """The kind of value in a column, which determines its format."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    PERCENT = "percent"
    """A fraction between 0 and 1, shown as a percentage."""
    BOOLEAN = "boolean"
    DATE = "date"
    """An ISO 8601 date as text, such as `2006-08-25`."""
    MIXED = "mixed"
    """Cells of different kinds, such as the values of the statistics."""


class Column(DomainModel):
    """A column: its key in JSON, its title in CSV and workbook, and its kind."""

    key: str
    title: str
    kind: ColumnKind = ColumnKind.TEXT


class Table(DomainModel):
    """Rows of cells in the order of the columns; None is an empty cell."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Tables(DomainModel):
    """The five tables of the report.

    Columns
    -------
    regional_services
        Region Code, Region Name, Service Code, Service Name: one row per pair, sorted by region
        code, then service code.
    service_matrix
        Service Code, Service Name, then a boolean column per region code.
    region_summary
        Region Code, Region Name, Launch Date, Launch Date Source, Announcement URL,
        Availability Zones, Service Count, Partition, Country, Local Zones, Wavelength Zones.
    service_summary
        Service Code, Service Name, Category, Region Count, Coverage %.
    statistics
        Metric, Value.
    """

    regional_services: Table
    service_matrix: Table
    region_summary: Table
    service_summary: Table
    statistics: Table


class ReportMetadata(DomainModel):
    """Source, completeness, warnings and totals of the report."""

    generated_at: AwareDatetime
    source: Provenance
    launch_source: str
    complete: bool
    completeness: tuple[Part, ...]
    warnings: tuple[str, ...] = ()
    total_combinations: int
    unique_regions: int
    unique_services: int


class Findings(DomainModel):
    """A report without its tables.

    Attributes
    ----------
    metadata
        Source, age, completeness, warnings, totals.
    analyses
        The statistics in full, as JSON values, with one key per analysis; see
        `processors.statistics_analyzer`.
    validation
        Quality score, grade and findings as JSON values; see `processors.regional_validator`.
    cross_check
        The differences between the two trees, or None if they were not compared.
    """

    metadata: ReportMetadata
    analyses: dict[str, Any] = Field(default_factory=dict)
    validation: dict[str, Any] = Field(default_factory=dict)
    cross_check: CrossCheck | None = None


class Report(Findings):
    """A complete report: its findings and its five tables."""

    tables: Tables


__all__ = [
    "Cell",
    "Column",
    "ColumnKind",
    "Findings",
    "Report",
    "ReportMetadata",
    "Table",
    "Tables",
]
