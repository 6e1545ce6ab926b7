"""Compute the statistics of a catalog: seven analyses, each a model with a stable schema.

`docs/region-report-formulas.md` explains every formula with a worked example. Three rules apply
everywhere: an undefined value, such as the standard deviation of a single region, is None, never
NaN or infinity; the name of an average says what it is divided by; equal values are sorted by code.

`Analyses.model_dump(mode="json")` becomes the `analyses` of a report. Its keys are

`comprehensive`
    Totals, coverage, distributions, top tens: :class:`ComprehensiveStatistics`.
`regional_distribution`
    By partition and country, tiers, regions far from the mean, diversity:
    :class:`RegionalDistribution`.
`service_coverage`
    Coverage classes, and services with the same regions: :class:`ServiceCoverage`.
`availability_zones`
    Zones, and their correlation with the number of services: :class:`AvailabilityZones`.
`geography`
    Leaders, gaps and exclusive services by area: :class:`Geography`.
`service_categories`
    One :class:`CategoryCoverage` for each category that has services.
`data_quality`
    Missing and ambiguous values in the source: :class:`DataQuality`.
"""

from __future__ import annotations

import math
from itertools import batched

import polars as pl

from aws_ssm_fetcher.processors.analyses import (
    Analyses,
    AreaLeader,
    AreaStatistics,
    AvailabilityZones,
    CategoryCoverage,
    ComprehensiveStatistics,
    CoOccurrence,
    CoOccurrences,
    CoverageClassCount,
    DataQuality,
    Deviation,
    Distribution,
    Diversity,
    Field,
    FieldCompleteness,
    Geography,
    RegionalDistribution,
    RegionCount,
    RegionZones,
    ServiceCount,
    ServiceCoverage,
    SharedName,
    Tier,
    Totals,
    ZoneTotals,
)
from aws_ssm_fetcher.processors.service_categories import category
from aws_ssm_fetcher.processors.service_mapper import (
    COVERAGE_CLASSES,
    HIGH_COVERAGE,
    Frames,
)

TOP = 10
"""Length of the top lists."""

TOP_CO_OCCURRENCES = 20
"""Length of the list of services with the same regions."""

_WORD_BITS = 64
"""Number of regions in one word of a service's bit mask."""


def analyze(frames: Frames) -> Analyses:
    """Compute all analyses of a catalog's frames."""
    comprehensive = _comprehensive(frames)
    partitions = _areas(frames, "partition")
    countries = _areas(frames, "country")
    return Analyses(
        comprehensive=comprehensive,
        regional_distribution=_regional_distribution(
            frames.regions, comprehensive.services_per_region, partitions, countries
        ),
        service_coverage=ServiceCoverage(
            classes=_coverage_classes(frames.services), co_occurrence=_co_occurrences(frames)
        ),
        availability_zones=_availability_zones(frames.regions),
        geography=Geography(partitions=_leaders(partitions), countries=_leaders(countries)),
        service_categories=_service_categories(frames.services),
        data_quality=_data_quality(frames),
    )


def describe(values: pl.Series) -> Distribution:
    """Return the distribution of a series of integers; nulls are ignored."""
    value = pl.col("value").drop_nulls()
    found = (
        values.rename("value")
        .to_frame()
        .select(
            count=value.len(),
            total=value.sum(),
            mean=value.mean(),
            median=value.median(),
            minimum=value.min(),
            maximum=value.max(),
            deviation=value.std(ddof=1),
            first=value.quantile(0.25, "linear"),
            third=value.quantile(0.75, "linear"),
            skewness=value.skew(bias=True),
            kurtosis=value.kurtosis(fisher=True, bias=True),
        )
        .row(0, named=True)
    )
    varies = found["minimum"] != found["maximum"]
    measured = found["count"] > 0
    deviation, mean = found["deviation"], found["mean"]
    return Distribution(
        count=found["count"],
        total=found["total"],
        mean=mean,
        median=found["median"],
        minimum=found["minimum"],
        maximum=found["maximum"],
        standard_deviation=deviation,
        coefficient_of_variation=deviation / mean if mean and deviation is not None else None,
        first_quartile=found["first"],
        third_quartile=found["third"],
        interquartile_range=found["third"] - found["first"] if measured else None,
        skewness=found["skewness"] if varies else None,
        excess_kurtosis=found["kurtosis"] if varies else None,
    )


