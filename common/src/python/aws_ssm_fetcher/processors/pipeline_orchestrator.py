"""Compute a report from a catalog and the launch dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from aws_ssm_fetcher.models import Catalog, Launches, Part
from aws_ssm_fetcher.processors.data_transformer import build_tables
from aws_ssm_fetcher.processors.regional_validator import CORE_SERVICES, validate
from aws_ssm_fetcher.processors.service_mapper import map_catalog
from aws_ssm_fetcher.processors.statistics_analyzer import analyze
from aws_ssm_fetcher.report import Report, ReportMetadata


def process(
    catalog: Catalog,
    launches: Launches,
    *,
    generated_at: dt.datetime,
    core_services: Sequence[str] = CORE_SERVICES,
) -> Report:
    """Compute the report.

    Parameters
    ----------
    catalog
        The fetched data.
    launches
        Launch dates; those of regions that are not in the catalog are ignored.
    generated_at
        The report's time stamp, with a time zone.
    core_services
        Codes of the services that every region should have.

    Examples
    --------
    >>> from aws_ssm_fetcher.models import Availability, Provenance, Region, Service
    >>> now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    >>> catalog = Catalog(
    ...     regions=(Region(code="eu-west-3", name="Europe (Paris)"),),
    ...     services=(Service(code="ec2"), Service(code="s3", name="Amazon S3")),
    ...     availability=(Availability(region_code="eu-west-3", service_codes=("s3",)),),
    ...     provenance=Provenance(source="an example", live=False, fetched_at=now),
    ... )
    >>> report = process(catalog, Launches(source="no feed"), generated_at=now)
    >>> report.tables.regional_services.rows
    (('eu-west-3', 'Europe (Paris)', 's3', 'Amazon S3'),)
    >>> report.analyses["comprehensive"]["coverage"]
    0.5
    """
    frames = map_catalog(catalog)
    analyses = analyze(frames)
    validation = validate(catalog, frames, analyses, core_services=core_services)
    metadata = ReportMetadata(
        generated_at=generated_at,
        source=catalog.provenance,
        launch_source=launches.source,
        complete=catalog.completeness.complete,
        completeness=(*catalog.completeness.parts, _launch_dates(catalog, launches)),
        warnings=_warnings(catalog, launches),
        total_combinations=analyses.comprehensive.totals.combinations,
        unique_regions=analyses.comprehensive.totals.regions,
        unique_services=analyses.comprehensive.totals.services,
    )
    return Report(
        metadata=metadata,
        tables=build_tables(frames, launches, analyses, validation, metadata),
        analyses=analyses.model_dump(mode="json"),
        validation=validation.model_dump(mode="json"),
        cross_check=catalog.cross_check,
    )


def _launch_dates(catalog: Catalog, launches: Launches) -> Part:
    dated = {launch.region_code for launch in launches.launches}
    missing = tuple(region.code for region in catalog.regions if region.code not in dated)
    return Part(
        name="launch dates",
        expected=len(catalog.regions),
        received=len(catalog.regions) - len(missing),
        missing=() if launches.failed else missing,
        failed=(f"{launches.source} could not be read",) if launches.failed else (),
        required=False,
    )


def _warnings(catalog: Catalog, launches: Launches) -> tuple[str, ...]:
    warnings = []
    provenance = catalog.provenance
    if not provenance.live:
        age = f" as of {provenance.data_as_of}" if provenance.data_as_of else ""
        warnings.append(f"Not live data: {provenance.source}{age}.")
    for part in catalog.completeness.parts:
        if part.failed:
            kept = "" if part.required else " (the report does not need it)"
            warnings.append(
                f"Incomplete{kept}: {part.name}, {part.received:,} of {part.expected:,} received; "
                f"{'; '.join(part.failed)}."
            )
    if empty := [entry.region_code for entry in catalog.availability if not entry.service_codes]:
        warnings.append(
            f"The source lists no services in {len(empty):,} region"
            f"{'' if len(empty) == 1 else 's'}: {', '.join(empty)}."
        )
    if catalog.cross_check is not None and not catalog.cross_check.agrees:
        count = len(catalog.cross_check.only_in_regions_tree) + len(
            catalog.cross_check.only_in_services_tree
        )
        warnings.append(
            f"The two trees of the source differ in {count:,} "
            f"combination{'' if count == 1 else 's'}; "
            "the report follows the regions tree."
        )
    warnings.extend(launches.warnings)
    return tuple(warnings)
