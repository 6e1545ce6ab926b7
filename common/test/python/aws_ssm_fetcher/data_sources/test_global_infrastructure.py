"""The catalog equals moto's tree, which is read directly from moto's own files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aws_ssm_fetcher.data_sources.global_infrastructure import GlobalInfrastructure
from aws_ssm_fetcher.data_sources.parameter_tree import ParameterTree, SsmRegion
from aws_ssm_fetcher.models import Catalog, CrossCheck
from lambda_core import aws, circuit_breaker, retry
from lambda_testing.moto_tree import children, moto_tree
from local_cloud.server import moto_server


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


def parameters(endpoint: str, *regions: str) -> ParameterTree:
    return ParameterTree(
        [
            SsmRegion(
                aws.client("ssm", region=region, endpoint_url=endpoint),
                circuit_breaker.CircuitBreaker("ssm"),
            )
            for region in regions or ("us-east-1",)
        ],
        max_tps=10_000,
        policy=retry.RetryPolicy(attempts=1),
    )


@pytest.fixture(scope="module")
def tree(endpoint: str) -> ParameterTree:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        return parameters(endpoint)


@pytest.fixture(scope="module")
def catalog(tree: ParameterTree) -> Catalog:
    return GlobalInfrastructure(tree, max_workers=10).fetch(
        source="snapshot", live=False, cross_check=True
    )


def test_counts_are_those_of_the_issue(catalog: Catalog) -> None:
    assert len(catalog.regions) == 39
    assert sum(service.listed for service in catalog.services) == 404
    assert sum(not service.listed for service in catalog.services) == 1
    assert catalog.pair_count == 9289
    zones = [region.zones for region in catalog.regions if region.zones]
    assert sum(len(entry.availability) for entry in zones) == 124
    assert sum(len(entry.local) for entry in zones) == 34
    assert sum(len(entry.wavelength) for entry in zones) == 6


def test_every_pair_and_code_is_the_trees(catalog: Catalog) -> None:
    pairs = {
        (entry.region_code, code) for entry in catalog.availability for code in entry.service_codes
    }
    assert pairs == moto_tree().region_pairs()
    assert [region.code for region in catalog.regions] == sorted(moto_tree().regions)
    assert {s.code for s in catalog.services if s.listed} == moto_tree().listed_services()


def test_every_name_attribute_and_zone_is_the_trees(catalog: Catalog) -> None:
    for region in catalog.regions:
        node = moto_tree().regions[region.code]
        assert region.name == node["longName"]["Value"]
        assert region.partition == node["partition"]["Value"]
        assert region.domain == node["domain"]["Value"]
        assert region.country == node["geolocationCountry"]["Value"]
        assert region.subdivision == node["geolocationRegion"]["Value"]
        assert region.zones is not None
        assert list(region.zones.availability) == sorted(children(node, "availability-zones"))
        assert list(region.zones.local) == sorted(children(node, "local-zones"))
        assert list(region.zones.wavelength) == sorted(children(node, "wavelength-zones"))
    for service in catalog.services:
        node = moto_tree().services[service.code]
        assert service.name == node.get("longName", {}).get("Value")


def test_the_cross_check_lists_every_difference(catalog: Catalog) -> None:
    assert isinstance(catalog.cross_check, CrossCheck)
    only_regions = moto_tree().region_pairs() - moto_tree().service_pairs()
    only_services = moto_tree().service_pairs() - moto_tree().region_pairs()
    assert len(only_regions) == 20
    found = [(p.region_code, p.service_code) for p in catalog.cross_check.only_in_regions_tree]
    assert found == sorted(only_regions)
    found = [(p.region_code, p.service_code) for p in catalog.cross_check.only_in_services_tree]
    assert found == sorted(only_services)
    assert not catalog.cross_check.agrees


def test_missing_values_are_named_and_are_not_failures(catalog: Catalog) -> None:
    parts = {part.name: part for part in catalog.completeness.parts}
    assert parts["service names"].missing == ("services/bcm-data-exports/longName",)
    assert parts["service names"].received == 404
    assert parts["region attributes"].received == parts["region attributes"].expected == 195
    assert catalog.completeness.complete


def test_the_calls_are_few_and_counted(endpoint: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        tree = parameters(endpoint)
        calls = []
        without = GlobalInfrastructure(tree, max_workers=10).fetch(
            source="snapshot", zones=False, progress=lambda done, total: calls.append((done, total))
        )
    assert without.provenance.calls == tree.calls
    assert sum(tree.calls.values()) <= 1060
    assert tree.retries == 0
    # The remaining calls are those for zones: three lists per region, one of which is longer than a
    # page in moto's tree.
    zone_calls = sum(
        1 + len(children(node, kind)) // 10
        for node in moto_tree().regions.values()
        for kind in ("availability-zones", "local-zones", "wavelength-zones")
    )
    assert sum(tree.calls.values()) + zone_calls <= 1185
    assert all(region.zones is None for region in without.regions)
    assert calls[-1] == (len(calls), len(calls)), "progress ends with everything done"


def test_three_regions_give_the_same_catalog_as_one(endpoint: str, catalog: Catalog) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        for region in ("us-east-1", "eu-west-3", "ap-southeast-2"):
            # moto loads each tree of a region at the first call, which must not run concurrently.
            alone = GlobalInfrastructure(parameters(endpoint, region), max_workers=1)
            assert (len(alone.region_codes()), len(alone.service_codes())) == (39, 404)
        tree = parameters(endpoint, "us-east-1", "eu-west-3", "ap-southeast-2")
        spread = GlobalInfrastructure(tree, max_workers=30).fetch(source="snapshot", live=False)
    same = {"regions", "services", "availability"}
    assert spread.model_dump(include=same) == catalog.model_dump(include=same)
    calls = tree.calls_by_region
    assert list(calls) == ["us-east-1", "eu-west-3", "ap-southeast-2"]
    assert sum(calls.values()) == sum(spread.provenance.calls.values()) <= 1185
    assert min(calls.values()) > 200