def deviations(regions: pl.DataFrame, services_per_region: Distribution) -> pl.DataFrame:
    """Return how far each region is from the mean, in (sample) standard deviations.

    The columns are the code, name and service count of each region, and `standard_deviations`:
    (services - mean) / standard deviation, null if that is undefined.
    """
    mean, deviation = services_per_region.mean, services_per_region.standard_deviation
    distance = (
        (pl.col("service_count") - mean) / deviation if deviation else pl.lit(None, pl.Float64())
    )
    return regions.select(
        "region_code", "region_name", "service_count", standard_deviations=distance
    )


def _comprehensive(frames: Frames) -> ComprehensiveStatistics:
    regions, services = frames.regions, frames.services
    deployed = services.filter(pl.col("region_count") > 0)
    listed = int(services["listed"].sum())
    combinations = frames.pairs.height
    return ComprehensiveStatistics(
        totals=Totals(
            regions=regions.height,
            services=services.height,
            services_listed=listed,
            services_unlisted=services.height - listed,
            services_deployed=deployed.height,
            services_in_no_region=services.height - deployed.height,
            combinations=combinations,
        ),
        coverage=_share(combinations, regions.height * services.height),
        coverage_of_deployed=_share(combinations, regions.height * deployed.height),
        services_per_region=describe(regions["service_count"]),
        regions_per_service=describe(services["region_count"]),
        regions_per_deployed_service=describe(deployed["region_count"]),
        top_regions=_region_counts(_ranked(regions, "service_count", "region_code").head(TOP)),
        bottom_regions=_region_counts(regions.sort("service_count", "region_code").head(TOP)),
        top_services=_service_counts(_ranked(deployed, "region_count", "service_code").head(TOP)),
        rarest_services=_service_counts(deployed.sort("region_count", "service_code").head(TOP)),
    )


def _areas(frames: Frames, by: str) -> pl.DataFrame:
    """Return one row per area, which is a value of the regions' column `by`.

    The rows are sorted by area; the unknown area comes first. The columns are those of
    :class:`AreaStatistics`, `leader` (the fields of a :class:`RegionCount`), and the lists
    `missing` and `exclusive` of service codes, which are null if they are empty.
    """
    regions = frames.regions.select("region_code", "region_name", "service_count", area=pl.col(by))
    areas = (
        _ranked(regions, "service_count", "region_code")
        .group_by("area")
        .agg(
            regions=pl.len().cast(pl.Int64()),
            combinations=pl.col("service_count").sum(),
            mean_services=pl.col("service_count").mean(),
            leader=pl.struct("region_code", "region_name", "service_count").first(),
        )
    )
    present = (
        frames.pairs.join(regions, on="region_code", how="inner")
        .select("area", "service_code")
        .unique()
    )
    codes = pl.col("service_code").sort()
    distinct = present.group_by("area").agg(distinct_services=pl.len().cast(pl.Int64()))
    exclusive = (
        present.filter(pl.len().over("service_code") == 1).group_by("area").agg(exclusive=codes)
    )
    missing = (
        areas.select("area")
        .join(
            frames.services.filter(pl.col("coverage") >= HIGH_COVERAGE).select("service_code"),
            how="cross",
        )
        .join(present, on=["area", "service_code"], how="anti", nulls_equal=True)
        .group_by("area")
        .agg(missing=codes)
    )
    for columns in (distinct, exclusive, missing):
        areas = areas.join(columns, on="area", how="left", nulls_equal=True)
    return areas.with_columns(pl.col("distinct_services").fill_null(0)).sort(
        "area", nulls_last=False
    )


def _regional_distribution(
    regions: pl.DataFrame,
    services_per_region: Distribution,
    partitions: pl.DataFrame,
    countries: pl.DataFrame,
) -> RegionalDistribution:
    distance = pl.col("standard_deviations")
    far = deviations(regions, services_per_region)
    return RegionalDistribution(
        by_partition=_area_statistics(partitions),
        by_country=_area_statistics(countries),
        tiers=_tiers(regions, services_per_region),
        behind=_deviation_list(far.filter(distance < -1).sort(distance, "region_code")),
        ahead=_deviation_list(
            _ranked(far.filter(distance > 1), "standard_deviations", "region_code")
        ),
        diversity_of_regions=_diversity(regions["service_count"]),
        diversity_of_partitions=_diversity(partitions["combinations"]),
        diversity_of_countries=_diversity(countries["combinations"]),
    )


