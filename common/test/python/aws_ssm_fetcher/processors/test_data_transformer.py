"""The five tables, cell by cell on a small catalog, and compared with plain Python on any."""

from __future__ import annotations

import datetime as dt

import pytest
from aws_ssm_fetcher_testing.catalogs import (
    NOW,
    catalog,
    catalogs,
    moto_catalog,
    small_catalog,
    small_launches,
)
from hypothesis import given

from aws_ssm_fetcher.models import Catalog, Launches, RegionLaunch
from aws_ssm_fetcher.processors.pipeline_orchestrator import process
from aws_ssm_fetcher.report import Cell, ColumnKind, Table, Tables


def tables_of(made: Catalog, launches: Launches | None = None) -> Tables:
    return process(made, launches or Launches(source="none"), generated_at=NOW).tables


@pytest.fixture(scope="module")
def small() -> Tables:
    return tables_of(small_catalog(), small_launches())


def titles(table: Table) -> list[str]:
    return [column.title for column in table.columns]


def test_regional_services(small: Tables) -> None:
    assert titles(small.regional_services) == [
        "Region Code",
        "Region Name",
        "Service Code",
        "Service Name",
    ]
    assert small.regional_services.rows == (
        ("a-1", "Alpha", "Caps", "Shared"),
        ("a-1", "Alpha", "ec2", "Shared"),
        ("a-1", "Alpha", "new", "new"),
        ("a-1", "Alpha", "s3", "Storage"),
        ("b-1", "Beta", "ec2", "Shared"),
        ("b-1", "Beta", "s3", "Storage"),
        ("c-1", "c-1", "s3", "Storage"),
    )


def test_service_matrix(small: Tables) -> None:
    assert titles(small.service_matrix) == [
        "Service Code",
        "Service Name",
        "a-1",
        "b-1",
        "c-1",
        "z-1",
    ]
    assert [column.kind for column in small.service_matrix.columns[2:]] == [ColumnKind.BOOLEAN] * 4
    assert small.service_matrix.rows == (
        ("Caps", "Shared", True, False, False, False),
        ("ec2", "Shared", True, True, False, False),
        ("ghost", "Ghost", False, False, False, False),
        ("new", "new", True, False, False, False),
        ("s3", "Storage", True, True, True, False),
    )


def test_region_summary(small: Tables) -> None:
    assert titles(small.region_summary) == [
        "Region Code",
        "Region Name",
        "Launch Date",
        "Launch Date Source",
        "Announcement URL",
        "Availability Zones",
        "Service Count",
        "Partition",
        "Country",
        "Local Zones",
        "Wavelength Zones",
    ]
    announcement = "https://example.com/a"
    assert small.region_summary.rows == (
        ("a-1", "Alpha", "2006-08-25", "a feed", announcement, 3, 4, "aws", "AA", 1, 0),
        ("b-1", "Beta", None, None, None, 2, 2, "aws", "AA", 0, 0),
        ("c-1", "c-1", "2014-01-09", "a feed", None, 4, 1, "aws-cn", "CC", 0, 1),
        ("z-1", "Empty", None, None, None, None, 0, None, None, None, None),
    )


def test_service_summary(small: Tables) -> None:
    assert titles(small.service_summary) == [
        "Service Code",
        "Service Name",
        "Category",
        "Region Count",
        "Coverage %",
    ]
    assert small.service_summary.columns[-1].kind is ColumnKind.PERCENT
    assert small.service_summary.rows == (
        ("Caps", "Shared", "low", 1, 0.25),
        ("ec2", "Shared", "medium", 2, 0.5),
        ("ghost", "Ghost", "none", 0, 0.0),
        ("new", "new", "low", 1, 0.25),
        ("s3", "Storage", "medium", 3, 0.75),
    )


