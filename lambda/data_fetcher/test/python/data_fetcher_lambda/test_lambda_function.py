from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_ssm_fetcher_testing.stage_runs import new_bucket

from aws_ssm_fetcher.models import Catalog, Launches
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import FetchRequest, StageResult
from data_fetcher_lambda import lambda_function
from lambda_core import aws
from lambda_core.contracts import parse_event
from lambda_core.errors import ConfigurationError, DataSourceError, InvalidEventError
from lambda_testing.events import sample_events
from lambda_testing.fault_proxy import Fault, FaultProxy, access_denied, always
from lambda_testing.fresh_interpreter import packages_after_import
from local_cloud.server import moto_server

pytest_plugins = ["lambda_testing.pytest_plugin"]

EVENTS = sample_events(Path(__file__).parents[3] / "events")
ELSEWHERE = ["openpyxl", "polars"]


@pytest.fixture(autouse=True)
def _cold_start() -> None:
    lambda_function._stage.cache_clear()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A bucket for this test, in an environment like that of the local cloud."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name = new_bucket(aws.client("s3", endpoint_url=endpoint))
    for variable, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "OUTPUT_S3_BUCKET": name,
        "S3_CACHE_BUCKET": name,
        "RSS_URL": "",
        "SSM_MAX_TPS": "10000",
        "SOURCE_LABEL": "a snapshot",
        "SOURCE_AS_OF": "2026-01-31",
    }.items():
        monkeypatch.setenv(variable, value)
    return name


def fetch(**given: Any) -> StageResult:  # noqa: ANN401 - fields of the execution's input
    event = {"execution_id": "run-1", "input": given}
    return parse_event(StageResult, lambda_function.handler(event, None))


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_events_are_valid(name: str) -> None:
    parse_event(FetchRequest, EVENTS[name])


def test_it_uses_the_cache_up_to_the_requested_age(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = fetch(zones=False, max_cache_age_hours=1)
    assert (result.statistics.pairs, result.statistics.from_cache) == (9289, False)
    assert result.data_location == f"s3://{bucket}/raw-data/run-1/"
    store = ArtefactStore.open(bucket)
    catalog, _ = store.read_model("raw-data/run-1/catalog.json", Catalog)
    assert (catalog.provenance.source, catalog.provenance.live) == ("a snapshot", False)
    assert str(catalog.provenance.data_as_of) == "2026-01-31"
    launches, _ = store.read_model("raw-data/run-1/launches.json", Launches)
    assert launches.source == "bundled launch dates"

    # A function on another host, where SSM rejects every call.
    lambda_function._stage.cache_clear()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    with FaultProxy("http://127.0.0.1:9", [Fault(always, access_denied())]) as ssm:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", ssm.url)
        with pytest.raises(DataSourceError, match="AccessDenied") as caught:
            fetch(zones=False)
        assert type(caught.value) is DataSourceError
    lambda_function._stage.cache_clear()
    monkeypatch.delenv("AWS_ENDPOINT_URL_SSM")
    again = fetch(zones=False, max_cache_age_hours=1)
    assert (again.statistics.from_cache, again.statistics.ssm_calls) == (True, 0)
    with FaultProxy("http://127.0.0.1:9", [Fault(always, access_denied())]) as ssm:
        # The endpoint is the same in the cache key, but no entry is recent enough.
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", ssm.url)
        lambda_function._stage.cache_clear()
        with pytest.raises(DataSourceError):
            fetch(zones=False, max_cache_age_hours=0)


def test_an_endpoint_that_is_not_aws_is_never_called_live(
    bucket: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_LABEL")
    source = lambda_function._stage().fetcher(FetchRequest(execution_id="run-1")).source
    assert (source.live, source.label) == (False, f"SSM at {endpoint}, which is not AWS")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSM_MAX_TPS", "0"),
        ("SSM_MAX_TPS", "fast"),
        ("RSS_URL", "file:///etc/passwd"),
        ("SOURCE_AS_OF", "yesterday"),
        ("OUTPUT_S3_BUCKET", "Not a bucket"),
        ("CACHE_TTL", "-1"),
    ],
)
def test_a_wrong_setting_is_named(
    bucket: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        fetch()


def test_an_invalid_event_is_refused_first(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidEventError, match="execution_id: String should match"):
        lambda_function.handler({"execution_id": "../secret"}, None)
    assert "secret" not in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_it_does_not_import_packages_of_other_functions() -> None:
    loaded = packages_after_import("data_fetcher_lambda.lambda_function", blocked=ELSEWHERE)
    assert loaded.isdisjoint(ELSEWHERE)
    assert "feedparser" in loaded
    # Importing it takes a tenth of a second, so it is imported only for a live feed.
    assert "requests" not in loaded
