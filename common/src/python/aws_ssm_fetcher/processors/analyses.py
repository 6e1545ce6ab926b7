"""The models of all analyses in the report; `statistics_analyzer` computes them."""

from __future__ import annotations

from typing import Literal

from aws_ssm_fetcher.models import DomainModel
from aws_ssm_fetcher.processors.service_mapper import (
    CoverageClass,
)

type Field = Literal[
    "region name", "region partition", "region country", "region zones", "service name"
]
"""The values that the tree may not have for every region or service."""


class Distribution(DomainModel):
    """The distribution of a count, such as services per region.

    Attributes
    ----------
    count, total, minimum, maximum
        Number, sum, minimum and maximum of the values.
    mean, median
        None if there are no values.
    standard_deviation
        Of a sample (divisor n - 1); None for fewer than two values.
    coefficient_of_variation
        Standard deviation / mean; None if either is undefined or the mean is 0.
    first_quartile, third_quartile, interquartile_range
        By linear interpolation between the sorted values (type 7, the default of NumPy and R).
    skewness
        m3 / m2^(3/2) of the central moments (Fisher-Pearson, not corrected for bias); None if all
        values are equal.
    excess_kurtosis
        m4 / m2^2 - 3 (Fisher, not corrected for bias; 0 for a normal distribution); None if all
        values are equal.
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
    """Number of regions, services and combinations.

    `services` counts all services. `services_listed` and `services_unlisted` count those that the
    tree's list of services contains and does not contain; `services_deployed` and
    `services_in_no_region` count those that at least one region has and no region has.
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
        Number of regions, services and combinations.
    coverage, coverage_of_deployed
        Combinations / (regions x services), and combinations / (regions x deployed services); 0 to
        1, None if the divisor is 0.
    services_per_region, regions_per_service, regions_per_deployed_service
        A service in no region counts as 0 in `regions_per_service`; the last one omits it.
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
    """The regions of one partition or country; `area` is None if the tree does not state it.

    `distinct_services` is the number of services that at least one of its regions has;
    `mean_services` is combinations / regions.
    """

    area: str | None
    regions: int
    combinations: int
    distinct_services: int
    mean_services: float


class Tier(DomainModel):
    """The regions between two quartiles of services per region, the largest first.

    Tier 1 begins at the third quartile, tier 2 at the median, tier 3 at the first quartile, tier
    4 is below that. `at_least` is None for tier 4, and if there are no regions.
    """

    tier: int
    at_least: float | None
    regions: list[RegionCount]


class Deviation(DomainModel):
    """A region, and its distance from the mean in (sample) standard deviations."""

    region_code: str
    region_name: str
    service_count: int
    standard_deviations: float


class Diversity(DomainModel):
    """How evenly the combinations are spread over regions, partitions or countries.

    Attributes
    ----------
    shannon
        -sum(p ln p), in nats, where p is a share of all combinations; None if there are no
        combinations.
    evenness
        `shannon` / ln(number), its largest possible value; None if `number` is below two.
    effective_number
        e^shannon, the number of equal shares with the same diversity.
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
        Sorted by area; the unknown area comes first.
    tiers
        Four tiers, by the quartiles of services per region.
    behind, ahead
        Regions more than one standard deviation below and above the mean, the most distant first.
    diversity_of_regions, diversity_of_partitions, diversity_of_countries
        How evenly the combinations are spread.
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
    """Number of services in a coverage class, and their share of all services (0 to 1)."""

    coverage_class: CoverageClass
    services: int
    share: float | None


class CoOccurrence(DomainModel):
    """Two services, and how much their regions overlap.

    `both` is the number of regions that have both services, `either` of those that have at least
    one of them, and `jaccard` is both / either.
    """

    first_service: str
    second_service: str
    both: int
    either: int
    jaccard: float


class CoOccurrences(DomainModel):
    """Services that are available in the same regions.

    Services in all regions and services in no region are left out, because the former occur with
    every service and the latter with none.

    Attributes
    ----------
    services, pairs
        Number of compared services, and of pairs of them.
    identical_pairs
        Number of pairs with exactly the same regions (Jaccard index 1).
    mean_jaccard
        The mean of all pairs; None if there are no pairs.
    top
        The pairs with the highest index; equal ones are sorted by the number of common regions.
    """

    services: int
    pairs: int
    identical_pairs: int
    mean_jaccard: float | None
    top: list[CoOccurrence]


class ServiceCoverage(DomainModel):
    """All five coverage classes, from universal to none, and services with the same regions."""

    classes: list[CoverageClassCount]
    co_occurrence: CoOccurrences


class RegionZones(DomainModel):
    """Number of zones of a region by kind."""

    region_code: str
    region_name: str
    availability_zones: int
    local_zones: int
    wavelength_zones: int
    service_count: int


class ZoneTotals(DomainModel):
    """Number of zones by kind."""

    availability_zones: int
    local_zones: int
    wavelength_zones: int


class AvailabilityZones(DomainModel):
    """Zones of the regions whose zones were requested.

    Attributes
    ----------
    regions_known
        Number of those regions.
    totals
        None if there are no such regions.
    per_region
        Distribution of availability zones per region.
    correlation_with_services
        Pearson's r of availability zones and services per region (-1 to 1); None for fewer than two
        regions, or if either does not vary.
    regions
        Each region, sorted by code.
    """

    regions_known: int
    totals: ZoneTotals | None
    per_region: Distribution
    correlation_with_services: float | None
    regions: list[RegionZones]


class AreaLeader(DomainModel):
    """A partition or country: its leading region, its gaps, and its exclusive services.

    Attributes
    ----------
    area
        None if the tree does not state it.
    leader
        Its region with the most services.
    missing_common_services
        Codes of services that at least 80 % of all regions have, but no region of this area.
    exclusive_services
        Codes of services that only this area has.
    """

    area: str | None
    leader: RegionCount
    missing_common_services: list[str]
    exclusive_services: list[str]


class Geography(DomainModel):
    """Leaders and gaps, sorted by area; the unknown area comes first."""

    partitions: list[AreaLeader]
    countries: list[AreaLeader]


class CategoryCoverage(DomainModel):
    """The services of one category (our own grouping, see `service_categories`).

    `services` counts all of them, and `services_deployed` those in at least one region.
    `mean_coverage` is the mean of all services of the category (0 to 1; None if there are no
    regions).
    """

    category: str
    services: int
    services_deployed: int
    combinations: int
    mean_coverage: float | None


class FieldCompleteness(DomainModel):
    """For how many regions or services the tree has a value."""

    field: Field
    expected: int
    present: int
    share: float | None


class SharedName(DomainModel):
    """A name that more than one code has."""

    name: str
    codes: list[str]


class DataQuality(DomainModel):
    """Missing and ambiguous values in the source. All codes are sorted.

    Attributes
    ----------
    fields
        Completeness of each field.
    regions_without_name, services_without_name
        Codes that the report shows instead of a name.
    shared_region_names, shared_service_names
        Names that more than one code has.
    unlisted_services
        Services that a region has, but the list of services does not contain.
    services_in_no_region, regions_without_services
        Codes that appear in no combination.
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
    """All analyses; `processors.statistics_analyzer` describes them."""

    comprehensive: ComprehensiveStatistics
    regional_distribution: RegionalDistribution
    service_coverage: ServiceCoverage
    availability_zones: AvailabilityZones
    geography: Geography
    service_categories: list[CategoryCoverage]
    data_quality: DataQuality
