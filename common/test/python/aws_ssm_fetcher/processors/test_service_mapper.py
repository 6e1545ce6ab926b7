"""The frames contain exactly the catalog, with codes as keys and names as labels."""

from __future__ import annotations

import polars as pl
import pytest
from aws_ssm_fetcher_testing.catalogs import catalog, catalogs, moto_catalog, small_catalog
from hypothesis import given

from aws_ssm_fetcher.models import Catalog
from aws_ssm_fetcher.processors.service_mapper import (
    PAIRS_SCHEMA,
    REGIONS_SCHEMA,
    SERVICES_SCHEMA,
    coverage_class,
    map_catalog,
)


def test_small_catalog() -> None:
    frames = map_catalog(small_catalog())
    assert frames.regions.rows() == [
        ("a-1", "Alpha", True, "aws", "AA", 3, 1, 0, 4),
        ("b-1", "Beta", True, "aws", "AA", 2, 0, 0, 2),
        ("c-1", "c-1", False, "aws-cn", "CC", 4, 0, 1, 1),
        ("z-1", "Empty", True, None, None, None, None, None, 0),
    ]
    assert frames.services.rows() == [
        ("Caps", "Shared", True, True, 1, 0.25, "low"),
        ("ec2", "Shared", True, True, 2, 0.5, "medium"),
        ("ghost", "Ghost", True, True, 0, 0.0, "none"),
        ("new", "new", False, False, 1, 0.25, "low"),
        ("s3", "Storage", True, True, 3, 0.75, "medium"),
    ]
    assert frames.pairs.rows() == [
        ("a-1", "Caps"),
        ("a-1", "ec2"),
        ("a-1", "new"),
        ("a-1", "s3"),
        ("b-1", "ec2"),
        ("b-1", "s3"),
        ("c-1", "s3"),
    ]
    assert frames.presence.rows() == [
        ("Caps", True, False, False, False),
        ("ec2", True, True, False, False),
        ("ghost", False, False, False, False),
        ("new", True, False, False, False),
        ("s3", True, True, True, False),
    ]


def test_a_region_code_may_be_the_name_of_a_column() -> None:
    frames = map_catalog(catalog({"service_code": ["s3"], "region_0": [], "word_0": ["s3"]}))
    assert frames.presence.rows() == [("s3", False, True, True)]


def test_real_tree() -> None:
    frames = map_catalog(moto_catalog())
    assert frames.regions.height == 39
    assert frames.services.height == 405
    assert frames.services["listed"].sum() == 404
    assert frames.pairs.height == 9289
    zones = frames.regions.select("availability_zones", "local_zones", "wavelength_zones").sum()
    assert zones.row(0) == (124, 34, 6)


@pytest.mark.parametrize(
    ("count", "regions", "expected"),
    [
        (0, 0, "none"),
        (0, 10, "none"),
        (1, 10, "low"),
        (4, 10, "low"),
        (5, 10, "medium"),
        (7, 10, "medium"),
        (8, 10, "high"),
        (9, 10, "high"),
        (10, 10, "universal"),
        (1, 1, "universal"),
        (4, 5, "high"),
        (31, 39, "medium"),
        (32, 39, "high"),
    ],
)
def test_coverage_class(count: int, regions: int, expected: str) -> None:
    frame = pl.DataFrame({"coverage": [count / regions if regions else None]})
    assert frame.select(coverage_class(pl.col("coverage"))).item() == expected


@given(catalogs())
def test_nothing_is_dropped_and_nothing_invented(catalog: Catalog) -> None:
    frames = map_catalog(catalog)
    assert frames.regions.schema == REGIONS_SCHEMA
    assert frames.services.schema == SERVICES_SCHEMA
    assert frames.pairs.schema == PAIRS_SCHEMA
    assert frames.regions["region_code"].to_list() == [r.code for r in catalog.regions]
    assert frames.regions["region_name"].to_list() == [r.label for r in catalog.regions]
    assert frames.services["service_code"].to_list() == [s.code for s in catalog.services]
    assert frames.services["service_name"].to_list() == [s.label for s in catalog.services]
    pairs = [(e.region_code, code) for e in catalog.availability for code in e.service_codes]
    assert frames.pairs.rows() == pairs
    for row, service in zip(frames.presence.rows(), catalog.services, strict=True):
        expected = [service.code in entry.service_codes for entry in catalog.availability]
        assert row == (service.code, *expected)
    assert frames.regions["service_count"].sum() == len(pairs)
    assert frames.services["region_count"].sum() == len(pairs)
    assert frames.services["coverage"].drop_nulls().is_between(0, 1).all()
    undefined = 0 if catalog.regions else len(catalog.services)
    assert frames.services["coverage"].null_count() == undefined
