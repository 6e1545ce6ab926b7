from __future__ import annotations

from pathlib import Path

import pytest
from aws_ssm_fetcher_testing.catalogs import small_catalog
from aws_ssm_fetcher_testing.stage_runs import fetched, request_after

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import StageRequest, StageResult, parse_request
from aws_ssm_fetcher.stages.errors import InvalidRequestError
from aws_ssm_fetcher.stages.process import process
from excel_generator_lambda import lambda_function
from lambda_core.errors import ConfigurationError, ProcessingError
from lambda_testing.events import sample_events
from lambda_testing.fresh_interpreter import packages_after_import

pytest_plugins = ["lambda_testing.pytest_plugin"]

EVENTS = sample_events(Path(__file__).parents[3] / "events")
ELSEWHERE = ["feedparser", "polars", "requests"]


@pytest.fixture(autouse=True)
def _cold_start() -> None:
    lambda_function._store.cache_clear()


@pytest.fixture
def store(bucket: str, monkeypatch: pytest.MonkeyPatch) -> ArtefactStore:
    monkeypatch.setenv("OUTPUT_S3_BUCKET", bucket)
    return ArtefactStore.open(bucket)


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_events_are_valid(name: str) -> None:
    parse_request(StageRequest, EVENTS[name])


def test_it_takes_a_request_and_answers_a_result(store: ArtefactStore) -> None:
    before = process(request_after(fetched(store, "run-1", small_catalog())), store)
    event = request_after(before).model_dump(mode="json")
    answer = lambda_function.handler(event, None)
    result = parse_request(StageResult, answer)
    assert result.statistics.stage == "excel_generator"
    assert result.statistics.pairs == 7
    store.read("temp-reports/run-1/excel/aws_regions_services.xlsx")


def test_a_failure_is_raised(store: ArtefactStore) -> None:
    event = {
        "execution_id": "run-1",
        "data_location": store.location("processed-data/run-1/"),
    }
    with pytest.raises(ProcessingError, match="is missing"):
        lambda_function.handler(event, None)
    with pytest.raises(InvalidRequestError, match="data_location: Field required"):
        lambda_function.handler({"execution_id": "run-1"}, None)


def test_a_bucket_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match="OUTPUT_S3_BUCKET is not set"):
        lambda_function.handler(next(iter(EVENTS.values())), None)


def test_it_imports_nothing_of_other_functions_layers() -> None:
    loaded = packages_after_import("excel_generator_lambda.lambda_function", blocked=ELSEWHERE)
    assert loaded.isdisjoint(ELSEWHERE)
