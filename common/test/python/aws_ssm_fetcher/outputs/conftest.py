"""A small report with the special cases of a real report, for the tests of all writers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from aws_ssm_fetcher.models import CrossCheck, Pair, Part, Provenance
from aws_ssm_fetcher.report import (
    Cell,
    Column,
    ColumnKind,
    Report,
    ReportMetadata,
    Table,
    Tables,
)

type MakeReport = Callable[..., Report]

GENERATED = dt.datetime(2026, 3, 4, 5, 6, 8, tzinfo=dt.UTC)

REGION = (
    Column(key="region_code", title="Region Code"),
    Column(key="region_name", title="Region Name"),
)
SERVICE = (
    Column(key="service_code", title="Service Code"),
    Column(key="service_name", title="Service Name"),
)


def make(
    *,
    region: str = "eu-west-9",
    name: str = "Elsewhere (S\u00e3o Jo\u00e3o)",
    url: str | None = "https://example.com/launch?a=1&b=2",
    launched: str | None = "2011-02-03",
    value: Cell = 238.1795,
    live: bool = False,
    warnings: tuple[str, ...] = ("The feed could not be read.",),
    complete: bool = True,
) -> Report:
    """Two regions and three services, one of them in no region; `values` overrides any field."""

    def integer(key: str, title: str) -> Column:
        return Column(key=key, title=title, kind=ColumnKind.INTEGER)

    tables = Tables(
        regional_services=Table(
            columns=REGION + SERVICE,
            rows=(
                ("af-south-1", "Africa", "ec2", "Elastic <Cloud> & more"),
                (region, name, "S3x", name),
                (region, name, "ec2", "Elastic <Cloud> & more"),
            ),
        ),
        service_matrix=Table(
            columns=(
                *SERVICE,
                Column(key="af-south-1", title="af-south-1", kind=ColumnKind.BOOLEAN),
                Column(key=region, title=region, kind=ColumnKind.BOOLEAN),
            ),
            rows=(
                ("S3x", name, False, True),
                ("ec2", "Elastic <Cloud> & more", True, True),
                ("nowhere", "nowhere", False, False),
            ),
        ),
        region_summary=Table(
            columns=(
                *REGION,
                Column(key="launch_date", title="Launch Date", kind=ColumnKind.DATE),
                Column(key="launch_date_source", title="Launch Date Source"),
                Column(key="announcement_url", title="Announcement URL"),
                integer("availability_zones", "Availability Zones"),
                integer("service_count", "Service Count"),
                Column(key="partition", title="Partition"),
                Column(key="country", title="Country"),
                integer("local_zones", "Local Zones"),
                integer("wavelength_zones", "Wavelength Zones"),
            ),
            rows=(
                ("af-south-1", "Africa", None, None, None, 3, 1, "aws", "ZA", 0, 0),
                (region, name, launched, "a feed", url, None, 2, "aws", "PT", None, None),
            ),
        ),
        service_summary=Table(
            columns=(
                *SERVICE,
                Column(key="coverage_class", title="Category"),
                integer("region_count", "Region Count"),
                Column(key="coverage", title="Coverage %", kind=ColumnKind.PERCENT),
            ),
            rows=(
                ("S3x", name, "medium", 1, 0.5),
                ("ec2", "Elastic <Cloud> & more", "universal", 2, 1.0),
                ("nowhere", "nowhere", "none", 0, 0.0),
            ),
        ),
        statistics=Table(
            columns=(
                Column(key="metric", title="Metric"),
                Column(key="value", title="Value", kind=ColumnKind.MIXED),
            ),
            rows=(
                ("Combinations", 9289),
                ("Mean Services per Region", value),
                ("Complete", complete),
                ("Skewness", -5),
                ("Local Zones", None),
            ),
        ),
    )
    return Report(
        metadata=ReportMetadata(
            generated_at=GENERATED,
            source=Provenance(
                source="snapshot in moto 5.2.5",
                live=live,
                fetched_at=GENERATED - dt.timedelta(days=1),
                data_as_of=None if live else dt.date(2026, 2, 2),
                calls={"GetParametersByPath": 7},
            ),
            launch_source="bundled launch dates",
            complete=complete,
            completeness=(Part(name="regions", expected=2, received=2),),
            warnings=warnings,
            total_combinations=3,
            unique_regions=2,
            unique_services=3,
        ),
        tables=tables,
        analyses={"totals": {"combinations": 3, "skew": None, "note": "caf\u00e9"}},
        validation={"score": 91.25, "grade": "A", "findings": []},
        cross_check=CrossCheck(
            only_in_regions_tree=(Pair(region_code="af-south-1", service_code="ec2"),),
            only_in_services_tree=(),
        ),
    )


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    return make


@pytest.fixture(scope="session")
def report() -> Report:
    return make()
