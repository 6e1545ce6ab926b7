"""Check the quality of the data: a score, a grade, and a list of findings.

The score is the mean of five dimensions. A dimension is 100 times the mean of its components, which
are fractions from 0 to 1. A component with nothing to check is left out. A dimension without
components scores 0, because there is no evidence for it.

`integrity`
    `named`: share of regions and services with a name. `distinct_names`: share of regions and
    services whose label is unique. `listed`: share of combinations whose service is in the list of
    services. `confirmed`, only after a cross-check: share of the combinations in either tree that
    are in both.
`coverage`
    `coverage`: combinations / (regions x services), divided by the target of 60 %, at most 1.
`consistency`
    `services_per_region`, `regions_per_service` (of deployed services): 1 - the coefficient of
    variation, at least 0.
`discovery`
    One component per part of the fetch: received / expected, at most 1; 0 for a part that failed
    before its size was known.
`anomaly`
    `usual_regions`: share of regions whose number of services is at most 3 standard deviations
    from the mean. `core_services`: share of all (region, core service) pairs that exist.

Grades: A from 90, B from 80, C from 70, D from 60, otherwise F. See
`docs/region-report-formulas.md` for a worked example.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import polars as pl

from aws_ssm_fetcher.models import Catalog, Completeness, CrossCheck, DomainModel
from aws_ssm_fetcher.processors.analyses import Analyses, ComprehensiveStatistics, DataQuality
from aws_ssm_fetcher.processors.service_mapper import Frames
from aws_ssm_fetcher.processors.statistics_analyzer import deviations

CORE_SERVICES = ("s3", "ec2", "iam", "cloudwatch")
"""Codes of the services that every region should have."""

COVERAGE_TARGET = 0.6
"""Coverage (0 to 1) that scores 100."""

ANOMALY_LIMIT = 3.0
"""Standard deviations from the mean beyond which a region's number of services is unusual."""

COMMERCIAL_PARTITION = "aws"
"""The partition in which a missing core service is most likely an error in the data."""

type Severity = Literal["error", "warning", "info"]
type Grade = Literal["A", "B", "C", "D", "F"]

_GRADES: tuple[tuple[float, Grade], ...] = ((90, "A"), (80, "B"), (70, "C"), (60, "D"))
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class Dimension(DomainModel):
    """One dimension of the quality: its score (0 to 100) and its components (0 to 1)."""

    score: float
    components: dict[str, float]


class Dimensions(DomainModel):
    """The five dimensions; the module's docstring describes them."""

    integrity: Dimension
    coverage: Dimension
    consistency: Dimension
    discovery: Dimension
    anomaly: Dimension


class Finding(DomainModel):
    """A problem or peculiarity of the data.

    Attributes
    ----------
    severity
        `error`: numbers are wrong or missing. `warning`: check this. `info`: unusual, but probably
        correct.
    code
        The kind of finding, such as `service-without-name`; it does not change between versions.
    message
        A sentence for readers.
    subjects
        The affected items, mostly codes of regions or services.
    """

    severity: Severity
    code: str
    message: str
    subjects: list[str]


class Validation(DomainModel):
    """Quality score (0 to 100, two decimals), grade, dimensions, and findings.

    Findings are sorted by severity, then by code.
    """

    score: float
    grade: Grade
    dimensions: Dimensions
    findings: list[Finding]


def validate(
    catalog: Catalog,
    frames: Frames,
    analyses: Analyses,
    *,
    core_services: Sequence[str] = CORE_SERVICES,
) -> Validation:
    """Compute the quality score of a catalog, and list the findings.

    Parameters
    ----------
    catalog, frames, analyses
        The catalog, and its frames and analyses.
    core_services
        Codes of the services that every region should have.
    """
    unusual = deviations(frames.regions, analyses.comprehensive.services_per_region).filter(
        pl.col("standard_deviations").abs() > ANOMALY_LIMIT
    )
    missing = _missing_core_services(frames, core_services)
    dimensions = Dimensions(
        integrity=_dimension(_integrity(frames, analyses.data_quality, catalog.cross_check)),
        coverage=_dimension(_coverage(analyses.comprehensive)),
        consistency=_dimension(_consistency(analyses.comprehensive)),
        discovery=_dimension(_discovery(catalog.completeness)),
        anomaly=_dimension(
            _components(
                usual_regions=(frames.regions.height - unusual.height, frames.regions.height),
                core_services=(
                    frames.regions.height * len(set(core_services)) - missing.height,
                    frames.regions.height * len(set(core_services)),
                ),
            )
        ),
    )
    scores = [getattr(dimensions, name).score for name in Dimensions.model_fields]
    # Round first, so that the grade matches the displayed score.
    score = round(math.fsum(scores) / len(scores), 2)
    findings = [
        *_source_findings(catalog),
        *_naming_findings(analyses.data_quality),
        *_coverage_findings(analyses),
        *_anomaly_findings(unusual, missing),
    ]
    return Validation(
        score=score,
        grade=grade(score),
        dimensions=dimensions,
        findings=sorted(
            findings, key=lambda finding: (_SEVERITIES.index(finding.severity), finding.code)
        ),
    )


