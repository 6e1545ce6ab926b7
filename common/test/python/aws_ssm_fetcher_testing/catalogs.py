"""Catalogs for tests: a small one to compute by hand, moto's real tree, and random ones."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from aws_ssm_fetcher.models import (
    Availability,
    Catalog,
    Completeness,
    Launches,
    Part,
    Provenance,
    Region,
    RegionLaunch,
    Service,
    Zones,
)
from lambda_testing.moto_tree import children, moto_tree

NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
LIVE = Provenance(source="AWS SSM public parameters in us-east-1", live=True, fetched_at=NOW)


def catalog(
    services_of_regions: dict[str, list[str]], *, services: list[Service] | None = None
) -> Catalog:
    """Return a catalog with the given service codes by region code."""
    codes = sorted({code for codes in services_of_regions.values() for code in codes})
    return Catalog(
        regions=tuple(
            Region(code=code, name=code.upper(), partition="aws", country="AA", zones=Zones())
            for code in sorted(services_of_regions)
        ),
        services=tuple(services or [Service(code=code, name=code.upper()) for code in codes]),
        availability=tuple(
            Availability(region_code=region, service_codes=tuple(sorted(codes)))
            for region, codes in sorted(services_of_regions.items())
        ),
        provenance=LIVE,
        completeness=Completeness(parts=(Part(name="regions", expected=1, received=1),)),
    )


def small_catalog() -> Catalog:
    """Return the catalog of the worked example in `docs/region-report-formulas.md`.

    It contains every irregularity of the real one, and more: an empty region without attributes, a
    region without a name, a service in no region, an unlisted service without a name, two services
    with the same name, and a service whose code begins with a capital.
    """
    return Catalog(
        regions=(
            Region(
                code="a-1",
                name="Alpha",
                partition="aws",
                country="AA",
                zones=Zones(availability=("a1", "a2", "a3"), local=("al1",)),
            ),
            Region(
                code="b-1",
                name="Beta",
                partition="aws",
                country="AA",
                zones=Zones(availability=("b1", "b2")),
            ),
            Region(
                code="c-1",
                partition="aws-cn",
                country="CC",
                zones=Zones(availability=("c1", "c2", "c3", "c4"), wavelength=("cw1",)),
            ),
            Region(code="z-1", name="Empty"),
        ),
        services=(
            Service(code="Caps", name="Shared"),
            Service(code="ec2", name="Shared"),
            Service(code="ghost", name="Ghost"),
            Service(code="new", listed=False),
            Service(code="s3", name="Storage"),
        ),
        availability=(
            Availability(region_code="a-1", service_codes=("Caps", "ec2", "new", "s3")),
            Availability(region_code="b-1", service_codes=("ec2", "s3")),
            Availability(region_code="c-1", service_codes=("s3",)),
            Availability(region_code="z-1", service_codes=()),
        ),
        provenance=Provenance(
            source="made up", live=False, fetched_at=NOW, data_as_of=dt.date(2026, 1, 2)
        ),
        completeness=Completeness(
            parts=(
                Part(name="regions", expected=4, received=4),
                Part(
                    name="service names",
                    expected=5,
                    received=4,
                    missing=("new",),
                ),
            )
        ),
    )


def small_launches() -> Launches:
    """Launch dates for two of the small catalog's regions, and for one that it does not have."""
    return Launches(
        source="a feed",
        launches=(
            RegionLaunch(
                region_code="a-1",
                launched_on=dt.date(2006, 8, 25),
                announcement_url="https://example.com/a",
            ),
            RegionLaunch(region_code="c-1", launched_on=dt.date(2014, 1, 9)),
            RegionLaunch(region_code="elsewhere-1", launched_on=dt.date(2020, 2, 2)),
        ),
        warnings=("One item of the feed could not be read.",),
    )


