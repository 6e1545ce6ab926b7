from __future__ import annotations

import json
from typing import Any

import pytest
from aws_ssm_fetcher_testing.stage_runs import statistics
from hypothesis import example, given
from hypothesis import strategies as st

from aws_ssm_fetcher.stages.contracts import (
    CaughtError,
    FetchRequest,
    OrchestratorRequest,
    StageFailure,
    StageName,
    StageRequest,
    StageResult,
)
from aws_ssm_fetcher.stages.keys import (
    LATEST_PREFIX,
    POINTER_KEY,
    excel_prefix,
    intermediate_prefixes,
    json_csv_prefix,
    processed_prefix,
    raw_prefix,
    set_prefix,
)
from lambda_core.contracts import Contract, parse_event
from lambda_core.errors import InvalidEventError

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", fullmatch=True).filter(
    lambda name: name != "latest"
)


def results(execution_id: str = "run-1") -> dict[str, Any]:
    def result(stage: StageName) -> dict[str, Any]:
        return StageResult(
            execution_id=execution_id, data_location="s3://b/k/", statistics=statistics(stage)
        ).model_dump(mode="json")

    return {
        "execution_id": execution_id,
        "fetch": result(StageName.DATA_FETCHER),
        "process": result(StageName.PROCESSOR),
        "json_csv": result(StageName.JSON_CSV_GENERATOR),
        "excel": result(StageName.EXCEL_GENERATOR),
    }


@given(IDS)
def test_every_execution_id_has_its_own_prefixes(execution_id: str) -> None:
    assert parse_event(FetchRequest, {"execution_id": execution_id}).execution_id == execution_id
    prefixes = {
        make(execution_id)
        for make in (raw_prefix, processed_prefix, json_csv_prefix, excel_prefix, set_prefix)
    }
    assert len(prefixes) == 5
    for prefix in prefixes:
        assert prefix.endswith("/")
        assert execution_id in prefix.split("/")
        assert not prefix.startswith((POINTER_KEY, LATEST_PREFIX))


@given(IDS, IDS)
@example("exec-1", "exec-10")
@example("exec-1", "exec-1-")
def test_no_execution_shares_a_prefix_with_another(one: str, other: str) -> None:
    if one == other:
        return
    for ours in intermediate_prefixes(one):
        for theirs in (*intermediate_prefixes(other), set_prefix(other)):
            assert not theirs.startswith(ours)


@pytest.mark.parametrize(
    "execution_id",
    ["", "a/b", "../a", "-a", "_a", "a b", "a\n", "é", "a" * 81, "a.b", "latest", 1, None, ["a"]],
)
def test_an_invalid_execution_id_is_rejected(execution_id: object) -> None:
    with pytest.raises(InvalidEventError, match="FetchRequest: execution_id"):
        parse_event(FetchRequest, {"execution_id": execution_id})


def test_an_event_that_does_not_fit_is_refused_without_its_values() -> None:
    event = {"execution_id": "run-1", "data_locaton": "s3://secret-bucket/"}
    with pytest.raises(InvalidEventError) as caught:
        parse_event(StageRequest, event)
    assert "data_location: Field required" in str(caught.value)
    assert "data_locaton: Extra inputs" in str(caught.value)
    assert "secret-bucket" not in str(caught.value)


@pytest.mark.parametrize("hours", [-1, "1", 1e300, True])
def test_an_age_that_makes_no_sense_is_refused(hours: object) -> None:
    for event in (
        {"default_max_cache_age_hours": hours},
        {"input": {"max_cache_age_hours": hours}},
    ):
        with pytest.raises(InvalidEventError, match="max_cache_age_hours"):
            parse_event(FetchRequest, {"execution_id": "run-1", **event})


@pytest.mark.parametrize(
    ("given", "default", "expected"), [(None, 1, 1), (0, 1, 0), (5, 1, 5), (None, None, None)]
)
def test_the_input_overrides_the_default_cache_age(
    given: float | None, default: float | None, expected: float | None
) -> None:
    event = {
        "execution_id": "run-1",
        "input": {"max_cache_age_hours": given},
        "default_max_cache_age_hours": default,
    }
    assert parse_event(FetchRequest, event).max_cache_age_hours == expected


@pytest.mark.parametrize("wrong", [[], "x", None, 1, [{}]])
@pytest.mark.parametrize("model", [FetchRequest, OrchestratorRequest])
def test_an_input_that_is_not_an_object_is_rejected(model: type[Contract], wrong: object) -> None:
    with pytest.raises(InvalidEventError, match=f"{model.__name__}.*input: .*object"):
        parse_event(model, results() | {"execution_id": "run-1", "input": wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": False},
        {"max_cache_age_hour": 0},
        {"zones": "no"},
        {"max_pairs_drop_percent": 101},
        {"max_pairs_drop_percent": -1},
        # EventBridge sends this if a rule has no input.
        {"version": "0", "id": "x", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
@pytest.mark.parametrize("model", [FetchRequest, OrchestratorRequest])
def test_an_input_that_is_misspelt_is_refused(
    model: type[Contract], wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidEventError, match=f"input.{next(iter(wrong))}: "):
        parse_event(model, results() | {"execution_id": "run-1", "input": wrong})


def test_the_orchestrator_takes_what_the_stages_answer() -> None:
    request = parse_event(OrchestratorRequest, results())
    assert isinstance(request.excel, StageResult)
    assert request.excel.statistics == statistics(StageName.EXCEL_GENERATOR)


def test_a_failed_branch_has_an_error() -> None:
    cause = {"errorType": "ReportError", "errorMessage": "disk\nfull", "stackTrace": ["secret"]}
    event = results() | {
        "excel": {
            "execution_id": "run-1",
            "error": {"Error": "ReportError", "Cause": json.dumps(cause)},
        }
    }
    request = parse_event(OrchestratorRequest, event)
    assert isinstance(request.excel, StageFailure)
    assert request.excel.error.reason == "ReportError: disk full"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"Error": "States.Timeout"}, "States.Timeout"),
        ({"Error": "E", "Cause": ""}, "E"),
        ({"Error": "E", "Cause": "not JSON"}, "E: not JSON"),
        ({"Error": "E", "Cause": "[1]"}, "E: [1]"),
        ({"Error": "E", "Cause": "{}"}, "E"),
        ({"Error": "E", "Cause": "x" * 9999}, "E: " + "x" * 500),
    ],
)
def test_every_cause_becomes_one_line(error: dict[str, str], reason: str) -> None:
    assert CaughtError.model_validate(error).reason == reason


@given(st.text())
def test_no_cause_breaks_the_line(cause: str) -> None:
    reason = CaughtError.model_validate({"Error": "E", "Cause": cause}).reason
    assert len(reason.splitlines()) == 1


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("fetch", {"execution_id": "run-2"}, "fetch belongs to execution run-2"),
        ("excel", {"execution_id": "run-2"}, "excel belongs to execution run-2"),
        ("excel", results()["json_csv"], "excel is a result of json_csv_generator"),
        ("process", results()["fetch"], "process is a result of data_fetcher"),
    ],
)
def test_results_of_other_executions_or_stages_are_refused(
    field: str, change: dict[str, Any], message: str
) -> None:
    event = results()
    event[field] = event[field] | change
    with pytest.raises(InvalidEventError, match=message):
        parse_event(OrchestratorRequest, event)
