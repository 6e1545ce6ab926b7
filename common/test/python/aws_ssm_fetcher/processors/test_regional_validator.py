"""The quality score compared with a manual computation, and with plain Python on any catalog."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence

import pytest
from aws_ssm_fetcher_testing.catalogs import catalog, catalogs, moto_catalog, small_catalog
from hypothesis import given
from hypothesis import strategies as st

from aws_ssm_fetcher.models import Catalog, Completeness, CrossCheck, Pair, Part, Region, Service
from aws_ssm_fetcher.processors.regional_validator import (
    CORE_SERVICES,
    Dimensions,
    Validation,
    grade,
    validate,
)
from aws_ssm_fetcher.processors.service_mapper import map_catalog
from aws_ssm_fetcher.processors.statistics_analyzer import analyze


def validation_of(made: Catalog, core_services: Sequence[str] = CORE_SERVICES) -> Validation:
    frames = map_catalog(made)
    return validate(made, frames, analyze(frames), core_services=core_services)


def found_in(validation: Validation, code: str) -> list[tuple[str, list[str]]]:
    return [(f.severity, f.subjects) for f in validation.findings if f.code == code]


def test_worked_example() -> None:
    found = validation_of(small_catalog())
    components = {
        name: getattr(found.dimensions, name).components for name in Dimensions.model_fields
    }
    assert components == {
        "integrity": pytest.approx({"named": 7 / 9, "distinct_names": 7 / 9, "listed": 6 / 7}),
        "coverage": pytest.approx({"coverage": 0.35 / 0.6}),
        "consistency": pytest.approx(
            {"services_per_region": 0.024100, "regions_per_service": 0.452899}, abs=1e-6
        ),
        "discovery": pytest.approx({"regions": 1, "service names": 0.8}),
        "anomaly": pytest.approx({"usual_regions": 1, "core_services": 5 / 16}),
    }
    scores = {name: getattr(found.dimensions, name).score for name in Dimensions.model_fields}
    assert scores == pytest.approx(
        {
            "integrity": 80.423280,
            "coverage": 58.333333,
            "consistency": 23.849944,
            "discovery": 90,
            "anomaly": 65.625,
        }
    )
    assert (found.score, found.grade) == (63.65, "D")


def test_findings_of_the_worked_example() -> None:
    found = validation_of(small_catalog())
    assert [(f.severity, f.code, f.subjects) for f in found.findings] == [
        ("warning", "core-service-missing", ["a-1", "b-1", "z-1"]),
        ("warning", "core-service-missing", ["z-1"]),
        ("warning", "core-service-missing", ["a-1", "b-1", "z-1"]),
        ("warning", "core-service-missing", ["z-1"]),
        ("warning", "region-without-name", ["c-1"]),
        ("warning", "region-without-services", ["z-1"]),
        ("warning", "service-without-name", ["new"]),
        ("warning", "unlisted-service", ["new"]),
        ("info", "core-service-missing", ["c-1"]),
        ("info", "core-service-missing", ["c-1"]),
        ("info", "core-service-missing", ["c-1"]),
        ("info", "coverage-below-target", []),
        ("info", "part-missing", ["new"]),
        ("info", "service-in-no-region", ["ghost"]),
        ("info", "shared-service-name", ["Caps", "ec2"]),
    ]


def test_a_core_service_may_not_exist_in_other_partitions() -> None:
    found = validation_of(small_catalog(), core_services=["ec2"])
    messages = {f.severity: f.message for f in found.findings if f.code == "core-service-missing"}
    assert messages == {
        "warning": "ec2 is missing in 1 region, although every region should have it.",
        "info": "ec2 is missing in 1 region outside of the partition 'aws', "
        "where it may not exist.",
    }


def test_core_services_are_a_setting() -> None:
    found = validation_of(small_catalog(), core_services=["s3", "s3"])
    assert found.dimensions.anomaly.components["core_services"] == pytest.approx(3 / 4)
    assert found_in(found, "core-service-missing") == [("warning", ["z-1"])]
    assert "core_services" not in validation_of(small_catalog(), []).dimensions.anomaly.components


def test_an_unusual_region_is_found() -> None:
    codes = [f"s-{number:02}" for number in range(30)]
    regions = {f"r-{number:02}": codes[: 28 + number % 2] for number in range(20)}
    found = validation_of(catalog(regions | {"tiny-1": codes[:1]}), core_services=[])
    assert found.dimensions.anomaly.components == {"usual_regions": pytest.approx(20 / 21)}
    assert found_in(found, "unusual-region") == [("warning", ["tiny-1"])]


def test_a_cross_check_counts() -> None:
    difference = CrossCheck(
        only_in_regions_tree=(Pair(region_code="a-1", service_code="ec2"),),
        only_in_services_tree=(Pair(region_code="c-1", service_code="ec2"),),
    )
    found = validation_of(small_catalog().model_copy(update={"cross_check": difference}))
    # Of 8 combinations in either tree, 6 are in both.
    assert found.dimensions.integrity.components["confirmed"] == pytest.approx(6 / 8)
    assert found_in(found, "trees-disagree") == [
        ("warning", ["ec2 in a-1"]),
        ("warning", ["ec2 in c-1"]),
    ]


def test_trees_that_agree_cause_no_finding() -> None:
    agreed = CrossCheck(only_in_regions_tree=(), only_in_services_tree=())
    found = validation_of(small_catalog().model_copy(update={"cross_check": agreed}))
    assert found.dimensions.integrity.components["confirmed"] == 1
    assert found_in(found, "trees-disagree") == []


@pytest.mark.parametrize(("required", "severity"), [(True, "error"), (False, "warning")])
def test_a_failed_part_costs_its_share(required: bool, severity: str) -> None:
    parts = (
        Part(name="regions", expected=4, received=4),
        Part(
            name="zones",
            expected=4,
            received=1,
            failed=("zones of a-1: AccessDenied",),
            required=required,
        ),
        Part(name="names", expected=0, received=0, failed=("the list itself",)),
        Part(name="nothing to ask", expected=0, received=0),
    )
    made = small_catalog().model_copy(update={"completeness": Completeness(parts=parts)})
    found = validation_of(made)
    assert found.dimensions.discovery.components == {"regions": 1, "zones": 0.25, "names": 0}
    assert (severity, ["zones of a-1: AccessDenied"]) in found_in(found, "part-failed")


def test_an_empty_catalog_scores_nothing() -> None:
    found = validation_of(catalog({}).model_copy(update={"completeness": Completeness()}))
    assert (found.score, found.grade) == (0, "F")
    assert [f.code for f in found.findings] == ["no-regions", "completeness-unknown"]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (100, "A"),
        (90, "A"),
        (89.99, "B"),
        (80, "B"),
        (79.99, "C"),
        (70, "C"),
        (69.99, "D"),
        (60, "D"),
        (59.99, "F"),
        (0, "F"),
    ],
)
def test_grades(score: float, expected: str) -> None:
    assert grade(score) == expected


def test_real_tree() -> None:
    found = validation_of(moto_catalog())
    assert found.dimensions.coverage.score == pytest.approx(100 * 9289 / (39 * 405) / 0.6)
    assert found.dimensions.anomaly.score == 100
    assert (found.score, found.grade) == (90.59, "A")
    assert [f.code for f in found.findings] == [
        "service-without-name",
        "unlisted-service",
        "coverage-below-target",
        "service-in-no-region",
        "shared-service-name",
    ]


def share(parts: Sequence[bool]) -> list[float]:
    return [sum(parts) / len(parts)] if parts else []


def score_of(components: list[float]) -> float:
    return 100 * statistics.mean(components) if components else 0.0


@given(catalogs(), st.lists(st.sampled_from(["a", "b", "Z", "9"]), max_size=3, unique=True))
def test_any_catalog_against_plain_python(catalog: Catalog, core: list[str]) -> None:
    found = validation_of(catalog, core)
    labelled: list[Region | Service] = [*catalog.regions, *catalog.services]
    of_kind = [[item.label for item in kind] for kind in (catalog.regions, catalog.services)]
    listed = {service.code: service.listed for service in catalog.services}
    pairs = [code for entry in catalog.availability for code in entry.service_codes]
    per_region = [len(entry.service_codes) for entry in catalog.availability]
    per_service = [pairs.count(service) for service in sorted(set(pairs))]

    expected = {
        "integrity": share([bool(item.name) for item in labelled])
        + share([labels.count(label) == 1 for labels in of_kind for label in labels])
        + share([listed[code] for code in pairs]),
        "coverage": [
            min(1.0, value / 0.6)
            for value in share(
                [
                    service.code in entry.service_codes
                    for entry in catalog.availability
                    for service in catalog.services
                ]
            )
        ],
        "consistency": [
            max(0.0, 1 - statistics.stdev(counts) / statistics.mean(counts))
            if len(counts) > 1
            else 1.0
            for counts in (per_region, per_service)
            if any(counts)
        ],
        "discovery": [
            min(1.0, part.received / part.expected) if part.expected else 0.0
            for part in catalog.completeness.parts
            if part.expected or part.failed
        ],
        # With so few regions, none can be more than 3 standard deviations from the mean.
        "anomaly": share([True for _ in catalog.regions])
        + share([code in entry.service_codes for entry in catalog.availability for code in core]),
    }
    scores = [score_of(components) for components in expected.values()]
    actual = [getattr(found.dimensions, name).score for name in expected]
    assert actual == pytest.approx(scores)
    assert all(0 <= score <= 100 for score in actual)
    assert found.score == pytest.approx(statistics.mean(scores), abs=0.0051)
    assert found.grade == grade(found.score)
    assert Validation.model_validate_json(json.dumps(found.model_dump(mode="json"))) == found
