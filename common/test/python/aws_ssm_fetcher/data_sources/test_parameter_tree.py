"""One region or several: the same catalog, each region at its own rate, and errors name the region.

The calls go over real sockets to a small SSM server. It finds the region in a call's signature, and
accepts a page's token only in the region that returned it.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
from aws_ssm_fetcher.data_sources.global_infrastructure import GlobalInfrastructure
from aws_ssm_fetcher.data_sources.parameter_tree import (
    THROTTLED_PAUSE_CALLS,
    ParameterTree,
    SsmRegion,
    batches_of_ten,
)
from lambda_core import aws, circuit_breaker, retry
from lambda_core.errors import DataSourceError
from local_cloud.loopback_server import Exchange, LoopbackServer

ROOT = "/aws/service/global-infrastructure"
HERE, THERE, ELSEWHERE = "us-east-1", "eu-west-3", "sa-east-1"

type Tree = Mapping[str, Sequence[str]]
"""Services by region."""


@dataclass(frozen=True)
class Received:
    """A call that the small SSM recorded."""

    at: float
    region: str
    list_name: str
    refused: bool


class SmallSsm(LoopbackServer):
    """Returns parameters of a tree in pages of ten."""

    def __init__(
        self, tree: Tree, *, denies: str | None = None, throttles_every: int | None = None
    ) -> None:
        super().__init__()
        self._denies = denies
        self._throttles_every = throttles_every
        self._below = {f"{ROOT}/regions": list(tree)}
        self._below[f"{ROOT}/services"] = sorted(
            {code for codes in tree.values() for code in codes}
        )
        self._below |= {f"{ROOT}/regions/{code}/services": list(tree[code]) for code in tree}
        self.received: list[Received] = []

    def answer(self, exchange: Exchange) -> None:
        request = exchange.request
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/ssm/", request.headers["Authorization"])
        assert scope
        assert isinstance(request.json, dict)
        asked: dict[str, str] = request.json
        with self.lock:
            refused = bool(
                self._throttles_every and (len(self.received) + 1) % self._throttles_every == 0
            )
            name = asked.get("Path", str(asked.get("Names")))
            self.received.append(Received(time.monotonic(), scope[1], name, refused))
        status, body = self._answer(scope[1], asked, refused=refused)
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        exchange.respond(status, headers, json.dumps(body).encode())

    def _answer(
        self, region: str, asked: Mapping[str, str], *, refused: bool
    ) -> tuple[int, dict[str, object]]:
        if region == self._denies:
            return 400, {"__type": "AccessDeniedException", "message": "not here"}
        if refused:
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        if "Names" in asked:
            return 200, {"Parameters": [{"Name": n, "Value": n} for n in asked["Names"]]}
        issuer, _, number = asked.get("NextToken", f"{region} 0").partition(" ")
        if issuer != region:
            return 400, {"__type": "InvalidNextToken", "message": f"that is a token of {issuer}"}
        path, start = asked["Path"], int(number)
        names = self._below.get(path, [])
        page = names[start : start + 10]
        body: dict[str, object] = {
            "Parameters": [{"Name": f"{path}/{name}", "Value": name} for name in page]
        }
        if start + 10 < len(names):
            body["NextToken"] = f"{region} {start + 10}"
        return 200, body


def parameters(ssm: SmallSsm, regions: Sequence[str], *, max_tps: float = 10_000) -> ParameterTree:
    return ParameterTree(
        [
            SsmRegion(
                aws.client("ssm", region=code, endpoint_url=ssm.url),
                circuit_breaker.CircuitBreaker(code),
            )
            for code in regions
        ],
        max_tps=max_tps,
        policy=retry.RetryPolicy(attempts=1, base_seconds=0, cap_seconds=0),
    )


CODES = [f"{letter}{digit}" for letter in "abcd" for digit in range(10)]
BIG: Tree = {f"r{number}": CODES[: 40 - number] for number in range(12)}


@pytest.fixture(autouse=True, scope="module")
def _credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield


@settings(max_examples=30)
@given(
    tree=st.dictionaries(
        st.sampled_from(CODES),
        st.lists(st.sampled_from(CODES), unique=True, min_size=1),
        min_size=1,
        max_size=12,
    ),
    regions=st.lists(st.sampled_from([HERE, THERE, ELSEWHERE]), unique=True, min_size=1),
    workers=st.integers(1, 20),
)
def test_every_choice_of_regions_gives_the_same_catalog(
    tree: Tree, regions: list[str], workers: int
) -> None:
    with SmallSsm(tree) as ssm:
        asked = parameters(ssm, regions)
        catalog = GlobalInfrastructure(asked, max_workers=workers).fetch(source="small")
    assert {entry.region_code: set(entry.service_codes) for entry in catalog.availability} == {
        region: set(codes) for region, codes in tree.items()
    }
    assert all(region.name for region in catalog.regions)
    assert all(service.name for service in catalog.services)
    received = Counter(call.region for call in ssm.received)
    assert asked.calls_by_region == {region: received[region] for region in regions}
    regions_of = {call.list_name: set[str]() for call in ssm.received}
    for call in ssm.received:
        regions_of[call.list_name].add(call.region)
    assert all(len(where) == 1 for where in regions_of.values()), "a list stays in its region"


def test_calls_are_shared_between_regions_within_their_rates() -> None:
    rate, regions = 100.0, [HERE, THERE, ELSEWHERE]
    with SmallSsm(BIG) as ssm:
        started = time.monotonic()
        tree = parameters(ssm, regions, max_tps=rate)
        GlobalInfrastructure(tree, max_workers=30).fetch(source="small")
    for region in regions:
        times = sorted(call.at for call in ssm.received if call.region == region)
        assert len(times) >= len(ssm.received) / len(regions) / 2
        for number, at in enumerate(times):
            # A call may be late, but never early.
            assert at >= started + number / rate


def test_a_region_that_throttled_is_left_alone_for_a_moment() -> None:
    rate = 50.0
    with SmallSsm(BIG, throttles_every=10) as ssm:
        tree = parameters(ssm, [HERE], max_tps=rate)
        for batch in batches_of_ten(f"{ROOT}/services/{number}/longName" for number in range(400)):
            tree.values(batch)
    assert tree.retries == 4
    pairs = list(zip(ssm.received, ssm.received[1:], strict=False))
    gaps = [later.at - call.at for call, later in pairs if call.refused]
    assert len(gaps) == 4
    assert min(gaps) >= THROTTLED_PAUSE_CALLS / rate


@pytest.mark.parametrize("denied", [HERE, THERE, ELSEWHERE])
def test_one_region_that_denies_fails_the_fetch_by_its_name(
    denied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(cache_enabled=False, ssm_regions=(HERE, THERE, ELSEWHERE))
    with SmallSsm(BIG, denies=denied) as ssm:
        monkeypatch.setenv("AWS_ENDPOINT_URL", ssm.url)
        fetcher = AWSSSMDataFetcher(config, max_tps=10_000, source=Source("small"))
        with pytest.raises(DataSourceError, match=f"in {denied} failed for .*AccessDenied") as told:
            fetcher.fetch_catalog()
    assert told.value.context["region"] == denied


@pytest.mark.parametrize("regions", [[], [HERE, HERE]])
def test_invalid_regions_are_refused(regions: list[str]) -> None:
    with SmallSsm(BIG) as ssm, pytest.raises(ValueError, match="regions must not be empty"):
        parameters(ssm, regions)
