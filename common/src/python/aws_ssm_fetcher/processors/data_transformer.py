"""Build the five tables of a report from frames, in a stable order (region code, service code)."""

from __future__ import annotations

import polars as pl

from aws_ssm_fetcher.models import Launches, Part
from aws_ssm_fetcher.processors.analyses import Analyses, Distribution, RegionCount
from aws_ssm_fetcher.processors.regional_validator import Validation
from aws_ssm_fetcher.processors.service_mapper import Frames
from aws_ssm_fetcher.report import Cell, Column, ColumnKind, ReportMetadata, Table, Tables

DECIMALS = 4
"""Decimals of the numbers in the table of statistics; the analyses are not rounded."""

_NAMED = 5
"""How many missing items the table of statistics names."""

_REGION_CODE = Column(key="region_code", title="Region Code")
_REGION_NAME = Column(key="region_name", title="Region Name")
_SERVICE_CODE = Column(key="service_code", title="Service Code")
_SERVICE_NAME = Column(key="service_name", title="Service Name")

_REGIONAL_SERVICES = (_REGION_CODE, _REGION_NAME, _SERVICE_CODE, _SERVICE_NAME)
_REGION_SUMMARY = (
    _REGION_CODE,
    _REGION_NAME,
    Column(key="launch_date", title="Launch Date", kind=ColumnKind.DATE),
    Column(key="launch_date_source", title="Launch Date Source"),
    Column(key="announcement_url", title="Announcement URL"),
    Column(key="availability_zones", title="Availability Zones", kind=ColumnKind.INTEGER),
    Column(key="service_count", title="Service Count", kind=ColumnKind.INTEGER),
    Column(key="partition", title="Partition"),
    Column(key="country", title="Country"),
    Column(key="local_zones", title="Local Zones", kind=ColumnKind.INTEGER),
    Column(key="wavelength_zones", title="Wavelength Zones", kind=ColumnKind.INTEGER),
)
_SERVICE_SUMMARY = (
    _SERVICE_CODE,
    _SERVICE_NAME,
    Column(key="coverage_class", title="Category"),
    Column(key="region_count", title="Region Count", kind=ColumnKind.INTEGER),
    Column(key="coverage", title="Coverage %", kind=ColumnKind.PERCENT),
)
_STATISTICS = (
    Column(key="metric", title="Metric"),
    Column(key="value", title="Value", kind=ColumnKind.MIXED),
)


def build_tables(
    frames: Frames,
    launches: Launches,
    analyses: Analyses,
    validation: Validation,
    metadata: ReportMetadata,
) -> Tables:
    """Build the five tables."""
    return Tables(
        regional_services=_regional_services(frames),
        service_matrix=_service_matrix(frames),
        region_summary=_region_summary(frames, launches),
        service_summary=_table(_SERVICE_SUMMARY, frames.services),
        statistics=_statistics(frames, analyses, validation, metadata),
    )


def _table(columns: tuple[Column, ...], frame: pl.DataFrame) -> Table:
    return Table(columns=columns, rows=tuple(frame.select(column.key for column in columns).rows()))


def _regional_services(frames: Frames) -> Table:
    return _table(
        _REGIONAL_SERVICES,
        frames.pairs.join(
            frames.regions.select("region_code", "region_name"),
            on="region_code",
            how="left",
            maintain_order="left",
        ).join(
            frames.services.select("service_code", "service_name"),
            on="service_code",
            how="left",
            maintain_order="left",
        ),
    )


def _service_matrix(frames: Frames) -> Table:
    regions = (
        Column(key=code, title=code, kind=ColumnKind.BOOLEAN)
        for code in frames.regions["region_code"]
    )
    rows = frames.presence.with_columns(frames.services["service_name"]).select(
        "service_code", "service_name", *frames.presence_columns
    )
    return Table(columns=(_SERVICE_CODE, _SERVICE_NAME, *regions), rows=tuple(rows.rows()))


def _region_summary(frames: Frames, launches: Launches) -> Table:
    known = pl.DataFrame(
        {
            "region_code": [launch.region_code for launch in launches.launches],
            "launch_date": [launch.launched_on.isoformat() for launch in launches.launches],
            "launch_date_source": [launches.source] * len(launches.launches),
            "announcement_url": [launch.announcement_url for launch in launches.launches],
        },
        schema=dict.fromkeys(
            ("region_code", "launch_date", "launch_date_source", "announcement_url"), pl.String()
        ),
    ).unique("region_code", keep="first", maintain_order=True)
    return _table(
        _REGION_SUMMARY,
        frames.regions.join(known, on="region_code", how="left", maintain_order="left"),
    )


def _statistics(
    frames: Frames, analyses: Analyses, validation: Validation, metadata: ReportMetadata
) -> Table:
    statistics = analyses.comprehensive
    totals = statistics.totals
    zones = analyses.availability_zones.totals
    classes = {entry.coverage_class: entry.services for entry in analyses.service_coverage.classes}
    source = metadata.source
    rows: list[tuple[str, Cell]] = [
        ("Generated At", metadata.generated_at.isoformat()),
        ("Source", source.source),
        ("Live Data", source.live),
        ("Data As Of", source.data_as_of.isoformat() if source.data_as_of else None),
        ("Fetched At", source.fetched_at.isoformat()),
        ("Launch Date Source", metadata.launch_source),
        ("Complete", metadata.complete),
        *((f"Received: {part.name}", _received(part)) for part in metadata.completeness),
        ("Quality Score", validation.score),
        ("Quality Grade", validation.grade),
        ("Combinations", totals.combinations),
        ("Coverage (0 to 1)", _rounded(statistics.coverage)),
        ("Regions", totals.regions),
        ("Services", totals.services),
        ("Listed Services", totals.services_listed),
        ("Unlisted Services", totals.services_unlisted),
        ("Deployed Services", totals.services_deployed),
        ("Services in All Regions", classes["universal"]),
        ("Services in One Region Only", int((frames.services["region_count"] == 1).sum())),
        ("Services in No Region", totals.services_in_no_region),
        *_distribution("Services per Region", statistics.services_per_region),
        ("Region with Most Services", _first(statistics.top_regions)),
        ("Region with Fewest Services", _first(statistics.bottom_regions)),
        ("Mean Regions per Service", _rounded(statistics.regions_per_service.mean)),
        *_distribution("Regions per Deployed Service", statistics.regions_per_deployed_service),
        ("Availability Zones", zones.availability_zones if zones else None),
        ("Local Zones", zones.local_zones if zones else None),
        ("Wavelength Zones", zones.wavelength_zones if zones else None),
    ]
    return Table(columns=_STATISTICS, rows=tuple(rows))


def _received(part: Part) -> str:
    """Return how much of a part was received, and what the source does not have."""
    count = f"{part.received} of {part.expected}"
    if not part.missing:
        return count
    named = [*part.missing[:_NAMED]]
    if len(part.missing) > _NAMED:
        named.append(f"{len(part.missing) - _NAMED} more")
    return f"{count} (none for {', '.join(named)})"


def _distribution(what: str, distribution: Distribution) -> list[tuple[str, Cell]]:
    return [
        (f"Mean {what}", _rounded(distribution.mean)),
        (f"Median {what}", _rounded(distribution.median)),
        (f"Maximum {what}", distribution.maximum),
        (f"Minimum {what}", distribution.minimum),
    ]


def _first(ranked: list[RegionCount]) -> str | None:
    return ranked[0].region_code if ranked else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)