def moto_catalog() -> Catalog:
    """Return the catalog of moto's copy of the real tree, read directly from its files."""
    tree = moto_tree()
    found = {service for _, service in tree.region_pairs()}
    codes = sorted(tree.listed_services() | found)
    return Catalog(
        regions=tuple(_moto_region(code, tree.regions[code]) for code in sorted(tree.regions)),
        services=tuple(
            Service(
                code=code,
                name=_value(tree.services.get(code, {}), "longName"),
                listed=code in tree.listed_services(),
            )
            for code in codes
        ),
        availability=tuple(
            Availability(
                region_code=code,
                service_codes=tuple(sorted(children(tree.regions[code], "services"))),
            )
            for code in sorted(tree.regions)
        ),
        provenance=Provenance(source="snapshot in moto", live=False, fetched_at=NOW),
        completeness=Completeness(
            parts=(
                Part(name="regions", expected=len(tree.regions), received=len(tree.regions)),
                Part(name="services", expected=len(codes), received=len(codes)),
            )
        ),
    )


def _moto_region(code: str, node: dict[str, Any]) -> Region:
    return Region(
        code=code,
        name=_value(node, "longName"),
        partition=_value(node, "partition"),
        domain=_value(node, "domain"),
        country=_value(node, "geolocationCountry"),
        subdivision=_value(node, "geolocationRegion"),
        zones=Zones(
            availability=tuple(sorted(children(node, "availability-zones"))),
            local=tuple(sorted(children(node, "local-zones"))),
            wavelength=tuple(sorted(children(node, "wavelength-zones"))),
        ),
    )


def _value(node: dict[str, Any], name: str) -> str | None:
    value: str | None = node.get(name, {}).get("Value")
    return value


CODES = st.text("abZ9-_. é✓'=", min_size=1, max_size=4)
NAMES = st.none() | st.sampled_from(["", "Same name", "=1+1", "Elastic Compute (EC2)"]) | CODES
AREAS = st.none() | st.sampled_from(["aws", "aws-cn", "aws-us-gov"])


@st.composite
def catalogs(
    draw: st.DrawFn, *, min_regions: int = 0, max_regions: int = 8, max_services: int = 10
) -> Catalog:
    """Any catalog, with few regions and services, so that rare cases are frequent."""
    region_codes = sorted(
        draw(st.sets(CODES, min_size=min_regions, max_size=max_regions)),
    )
    service_codes = sorted(draw(st.sets(CODES, max_size=max_services)))
    count = st.integers(0, 3)
    with_zones = draw(st.booleans())
    regions = tuple(
        Region(
            code=code,
            name=draw(NAMES),
            partition=draw(AREAS),
            country=draw(AREAS),
            zones=draw(
                st.builds(
                    Zones,
                    availability=count.map(_zones),
                    local=count.map(_zones),
                    wavelength=count.map(_zones),
                )
            )
            if with_zones
            else None,
        )
        for code in region_codes
    )
    availability = tuple(
        Availability(
            region_code=code,
            service_codes=tuple(sorted(draw(_subsets(service_codes)))),
        )
        for code in region_codes
    )
    found = {code for entry in availability for code in entry.service_codes}
    return Catalog(
        regions=regions,
        services=tuple(
            Service(
                code=code, name=draw(NAMES), listed=code not in found or draw(st.integers(0, 3)) > 0
            )
            for code in service_codes
        ),
        availability=availability,
        provenance=Provenance(
            source="any",
            live=draw(st.booleans()),
            fetched_at=NOW,
            data_as_of=draw(st.none() | st.just(dt.date(2026, 1, 2))),
        ),
        completeness=Completeness(parts=tuple(draw(_parts()))),
    )


@st.composite
def _parts(draw: st.DrawFn) -> list[Part]:
    names = draw(st.sets(st.sampled_from(["regions", "services", "zones"])))
    return [
        Part(
            name=name,
            expected=draw(st.integers(0, 20)),
            received=draw(st.integers(0, 25)),
            failed=draw(st.sampled_from([(), ("it broke",)])),
            required=draw(st.booleans()),
        )
        for name in sorted(names)
    ]


def _zones(count: int) -> tuple[str, ...]:
    return tuple(f"z{number}" for number in range(count))


def _subsets(codes: list[str]) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(codes)) if codes else st.just(set())