def grade(score: float) -> Grade:
    """Return the grade of a score from 0 to 100.

    Examples
    --------
    >>> grade(90), grade(59.99)
    ('A', 'F')
    """
    for least, name in _GRADES:
        if score >= least:
            return name
    return "F"


def _components(**parts: tuple[int, int]) -> dict[str, float]:
    """Return part / whole by name, without the components that have nothing to check."""
    return {name: part / whole for name, (part, whole) in parts.items() if whole}


def _dimension(components: dict[str, float]) -> Dimension:
    score = 100 * math.fsum(components.values()) / len(components) if components else 0.0
    return Dimension(score=score, components=components)


def _integrity(
    frames: Frames, quality: DataQuality, cross_check: CrossCheck | None
) -> dict[str, float]:
    labels = frames.regions.height + frames.services.height
    unnamed = len(quality.regions_without_name) + len(quality.services_without_name)
    shared = sum(
        len(entry.codes) for entry in quality.shared_region_names + quality.shared_service_names
    )
    pairs = frames.pairs.height
    unlisted = int(frames.services.filter(~pl.col("listed"))["region_count"].sum())
    components = _components(
        named=(labels - unnamed, labels),
        distinct_names=(labels - shared, labels),
        listed=(pairs - unlisted, pairs),
    )
    if cross_check is not None:
        components |= _components(
            confirmed=(
                pairs - len(cross_check.only_in_regions_tree),
                pairs + len(cross_check.only_in_services_tree),
            )
        )
    return components


def _coverage(statistics: ComprehensiveStatistics) -> dict[str, float]:
    if statistics.coverage is None:
        return {}
    return {"coverage": min(1.0, statistics.coverage / COVERAGE_TARGET)}


def _consistency(statistics: ComprehensiveStatistics) -> dict[str, float]:
    components = {}
    for name, distribution in (
        ("services_per_region", statistics.services_per_region),
        ("regions_per_service", statistics.regions_per_deployed_service),
    ):
        if not distribution.mean:
            continue
        # A single value does not vary.
        variation = distribution.coefficient_of_variation or 0.0
        components[name] = max(0.0, 1 - variation)
    return components


def _discovery(completeness: Completeness) -> dict[str, float]:
    # A part that failed before its size was known counts as not received.
    return {
        part.name: min(1.0, part.received / part.expected) if part.expected else 0.0
        for part in completeness.parts
        if part.expected or part.failed
    }


def _missing_core_services(frames: Frames, core_services: Sequence[str]) -> pl.DataFrame:
    """Return the missing core services: `service_code`, `region_code`, `partition`."""
    core = pl.DataFrame({"service_code": sorted(set(core_services))}, {"service_code": pl.String()})
    return (
        core.join(frames.regions.select("region_code", "partition"), how="cross")
        .join(frames.pairs, on=["service_code", "region_code"], how="anti")
        .sort("service_code", "region_code")
    )


