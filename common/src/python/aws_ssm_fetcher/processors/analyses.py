"""The shape of every analysis in the report."""

from __future__ import annotations

from typing import Literal

from aws_ssm_fetcher.models import DomainModel
from aws_ssm_fetcher.processors.service_mapper import (
    CoverageClass,
)

type Field = Literal[
    "region name", "region partition", "region country", "region zones", "service name"
]
"""What the tree may leave out."""


class Distribution(DomainModel):
    """How a count is distributed.

    Attributes
    ----------
    count, total, minimum, maximum
        Of the values.
    mean, median
        None without values.
    standard_deviation
        Of a sample (divisor n - 1); None below two values.
    coefficient_of_variation
        Standard deviation by mean; None where either is not defined or the mean is 0.
    first_quartile, third_quartile, interquartile_range
        By linear interpolation between the sorted values (type 7, the default of NumPy and R).
    skewness
        m3 / m2^(3/2) of the central moments (Fisher-Pearson, not corrected for bias); None where
        all values are equal.
    excess_kurtosis
        m4 / m2^2 - 3 (Fisher, not corrected for bias; 0 for a normal distribution); None where
        all values are equal.
    """

    count: int
    total: int
    mean: float | None
    median: float | None
    minimum: int | None
    maximum: int | None
    standard_deviation: float | None
    coefficient_of_variation: float | None
    first_quartile: float | None
    third_quartile: float | None
    interquartile_range: float | None
    skewness: float | None
    excess_kurtosis: float | None


class RegionCount(DomainModel):
    """A region and the number of its services."""

    region_code: str
    region_name: str
    service_count: int


class ServiceCount(DomainModel):
    """A service, the number of regions that have it, and their share of all regions (0 to 1)."""

    service_code: str
    service_name: str
    region_count: int
    coverage: float | None


class Totals(DomainModel):
    """What there is.

    `services` counts all; `services_listed` and `services_unlisted` part them by whether the
    tree's list of services has them, `services_deployed` and `services_in_no_region` by whether
    any region has them.
    """

    regions: int
    services: int
    services_listed: int
    services_unlisted: int
    services_deployed: int
    services_in_no_region: int
    combinations: int


class ComprehensiveStatistics(DomainModel):
    """Totals, coverage, distributions, top tens.

    Attributes
    ----------
    totals
        What there is.
    coverage, coverage_of_deployed
        Combinations by regions x services, and by regions x deployed services; 0 to 1, None where
        there is none of them.
    services_per_region, regions_per_service, regions_per_deployed_service
        `regions_per_service` counts a service in no region as 0, the last leaves it out.
    top_regions, bottom_regions
        The regions with the most and with the fewest services.
    top_services, rarest_services
        The services in the most regions, and in the fewest but at least one.
    """

    totals: Totals
    coverage: float | None
    coverage_of_deployed: float | None
    services_per_region: Distribution
    regions_per_service: Distribution
    regions_per_deployed_service: Distribution
    top_regions: list[RegionCount]
    bottom_regions: list[RegionCount]
    top_services: list[ServiceCount]
    rarest_services: list[ServiceCount]


class AreaStatistics(DomainModel):
    """The regions of one partition or country; `area` is None where the tree does not say.

    `distinct_services` are in at least one of the area's regions, `mean_services` is combinations
    by regions.
    """

    area: str | None
    regions: int
    combinations: int
    distinct_services: int
    mean_services: float


class Tier(DomainModel):
    """The regions between two quartiles of services per region, the largest first.

    Tier 1 begins at the third quartile, tier 2 at the median, tier 3 at the first quartile, tier
    4 below it. `at_least` is None for tier 4, and where there is no region.
    """

    tier: int
    at_least: float | None
    regions: list[RegionCount]


class Deviation(DomainModel):
    """A region far from the mean, by how many (sample) standard deviations."""

    region_code: str
    region_name: str
    service_count: int
    standard_deviations: float


class Diversity(DomainModel):
    """How evenly the combinations are spread over regions, partitions or countries.

    Attributes
    ----------
    shannon
        -sum(p ln p) with p each one's share of all combinations, in nats; None where there is
        no combination.
    evenness
        `shannon` by its largest possible value, ln(number); None below two.
    effective_number
        e^shannon: as many equal ones would be as diverse.
    """

    number: int
    shannon: float | None
    evenness: float | None
    effective_number: float | None


