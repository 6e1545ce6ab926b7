from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from aws_ssm_fetcher_testing.stage_runs import catalog_of, generated

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import OrchestratorRequest, OrchestratorResult
from lambda_core.contracts import parse_event
from lambda_core.errors import ConfigurationError, InvalidEventError
from lambda_testing.events import sample_events
from lambda_testing.fresh_interpreter import packages_after_import
from report_orchestrator_lambda import lambda_function

pytest_plugins = ["lambda_testing.pytest_plugin"]

EVENTS = sample_events(Path(__file__).parents[3] / "events")
ELSEWHERE = ["feedparser", "openpyxl", "polars", "requests"]
CONTEXT = SimpleNamespace(
    function_name="report-orchestrator",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:report-orchestrator",
    aws_request_id="request-1",
)


@pytest.fixture(autouse=True)
def _cold_start() -> Iterator[None]:
    lambda_function._stage.cache_clear()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def store(bucket: str, monkeypatch: pytest.MonkeyPatch) -> ArtefactStore:
    monkeypatch.setenv("OUTPUT_S3_BUCKET", bucket)
    return ArtefactStore.open(bucket)


def publish(store: ArtefactStore, execution_id: str, pairs: int) -> OrchestratorResult:
    request = generated(store, execution_id, catalog_of(pairs))
    answer = lambda_function.handler(request.model_dump(mode="json", by_alias=True), CONTEXT)
    return parse_event(OrchestratorResult, answer)


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_events_are_valid(name: str) -> None:
    parse_event(OrchestratorRequest, EVENTS[name])


def test_it_publishes_and_writes_logs_and_metrics(
    store: ArtefactStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = generated(store, "run-1", catalog_of(100))
    event = request.model_dump(mode="json", by_alias=True)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "report-orchestrator")
    capsys.readouterr()
    answer = lambda_function.handler(event, CONTEXT)
    assert (answer["published"], answer["complete"], answer["held_back"]) == (True, True, None)

    *lines, metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["execution_id"] for line in lines} == {"run-1"}
    assert {line["stage"] for line in lines} == {"report_orchestrator"}
    assert {line["function_request_id"] for line in lines} == {"request-1"}
    steps = [line["step"] for line in lines if "step" in line]
    assert steps == ["assemble the set", "switch the pointer", "copy to latest", "clean up"]
    assert "s0" not in "".join(line["message"] for line in lines)
    namespace = metrics["_aws"]["CloudWatchMetrics"][0]
    assert namespace["Namespace"] == "RegionReport"
    assert namespace["Dimensions"] == [["service"]]
    assert metrics["service"] == "report_orchestrator"
    expected = {
        "Regions": [2],
        "Services": [100],
        "Pairs": [100],
        "Complete": [1],
        "ReportsPublished": [9],
        "ReportsMissing": [0],
        "HeldBack": [0],
    }
    assert {name: metrics[name] for name in expected} == expected
    assert metrics["StageDuration"][0] > 0


def test_the_allowed_loss_can_be_set(store: ArtefactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert publish(store, "run-1", 100).published
    held_back = publish(store, "run-2", 90)
    assert (held_back.published, held_back.complete) == (False, True)
    assert held_back.held_back is not None
    monkeypatch.setenv("MAX_PAIRS_DROP_PERCENT", "10")
    lambda_function._stage.cache_clear()
    assert publish(store, "run-3", 90).published


@pytest.mark.parametrize("value", ["-1", "101", "some"])
def test_a_wrong_setting_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OUTPUT_S3_BUCKET", bucket)
    monkeypatch.setenv("MAX_PAIRS_DROP_PERCENT", value)
    with pytest.raises(ConfigurationError, match="MAX_PAIRS_DROP_PERCENT"):
        lambda_function.handler(EVENTS["sample.json"], CONTEXT)


def test_a_bucket_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match="OUTPUT_S3_BUCKET is not set"):
        lambda_function.handler(EVENTS["sample.json"], CONTEXT)


def test_an_event_that_does_not_fit_is_refused(store: ArtefactStore) -> None:
    with pytest.raises(InvalidEventError, match="fetch: Field required"):
        lambda_function.handler({"execution_id": "run-1"}, CONTEXT)
    with pytest.raises(InvalidEventError, match="data_location must be"):
        lambda_function.handler(EVENTS["sample.json"], CONTEXT)


def test_it_does_not_import_packages_of_other_functions() -> None:
    loaded = packages_after_import("report_orchestrator_lambda.lambda_function", blocked=ELSEWHERE)
    assert loaded.isdisjoint(ELSEWHERE)