def _area_statistics(areas: pl.DataFrame) -> list[AreaStatistics]:
    return [
        AreaStatistics(**row)
        for row in areas.select(*AreaStatistics.model_fields).iter_rows(named=True)
    ]


def _leaders(areas: pl.DataFrame) -> list[AreaLeader]:
    return [
        AreaLeader(
            area=row["area"],
            leader=RegionCount(**row["leader"]),
            missing_common_services=row["missing"] or [],
            exclusive_services=row["exclusive"] or [],
        )
        for row in areas.iter_rows(named=True)
    ]


def _tiers(regions: pl.DataFrame, services_per_region: Distribution) -> list[Tier]:
    thresholds = (
        services_per_region.third_quartile,
        services_per_region.median,
        services_per_region.first_quartile,
    )
    count = pl.col("service_count")
    ranked = _ranked(regions, "service_count", "region_code").with_columns(
        tier=pl.coalesce(
            *(
                pl.when(count >= threshold).then(pl.lit(tier))
                for tier, threshold in enumerate(thresholds, start=1)
                if threshold is not None
            ),
            pl.lit(4),
        )
    )
    return [
        Tier(
            tier=tier,
            at_least=threshold,
            regions=_region_counts(ranked.filter(pl.col("tier") == tier)),
        )
        for tier, threshold in enumerate((*thresholds, None), start=1)
    ]


def _deviation_list(far: pl.DataFrame) -> list[Deviation]:
    return [Deviation(**row) for row in far.iter_rows(named=True)]


def _diversity(combinations: pl.Series) -> Diversity:
    total = int(combinations.sum())
    number = combinations.len()
    if not total:
        return Diversity(number=number, shannon=None, evenness=None, effective_number=None)
    share = combinations.filter(combinations > 0) / total
    # p ln(1/p) instead of -p ln p, because a single share then has the diversity 0, not -0.
    shannon = float((share * (1 / share).log()).sum())
    return Diversity(
        number=number,
        shannon=shannon,
        evenness=shannon / math.log(number) if number > 1 else None,
        effective_number=math.exp(shannon),
    )


def _coverage_classes(services: pl.DataFrame) -> list[CoverageClassCount]:
    counts = dict(services.group_by("coverage_class").len().iter_rows())
    return [
        CoverageClassCount(
            coverage_class=name,
            services=counts.get(name, 0),
            share=_share(counts.get(name, 0), services.height),
        )
        for name in COVERAGE_CLASSES
    ]


def _co_occurrences(frames: Frames) -> CoOccurrences:
    words = [
        pl.sum_horizontal(
            pl.col(column).cast(pl.UInt64()) * pl.lit(1 << bit, pl.UInt64())
            for bit, column in enumerate(columns)
        ).alias(f"word_{number}")
        for number, columns in enumerate(batched(frames.presence_columns, _WORD_BITS))
    ]
    # The regions of a service are the bits of a few words. The number of common regions is then an
    # AND and a count of bits, computed for all pairs of services at once.
    masks = (
        frames.presence.with_columns(
            frames.services["region_count"], frames.services["coverage_class"]
        )
        .filter(~pl.col("coverage_class").is_in(["universal", "none"]))
        .select("service_code", "region_count", *words)
        .with_row_index("first")
    )
    codes = masks["service_code"]
    masks = masks.drop("service_code")
    both = pl.sum_horizontal(
        pl.lit(0, pl.Int64()),  # in case there are no regions, and therefore no words
        *(
            (pl.col(f"word_{number}") & pl.col(f"word_{number}_right"))
            .bitwise_count_ones()
            .cast(pl.Int64())
            for number in range(len(words))
        ),
    )
    pairs = (
        masks.join_where(masks, pl.col("first") < pl.col("first_right"))
        .select(
            "first",
            second="first_right",
            both=both,
            either=pl.col("region_count") + pl.col("region_count_right") - both,
        )
        .with_columns(jaccard=pl.col("both") / pl.col("either"))
    )
    order = ["jaccard", "both", "first", "second"]
    top = pairs.top_k(TOP_CO_OCCURRENCES, by=order, reverse=[False, False, True, True]).sort(
        order, descending=[True, True, False, False]
    )
    return CoOccurrences(
        services=masks.height,
        pairs=pairs.height,
        identical_pairs=int((pairs["both"] == pairs["either"]).sum()),
        mean_jaccard=pairs.select(pl.col("jaccard").mean()).item(),
        top=[
            CoOccurrence(
                first_service=codes[row["first"]],
                second_service=codes[row["second"]],
                both=row["both"],
                either=row["either"],
                jaccard=row["jaccard"],
            )
            for row in top.iter_rows(named=True)
        ],
    )