def _source_findings(catalog: Catalog) -> Iterator[Finding]:
    if not catalog.regions:
        yield Finding(
            severity="error",
            code="no-regions",
            message="The source has no regions, so the report is empty.",
            subjects=[],
        )
    if not catalog.completeness.parts:
        yield Finding(
            severity="warning",
            code="completeness-unknown",
            message="The source does not state how complete the data is.",
            subjects=[],
        )
    for part in catalog.completeness.parts:
        if part.failed:
            yield Finding(
                severity="error" if part.required else "warning",
                code="part-failed",
                message=f"{part.name}: {part.received:,} of {part.expected:,} received, "
                f"{len(part.failed):,} could not be read.",
                subjects=list(part.failed),
            )
        if part.missing:
            yield Finding(
                severity="info",
                code="part-missing",
                message=f"{part.name}: the source does not have {len(part.missing):,} of them.",
                subjects=list(part.missing),
            )
    if catalog.cross_check is not None and not catalog.cross_check.agrees:
        for tree, other_tree, pairs in (
            ("regions", "services", catalog.cross_check.only_in_regions_tree),
            ("services", "regions", catalog.cross_check.only_in_services_tree),
        ):
            if pairs:
                yield Finding(
                    severity="warning",
                    code="trees-disagree",
                    message=f"{len(pairs):,} combinations are in the {tree} tree of the "
                    f"source, but not in its {other_tree} tree.",
                    subjects=[f"{pair.service_code} in {pair.region_code}" for pair in pairs],
                )


def _naming_findings(quality: DataQuality) -> Iterator[Finding]:
    for kind, codes in (
        ("region", quality.regions_without_name),
        ("service", quality.services_without_name),
    ):
        if codes:
            yield Finding(
                severity="warning",
                code=f"{kind}-without-name",
                message=f"{_number(codes, kind)} without a name; the report shows the code.",
                subjects=codes,
            )
    for kind, shared in (
        ("region", quality.shared_region_names),
        ("service", quality.shared_service_names),
    ):
        for entry in shared:
            yield Finding(
                severity="info",
                code=f"shared-{kind}-name",
                message=f"{len(entry.codes):,} {kind}s have the name {entry.name!r}; "
                "distinguish them by their codes.",
                subjects=entry.codes,
            )


def _coverage_findings(analyses: Analyses) -> Iterator[Finding]:
    quality = analyses.data_quality
    coverage = analyses.comprehensive.coverage
    if quality.unlisted_services:
        yield Finding(
            severity="warning",
            code="unlisted-service",
            message=f"{_number(quality.unlisted_services, 'service')} found in regions, but not "
            "in the source's list of services.",
            subjects=quality.unlisted_services,
        )
    if quality.services_in_no_region:
        yield Finding(
            severity="info",
            code="service-in-no-region",
            message=f"{_number(quality.services_in_no_region, 'service')} in no region.",
            subjects=quality.services_in_no_region,
        )
    if quality.regions_without_services:
        yield Finding(
            severity="warning",
            code="region-without-services",
            message=f"{_number(quality.regions_without_services, 'region')} without services.",
            subjects=quality.regions_without_services,
        )
    if coverage is not None and coverage < COVERAGE_TARGET:
        yield Finding(
            severity="info",
            code="coverage-below-target",
            message=f"Coverage is {coverage:.1%}, below the target of {COVERAGE_TARGET:.0%}.",
            subjects=[],
        )


def _anomaly_findings(unusual: pl.DataFrame, missing: pl.DataFrame) -> Iterator[Finding]:
    if unusual.height:
        yield Finding(
            severity="warning",
            code="unusual-region",
            message=f"{_number(unusual['region_code'].to_list(), 'region')} with a number of "
            f"services more than {ANOMALY_LIMIT:g} standard deviations from the mean.",
            subjects=unusual["region_code"].to_list(),
        )
    commercial = pl.col("partition").fill_null(COMMERCIAL_PARTITION) == COMMERCIAL_PARTITION
    groups = missing.group_by("service_code", commercial=commercial, maintain_order=True).agg(
        "region_code"
    )
    for row in groups.iter_rows(named=True):
        message = f"{row['service_code']} is missing in {_number(row['region_code'], 'region')}"
        yield Finding(
            severity="warning" if row["commercial"] else "info",
            code="core-service-missing",
            message=f"{message}, although every region should have it."
            if row["commercial"]
            else f"{message} outside of the partition {COMMERCIAL_PARTITION!r}, "
            "where it may not exist.",
            subjects=row["region_code"],
        )


def _number(codes: Sequence[str], kind: str) -> str:
    return f"{len(codes):,} {kind}{'' if len(codes) == 1 else 's'}"
