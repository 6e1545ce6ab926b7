"""Every number compared with a manual computation, and with NumPy and SciPy on any catalog."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats
from aws_ssm_fetcher_testing.catalogs import catalog, catalogs, moto_catalog, small_catalog
from hypothesis import given
from hypothesis import strategies as st

from aws_ssm_fetcher.models import Catalog
from aws_ssm_fetcher.processors.analyses import Analyses, CoOccurrence, Distribution, RegionCount
from aws_ssm_fetcher.processors.service_mapper import map_catalog
from aws_ssm_fetcher.processors.statistics_analyzer import TOP_CO_OCCURRENCES, analyze, describe


def near(value: float) -> Any:  # noqa: ANN401 - pytest's own type is private
    return pytest.approx(value, abs=1e-6)


@pytest.fixture(scope="module")
def small() -> Analyses:
    return analyze(map_catalog(small_catalog()))


@pytest.fixture(scope="module")
def real() -> Analyses:
    return analyze(map_catalog(moto_catalog()))


def codes(regions: list[RegionCount]) -> list[str]:
    return [region.region_code for region in regions]


def test_totals_and_coverage(small: Analyses) -> None:
    found = small.comprehensive
    assert found.totals.model_dump() == {
        "regions": 4,
        "services": 5,
        "services_listed": 4,
        "services_unlisted": 1,
        "services_deployed": 4,
        "services_in_no_region": 1,
        "combinations": 7,
    }
    assert found.coverage == near(7 / 20)
    assert found.coverage_of_deployed == near(7 / 16)


def test_services_per_region(small: Analyses) -> None:
    assert small.comprehensive.services_per_region.model_dump() == {
        "count": 4,
        "total": 7,
        "mean": near(1.75),
        "median": near(1.5),
        "minimum": 0,
        "maximum": 4,
        "standard_deviation": near(1.707825),
        "coefficient_of_variation": near(0.975900),
        "first_quartile": near(0.75),
        "third_quartile": near(2.5),
        "interquartile_range": near(1.75),
        "skewness": near(0.434650),
        "excess_kurtosis": near(-1.154286),
    }


def test_names_of_means_state_the_divisor(small: Analyses) -> None:
    assert small.comprehensive.regions_per_service.mean == near(7 / 5)
    assert small.comprehensive.regions_per_deployed_service.mean == near(7 / 4)
    assert small.comprehensive.regions_per_deployed_service.minimum == 1


def test_rankings_put_equals_in_the_order_of_their_codes(small: Analyses) -> None:
    found = small.comprehensive
    assert codes(found.top_regions) == ["a-1", "b-1", "c-1", "z-1"]
    assert codes(found.bottom_regions) == ["z-1", "c-1", "b-1", "a-1"]
    assert [s.service_code for s in found.top_services] == ["s3", "ec2", "Caps", "new"]
    assert [s.service_code for s in found.rarest_services] == ["Caps", "new", "ec2", "s3"]


def test_areas(small: Analyses) -> None:
    found = small.regional_distribution
    assert [area.model_dump() for area in found.by_partition] == [
        {
            "area": None,
            "regions": 1,
            "combinations": 0,
            "distinct_services": 0,
            "mean_services": 0,
        },
        {
            "area": "aws",
            "regions": 2,
            "combinations": 6,
            "distinct_services": 4,
            "mean_services": 3,
        },
        {
            "area": "aws-cn",
            "regions": 1,
            "combinations": 1,
            "distinct_services": 1,
            "mean_services": 1,
        },
    ]
    assert [area.area for area in found.by_country] == [None, "AA", "CC"]


def test_tiers_and_regions_far_from_the_mean(small: Analyses) -> None:
    found = small.regional_distribution
    assert [(tier.tier, tier.at_least, codes(tier.regions)) for tier in found.tiers] == [
        (1, 2.5, ["a-1"]),
        (2, 1.5, ["b-1"]),
        (3, 0.75, ["c-1"]),
        (4, None, ["z-1"]),
    ]
    assert [(r.region_code, r.standard_deviations) for r in found.ahead] == [
        ("a-1", near(1.317465))
    ]
    assert [(r.region_code, r.standard_deviations) for r in found.behind] == [
        ("z-1", near(-1.024695))
    ]


def test_diversity(small: Analyses) -> None:
    found = small.regional_distribution
    assert found.diversity_of_regions.number == 4
    assert found.diversity_of_regions.shannon == near(0.955700)
    assert found.diversity_of_regions.evenness == near(0.689392)
    assert found.diversity_of_regions.effective_number == near(2.600490)
    # 6/7 and 1/7 of the combinations, and an area without combinations.
    assert found.diversity_of_partitions.shannon == near(0.410116)


def test_one_region_alone_has_no_diversity() -> None:
    found = analyze(map_catalog(catalog({"a-1": ["s3"]}))).regional_distribution
    assert found.diversity_of_regions.shannon == 0
    assert math.copysign(1, found.diversity_of_regions.shannon or 0) == 1
    assert found.diversity_of_regions.evenness is None
    assert found.diversity_of_regions.effective_number == 1


def test_coverage_classes(small: Analyses) -> None:
    assert [(c.coverage_class, c.services, c.share) for c in small.service_coverage.classes] == [
        ("universal", 0, 0),
        ("high", 0, 0),
        ("medium", 2, near(0.4)),
        ("low", 2, near(0.4)),
        ("none", 1, near(0.2)),
    ]


def test_co_occurrence(small: Analyses) -> None:
    found = small.service_coverage.co_occurrence
    assert (found.services, found.pairs, found.identical_pairs) == (4, 6, 1)
    assert found.mean_jaccard == near(20 / 36)
    assert [tuple(pair.model_dump().values()) for pair in found.top] == [
        ("Caps", "new", 1, 1, 1),
        ("ec2", "s3", 2, 3, near(2 / 3)),
        ("Caps", "ec2", 1, 2, 0.5),
        ("ec2", "new", 1, 2, 0.5),
        ("Caps", "s3", 1, 3, near(1 / 3)),
        ("new", "s3", 1, 3, near(1 / 3)),
    ]


def test_zones(small: Analyses) -> None:
    found = small.availability_zones
    assert found.regions_known == 3
    assert found.totals is not None
    assert found.totals.model_dump() == {
        "availability_zones": 9,
        "local_zones": 1,
        "wavelength_zones": 1,
    }
    assert found.per_region.mean == near(3)
    assert found.correlation_with_services == near(-1 / math.sqrt(28 / 3))
    assert [(r.region_code, r.availability_zones, r.service_count) for r in found.regions] == [
        ("a-1", 3, 4),
        ("b-1", 2, 2),
        ("c-1", 4, 1),
    ]


def test_zones_that_were_not_requested_are_not_zero() -> None:
    whole = small_catalog()
    without = whole.model_copy(
        update={
            "regions": tuple(region.model_copy(update={"zones": None}) for region in whole.regions)
        }
    )
    found = analyze(map_catalog(without)).availability_zones
    assert found.regions_known == 0
    assert found.totals is None
    assert found.per_region.mean is None
    assert found.correlation_with_services is None


def test_geography(small: Analyses) -> None:
    unknown, first, second = small.geography.partitions
    assert (unknown.area, unknown.leader.region_code) == (None, "z-1")
    assert (first.area, first.leader.region_code) == ("aws", "a-1")
    assert first.exclusive_services == ["Caps", "ec2", "new"]
    assert (second.area, second.exclusive_services) == ("aws-cn", [])


def test_a_gap_is_a_common_service_that_an_area_does_not_have() -> None:
    made = catalog(
        {
            "r-1": ["s3", "x"],
            "r-2": ["s3", "x"],
            "r-3": ["s3", "x"],
            "r-4": ["s3", "x"],
            "r-5": ["s3"],
        }
    )
    moved = made.regions[4].model_copy(update={"country": "ZZ"})
    made = made.model_copy(update={"regions": (*made.regions[:4], moved)})
    gaps = {
        area.area: area.missing_common_services
        for area in analyze(map_catalog(made)).geography.countries
    }
    assert gaps == {"AA": [], "ZZ": ["x"]}


def test_data_quality(small: Analyses) -> None:
    found = small.data_quality
    assert [(f.field, f.present, f.expected) for f in found.fields] == [
        ("region name", 3, 4),
        ("region partition", 3, 4),
        ("region country", 3, 4),
        ("region zones", 3, 4),
        ("service name", 4, 5),
    ]
    assert found.regions_without_name == ["c-1"]
    assert found.services_without_name == ["new"]
    assert [(s.name, s.codes) for s in found.shared_service_names] == [("Shared", ["Caps", "ec2"])]
    assert found.shared_region_names == []
    assert found.unlisted_services == ["new"]
    assert found.services_in_no_region == ["ghost"]
    assert found.regions_without_services == ["z-1"]


def test_real_tree(real: Analyses) -> None:
    totals = real.comprehensive.totals
    assert (totals.regions, totals.services, totals.combinations) == (39, 405, 9289)
    assert (totals.services_listed, totals.services_unlisted) == (404, 1)
    assert (totals.services_deployed, totals.services_in_no_region) == (402, 3)
    assert real.comprehensive.coverage == near(9289 / (39 * 405))
    assert real.availability_zones.totals is not None
    assert tuple(real.availability_zones.totals.model_dump().values()) == (124, 34, 6)
    assert [s.codes for s in real.data_quality.shared_service_names] == [
        ["launch-wizard", "launchwizard"]
    ]
    assert real.data_quality.unlisted_services == ["bcm-data-exports"]
    assert sum(entry.services for entry in real.service_categories) == 405


def test_more_regions_than_bits_in_a_word() -> None:
    services_of_regions = {
        f"r-{number:03}": [
            code
            for code, step in (("x", 1), ("y", 2), ("z", 3), ("w", 65))
            if number % step == 0 and number != 7
        ]
        for number in range(200)
    }
    made = catalog(services_of_regions)
    top = analyze(map_catalog(made)).service_coverage.co_occurrence.top
    assert top == expected_co_occurrence(made)


@given(st.lists(st.integers(0, 400)))
def test_describe_against_numpy_and_scipy(values: list[int]) -> None:
    found = describe(pl.Series(values, dtype=pl.Int64()))
    assert (found.count, found.total) == (len(values), sum(values))
    if not values:
        absent = set(Distribution.model_fields) - {"count", "total"}
        assert all(getattr(found, name) is None for name in absent)
        return
    assert (found.minimum, found.maximum) == (min(values), max(values))
    assert found.mean == pytest.approx(np.mean(values))
    assert found.median == pytest.approx(np.median(values))
    assert found.first_quartile == pytest.approx(np.percentile(values, 25))
    assert found.third_quartile == pytest.approx(np.percentile(values, 75))
    assert found.interquartile_range == pytest.approx(scipy.stats.iqr(values))
    if len(values) > 1:
        deviation = np.std(values, ddof=1)
        assert found.standard_deviation == pytest.approx(deviation)
        if any(values):
            assert found.coefficient_of_variation == pytest.approx(deviation / np.mean(values))
    else:
        assert found.standard_deviation is None
        assert found.coefficient_of_variation is None
    if len(set(values)) > 1:
        assert found.skewness == pytest.approx(scipy.stats.skew(values), abs=1e-9)
        assert found.excess_kurtosis == pytest.approx(scipy.stats.kurtosis(values), abs=1e-9)
    else:
        assert found.skewness is None
        assert found.excess_kurtosis is None


def presence(catalog: Catalog) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """One row per service, one column per region."""
    return np.array(
        [
            [service.code in entry.service_codes for entry in catalog.availability]
            for service in catalog.services
        ],
        dtype=bool,
    ).reshape(len(catalog.services), len(catalog.regions))


def expected_co_occurrence(catalog: Catalog) -> list[CoOccurrence]:
    matrix = presence(catalog)
    found = []
    for first, second in itertools.combinations(range(len(catalog.services)), 2):
        if any(matrix[service].all() or not matrix[service].any() for service in (first, second)):
            continue
        both = int((matrix[first] & matrix[second]).sum())
        either = int((matrix[first] | matrix[second]).sum())
        found.append(
            CoOccurrence(
                first_service=catalog.services[first].code,
                second_service=catalog.services[second].code,
                both=both,
                either=either,
                jaccard=both / either,
            )
        )
    found.sort(
        key=lambda pair: (-pair.jaccard, -pair.both, pair.first_service, pair.second_service)
    )
    return found[:TOP_CO_OCCURRENCES]


@given(catalogs())
def test_any_catalog_against_numpy_and_scipy(catalog: Catalog) -> None:
    found = analyze(map_catalog(catalog))
    matrix = presence(catalog)
    per_region, per_service = matrix.sum(axis=0), matrix.sum(axis=1)
    statistics = found.comprehensive

    assert statistics.totals.combinations == matrix.sum()
    if matrix.size:
        assert statistics.coverage == pytest.approx(matrix.mean())
        assert 0 <= matrix.mean() <= 1
    else:
        assert statistics.coverage is None
    deployed = matrix[per_service > 0]
    assert statistics.totals.services_deployed == len(deployed)
    if deployed.size:
        assert statistics.coverage_of_deployed == pytest.approx(deployed.mean())
        assert statistics.regions_per_deployed_service.mean == pytest.approx(
            deployed.sum(axis=1).mean()
        )

    assert found.service_coverage.co_occurrence.top == expected_co_occurrence(catalog)
    assert sum(entry.services for entry in found.service_coverage.classes) == len(catalog.services)

    diversity = found.regional_distribution.diversity_of_regions
    if matrix.any():
        assert diversity.shannon == pytest.approx(scipy.stats.entropy(per_region), abs=1e-12)
    else:
        assert diversity.shannon is None

    known = [
        (len(region.zones.availability), services)
        for region, services in zip(catalog.regions, per_region, strict=True)
        if region.zones is not None
    ]
    zones, services = [zone for zone, _ in known], [int(service) for _, service in known]
    if len(set(zones)) > 1 and len(set(services)) > 1:
        r = scipy.stats.pearsonr(zones, services).statistic
        assert found.availability_zones.correlation_with_services == pytest.approx(r, abs=1e-9)
    else:
        assert found.availability_zones.correlation_with_services is None


@given(catalogs())
def test_areas_of_any_catalog(catalog: Catalog) -> None:
    found = analyze(map_catalog(catalog))
    services_of = {entry.region_code: set(entry.service_codes) for entry in catalog.availability}
    for by, numbers, leaders in (
        ("partition", found.regional_distribution.by_partition, found.geography.partitions),
        ("country", found.regional_distribution.by_country, found.geography.countries),
    ):
        groups: dict[str | None, list[str]] = {}
        for region in catalog.regions:
            groups.setdefault(getattr(region, by), []).append(region.code)
        order = sorted(groups, key=lambda area: (area is not None, area or ""))
        assert [entry.area for entry in numbers] == order
        assert [entry.area for entry in leaders] == order
        inside = {
            area: set[str]().union(*(services_of[region] for region in regions))
            for area, regions in groups.items()
        }
        common = {
            service.code
            for service in catalog.services
            if 5 * sum(service.code in services for services in services_of.values())
            >= 4 * len(catalog.regions)
        }
        for number, leader in zip(numbers, leaders, strict=True):
            regions = groups[number.area]
            elsewhere = set[str]().union(
                *(services for area, services in inside.items() if area != number.area)
            )
            assert number.regions == len(regions)
            assert number.combinations == sum(len(services_of[region]) for region in regions)
            assert number.distinct_services == len(inside[number.area])
            assert number.mean_services == pytest.approx(number.combinations / len(regions))
            assert leader.leader.region_code == min(
                regions, key=lambda region: (-len(services_of[region]), region)
            )
            assert leader.missing_common_services == sorted(common - inside[number.area])
            assert leader.exclusive_services == sorted(inside[number.area] - elsewhere)


@given(catalogs())
def test_every_region_is_in_one_tier(catalog: Catalog) -> None:
    found = analyze(map_catalog(catalog)).regional_distribution
    tiers = [region for tier in found.tiers for region in tier.regions]
    assert sorted(codes(tiers)) == [region.code for region in catalog.regions]
    counts = [region.service_count for region in tiers]
    assert counts == sorted(counts, reverse=True)


@given(catalogs())
def test_json_has_neither_nan_nor_infinity_and_loses_nothing(catalog: Catalog) -> None:
    found = analyze(map_catalog(catalog))
    as_json = json.dumps(found.model_dump(mode="json"), allow_nan=False)
    assert Analyses.model_validate_json(as_json) == found