def test_statistics(small: Tables) -> None:
    assert titles(small.statistics) == ["Metric", "Value"]
    assert small.statistics.columns[1].kind is ColumnKind.MIXED
    assert small.statistics.rows == (
        ("Generated At", "2026-03-04T05:06:07+00:00"),
        ("Source", "made up"),
        ("Live Data", False),
        ("Data As Of", "2026-01-02"),
        ("Fetched At", "2026-03-04T05:06:07+00:00"),
        ("Launch Date Source", "a feed"),
        ("Complete", True),
        ("Received: regions", "4 of 4"),
        ("Received: service names", "4 of 5 (none for new)"),
        ("Received: launch dates", "2 of 4 (none for b-1, z-1)"),
        ("Quality Score", 63.65),
        ("Quality Grade", "D"),
        ("Combinations", 7),
        ("Coverage (0 to 1)", 0.35),
        ("Regions", 4),
        ("Services", 5),
        ("Listed Services", 4),
        ("Unlisted Services", 1),
        ("Deployed Services", 4),
        ("Services in All Regions", 0),
        ("Services in One Region Only", 2),
        ("Services in No Region", 1),
        ("Mean Services per Region", 1.75),
        ("Median Services per Region", 1.5),
        ("Maximum Services per Region", 4),
        ("Minimum Services per Region", 0),
        ("Region with Most Services", "a-1"),
        ("Region with Fewest Services", "z-1"),
        ("Mean Regions per Service", 1.4),
        ("Mean Regions per Deployed Service", 1.75),
        ("Median Regions per Deployed Service", 1.5),
        ("Maximum Regions per Deployed Service", 3),
        ("Minimum Regions per Deployed Service", 1),
        ("Availability Zones", 9),
        ("Local Zones", 1),
        ("Wavelength Zones", 1),
    )


def test_a_long_list_of_missing_items_is_cut() -> None:
    tables = tables_of(catalog({f"r-{number}": ["s3"] for number in range(9)}))
    received = "0 of 9 (none for r-0, r-1, r-2, r-3, r-4, 4 more)"
    assert ("Received: launch dates", received) in tables.statistics.rows


def test_two_dates_of_one_region_make_one_row() -> None:
    twice = Launches(
        source="a feed",
        launches=tuple(
            RegionLaunch(region_code="a-1", launched_on=dt.date(year, 1, 1))
            for year in (2006, 2007)
        ),
    )
    rows = tables_of(small_catalog(), twice).region_summary.rows
    assert [row[2] for row in rows] == ["2006-01-01", None, None, None]


def test_real_tree() -> None:
    tables = tables_of(moto_catalog())
    assert len(tables.regional_services.rows) == 9289
    assert len(tables.service_matrix.rows) == 405
    assert len(tables.service_matrix.columns) == 2 + 39
    assert sum(cell is True for row in tables.service_matrix.rows for cell in row) == 9289
    assert len(tables.region_summary.rows) == 39
    assert len(tables.service_summary.rows) == 405
    assert [row[0] for row in tables.service_summary.rows if row[2] == "none"] == [
        "eventbridgev2",
        "iotthingsgraph",
        "sagemakerautopilot",
    ]


@given(catalogs())
def test_tables_of_any_catalog(catalog: Catalog) -> None:
    tables = tables_of(catalog)
    regions = {region.code: region for region in catalog.regions}
    services = {service.code: service for service in catalog.services}
    pairs = [(e.region_code, code) for e in catalog.availability for code in e.service_codes]

    assert tables.regional_services.rows == tuple(
        (region, regions[region].label, service, services[service].label)
        for region, service in pairs
    )
    assert [column.key for column in tables.service_matrix.columns[2:]] == list(regions)
    assert tables.service_matrix.rows == tuple(
        (code, service.label, *((region, code) in pairs for region in regions))
        for code, service in services.items()
    )
    for row, region in zip(tables.region_summary.rows, catalog.regions, strict=True):
        zones = region.zones
        assert row == (
            region.code,
            region.label,
            None,
            None,
            None,
            zones and len(zones.availability),
            [code for code, _ in pairs].count(region.code),
            region.partition,
            region.country,
            zones and len(zones.local),
            zones and len(zones.wavelength),
        )
    for summary, service in zip(tables.service_summary.rows, catalog.services, strict=True):
        count = [code for _, code in pairs].count(service.code)
        coverage = count / len(regions) if regions else None
        assert summary == (
            service.code,
            service.label,
            expected_class(count, len(regions)),
            count,
            coverage,
        )


def expected_class(count: int, regions: int) -> Cell:
    if count == 0:
        return "none"
    if count == regions:
        return "universal"
    if 10 * count >= 8 * regions:
        return "high"
    return "medium" if 10 * count >= 5 * regions else "low"


@given(catalogs())
def test_every_row_has_a_cell_for_each_column(catalog: Catalog) -> None:
    tables = tables_of(catalog)
    for name in Tables.model_fields:
        table = getattr(tables, name)
        assert all(len(row) == len(table.columns) for row in table.rows)