def _availability_zones(regions: pl.DataFrame) -> AvailabilityZones:
    kinds = list(ZoneTotals.model_fields)
    known = regions.filter(pl.col("availability_zones").is_not_null())
    per_region = describe(known["availability_zones"])
    services = known["service_count"]
    correlation = None
    if per_region.minimum != per_region.maximum and services.min() != services.max():
        r = known.select(pl.corr("availability_zones", "service_count")).item()
        correlation = min(1.0, max(-1.0, r))
    return AvailabilityZones(
        regions_known=known.height,
        totals=ZoneTotals(**known.select(pl.col(kinds).sum()).row(0, named=True))
        if known.height
        else None,
        per_region=per_region,
        correlation_with_services=correlation,
        regions=[
            RegionZones(**row)
            for row in known.select(*RegionZones.model_fields).iter_rows(named=True)
        ],
    )


def _service_categories(services: pl.DataFrame) -> list[CategoryCoverage]:
    categories = (
        services.group_by(category=category(pl.col("service_code"), pl.col("service_name")))
        .agg(
            services=pl.len().cast(pl.Int64()),
            services_deployed=(pl.col("region_count") > 0).sum().cast(pl.Int64()),
            combinations=pl.col("region_count").sum(),
            mean_coverage=pl.col("coverage").mean(),
        )
        .sort("category")
    )
    return [CategoryCoverage(**row) for row in categories.iter_rows(named=True)]


def _data_quality(frames: Frames) -> DataQuality:
    regions, services = frames.regions, frames.services
    unnamed = ~pl.col("named")
    return DataQuality(
        fields=[
            _field("region name", regions["named"]),
            _field("region partition", regions["partition"].is_not_null()),
            _field("region country", regions["country"].is_not_null()),
            _field("region zones", regions["availability_zones"].is_not_null()),
            _field("service name", services["named"]),
        ],
        regions_without_name=regions.filter(unnamed)["region_code"].to_list(),
        services_without_name=services.filter(unnamed)["service_code"].to_list(),
        shared_region_names=_shared_names(regions, "region_name", "region_code"),
        shared_service_names=_shared_names(services, "service_name", "service_code"),
        unlisted_services=services.filter(~pl.col("listed"))["service_code"].to_list(),
        services_in_no_region=services.filter(pl.col("region_count") == 0)[
            "service_code"
        ].to_list(),
        regions_without_services=regions.filter(pl.col("service_count") == 0)[
            "region_code"
        ].to_list(),
    )


def _field(field: Field, present: pl.Series) -> FieldCompleteness:
    count = int(present.sum())
    return FieldCompleteness(
        field=field, expected=present.len(), present=count, share=_share(count, present.len())
    )


def _shared_names(frame: pl.DataFrame, name: str, code: str) -> list[SharedName]:
    shared = (
        frame.group_by(name=name)
        .agg(codes=pl.col(code).sort())
        .filter(pl.col("codes").list.len() > 1)
        .sort("name")
    )
    return [SharedName(**row) for row in shared.iter_rows(named=True)]


def _ranked(frame: pl.DataFrame, count: str, code: str) -> pl.DataFrame:
    return frame.sort(count, code, descending=[True, False])


def _region_counts(regions: pl.DataFrame) -> list[RegionCount]:
    return [
        RegionCount(**row)
        for row in regions.select(*RegionCount.model_fields).iter_rows(named=True)
    ]


def _service_counts(services: pl.DataFrame) -> list[ServiceCount]:
    return [
        ServiceCount(**row)
        for row in services.select(*ServiceCount.model_fields).iter_rows(named=True)
    ]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