class RegionalDistribution(DomainModel):
    """How the services are spread over regions.

    Attributes
    ----------
    by_partition, by_country
        Sorted by area, the unknown one first.
    tiers
        Four, by the quartiles of services per region.
    behind, ahead
        Regions more than one standard deviation below and above the mean, the furthest first.
    diversity_of_regions, diversity_of_partitions, diversity_of_countries
        Evenness of the spread.
    """

    by_partition: list[AreaStatistics]
    by_country: list[AreaStatistics]
    tiers: list[Tier]
    behind: list[Deviation]
    ahead: list[Deviation]
    diversity_of_regions: Diversity
    diversity_of_partitions: Diversity
    diversity_of_countries: Diversity


class CoverageClassCount(DomainModel):
    """Number of the services in a coverage class and their share of all services (0 to 1)."""

    coverage_class: CoverageClass
    services: int
    share: float | None


class CoOccurrence(DomainModel):
    """Two services and how far they are in the same regions.

    `both` regions have the two, `either` have one or both; `jaccard` is both by either.
    """

    first_service: str
    second_service: str
    both: int
    either: int
    jaccard: float


class CoOccurrences(DomainModel):
    """Which services stand in the same regions.

    Services in all regions and in none are left out: the former go with everything, the latter
    with nothing.

    Attributes
    ----------
    services, pairs
        Services compared, and the pairs of them.
    identical_pairs
        Pairs in exactly the same regions (Jaccard index 1).
    mean_jaccard
        Over all pairs; None without one.
    top
        The pairs of the highest index; among equals, those with the most common regions first.
    """

    services: int
    pairs: int
    identical_pairs: int
    mean_jaccard: float | None
    top: list[CoOccurrence]


class ServiceCoverage(DomainModel):
    """Coverage classes, all five, from universal to none; and services that stand together."""

    classes: list[CoverageClassCount]
    co_occurrence: CoOccurrences


class RegionZones(DomainModel):
    """The number of zones of a region, by kind."""

    region_code: str
    region_name: str
    availability_zones: int
    local_zones: int
    wavelength_zones: int
    service_count: int


class ZoneTotals(DomainModel):
    """The number of zones, by kind."""

    availability_zones: int
    local_zones: int
    wavelength_zones: int


class AvailabilityZones(DomainModel):
    """Zones, over the regions whose zones are known (asked for).

    Attributes
    ----------
    regions_known
        Number of those regions.
    totals
        None where no region's zones are known.
    per_region
        Distribution of availability zones per region.
    correlation_with_services
        Pearson's r of availability zones and services per region (-1 to 1); None below two
        regions and where either does not vary.
    regions
        Each region, by code.
    """

    regions_known: int
    totals: ZoneTotals | None
    per_region: Distribution
    correlation_with_services: float | None
    regions: list[RegionZones]


class AreaLeader(DomainModel):
    """A partition or country: its leader, its gaps, and what only it has.

    Attributes
    ----------
    area
        None where the tree does not say.
    leader
        Its region with the most services.
    missing_common_services
        Codes of services in at least 80 % of all regions and in none of the area.
    exclusive_services
        Codes of services in the area and nowhere else.
    """

    area: str | None
    leader: RegionCount
    missing_common_services: list[str]
    exclusive_services: list[str]


class Geography(DomainModel):
    """Leaders and gaps, sorted by area, the unknown one first."""

    partitions: list[AreaLeader]
    countries: list[AreaLeader]


class CategoryCoverage(DomainModel):
    """The services of one category (our own grouping, see `service_categories`).

    `services` counts all, `services_deployed` those in at least one region; `mean_coverage` is
    the mean over all of the category's services (0 to 1; None where there is no region).
    """

    category: str
    services: int
    services_deployed: int
    combinations: int
    mean_coverage: float | None


class FieldCompleteness(DomainModel):
    """For how many regions or services the tree gives a field."""

    field: Field
    expected: int
    present: int
    share: float | None


class SharedName(DomainModel):
    """A label that more than one code bears."""

    name: str
    codes: list[str]


class DataQuality(DomainModel):
    """What the source left out or says twice; codes sorted.

    Attributes
    ----------
    fields
        Completeness of each field.
    regions_without_name, services_without_name
        Codes shown by their code.
    shared_region_names, shared_service_names
        Labels of more than one code.
    unlisted_services
        Services that only regions have, not the list of services.
    services_in_no_region, regions_without_services
        Codes that stand alone.
    """

    fields: list[FieldCompleteness]
    regions_without_name: list[str]
    services_without_name: list[str]
    shared_region_names: list[SharedName]
    shared_service_names: list[SharedName]
    unlisted_services: list[str]
    services_in_no_region: list[str]
    regions_without_services: list[str]


class Analyses(DomainModel):
    """All analyses, see the module's description."""

    comprehensive: ComprehensiveStatistics
    regional_distribution: RegionalDistribution
    service_coverage: ServiceCoverage
    availability_zones: AvailabilityZones
    geography: Geography
    service_categories: list[CategoryCoverage]
    data_quality: DataQuality
