"""Failures during an execution of the packaged functions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from region_report_e2e.deployments import END_SECONDS, Deployment, WrappedArtefacts, deploy

from artefacts.function_settings import FunctionSettings
from artefacts.repository import Artefacts, architecture
from aws_ssm_fetcher.outputs.summary import Summary
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.published_set import find_set
from lambda_core.s3 import S3Objects
from lambda_testing.fault_proxy import Fault, FaultProxy, access_denied, throttling
from local_cloud.loopback_server import ReceivedRequest
from run_local.region_report import history, start

# On a busy machine, importing the code of five functions takes long.
pytestmark = pytest.mark.timeout(600)

FUNCTIONS = (
    "data_fetcher",
    "processor",
    "json_csv_generator",
    "excel_generator",
    "report_orchestrator",
)

GENERATORS = {"json_csv_generator": 8, "excel_generator": 1}
"""How many reports are missing if one of these fails."""


class Faults:
    """The requests that the proxies in front of S3 and SSM currently refuse."""

    def __init__(self) -> None:
        self.refused_write = ""
        self.throttled = 0

    def refuses(self, request: ReceivedRequest) -> bool:
        """Return whether S3 refuses this write; each is refused once."""
        if not self.refused_write or self.refused_write not in request.path:
            return False
        if request.method == "PUT":
            self.refused_write = ""
            return True
        return False

    def throttles(self, request: ReceivedRequest) -> bool:
        """Say whether SSM throttles this call."""
        del request
        self.throttled -= 1
        return self.throttled >= 0


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def wrapped(
    cloud: str, packages: Path, settings: dict[str, FunctionSettings], faults: Faults
) -> Iterator[Deployment]:
    """The functions with wrapped handlers, after one successful execution."""
    with (
        FaultProxy(cloud, [Fault(faults.refuses, access_denied())]) as s3,
        FaultProxy(cloud, [Fault(faults.throttles, throttling())]) as ssm,
    ):
        deployment = deploy(
            cloud,
            WrappedArtefacts(packages, architecture()),
            "wrapped",
            settings,
            {"AWS_ENDPOINT_URL_S3": s3.url, "AWS_ENDPOINT_URL_SSM": ssm.url},
        )
        first = deployment.run("first")
        assert first.status == "SUCCEEDED", first
        assert deployment.notifications("first") == ["success"]
        yield deployment


def new_name() -> str:
    return f"exec-{uuid.uuid4().hex[:8]}"


def set_of(deployment: Deployment, execution_id: str) -> Summary | None:
    """Return the summary of a complete set, or None if there is none."""
    store = ArtefactStore(S3Objects(deployment.clients("s3"), deployment.report.bucket))
    found = find_set(store, execution_id)
    return found.summary if found else None


def require_untouched(deployment: Deployment, execution_id: str) -> None:
    """Check that readers get a complete set of another execution."""
    pointer = deployment.json("reports/latest.json")
    assert pointer["execution_id"] != execution_id
    assert set_of(deployment, pointer["execution_id"]) is not None
    assert deployment.objects(f"reports/{execution_id}/") == set()


def require_failed_and_notified(
    deployment: Deployment, execution_id: str, function: str, status: str, error: str, expected: str
) -> None:
    """Check the end of an execution in which one function failed permanently."""
    assert status == "FAILED"
    assert deployment.notifications(execution_id) == ["failure"]
    if function not in GENERATORS:
        assert error == expected
        require_untouched(deployment, execution_id)
        return
    # The reports of the other generator are still published.
    assert error == "IncompleteReportError"
    summary = set_of(deployment, execution_id)
    assert summary is not None
    assert len(summary.reports_missing) == GENERATORS[function]
    assert {report.reason.split(":")[0] for report in summary.reports_missing} == {expected}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_passes_is_tried_again(wrapped: Deployment, function: str) -> None:
    name = new_name()
    wrapped.fault(name, function, do="raise", error="TransientStorageError", times=1)
    done = wrapped.run(name)
    assert done.status == "SUCCEEDED", done
    assert wrapped.notifications(name) == ["success"]
    assert set_of(wrapped, name) is not None
    assert wrapped.json("reports/latest.json")["execution_id"] == name
    left = [wrapped.objects(f"{kind}/{name}/") for kind in ("raw-data", "processed-data")]
    assert left == [set(), set()]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_does_not_pass_ends_the_execution(wrapped: Deployment, function: str) -> None:
    failing = {
        "TransientDataSourceError": new_name(),
        "ProcessingError": new_name(),
    }
    for error, name in failing.items():
        wrapped.fault(name, function, do="raise", error=error, times=100)
    # Concurrently, because the retries of the first take a while.
    arns = {error: wrapped.start(name) for error, name in failing.items()}
    for error, name in failing.items():
        done = wrapped.end(arns[error])
        require_failed_and_notified(wrapped, name, function, done.status, done.error, error)
    tries = {
        error: 100 - wrapped.json(f"faults/{name}/{function}.json")["times"]
        for error, name in failing.items()
    }
    assert tries == {"TransientDataSourceError": 4, "ProcessingError": 1}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_is_ended_by_lambda(wrapped: Deployment, function: str) -> None:
    # One after the other, so that even a busy machine has time to use up the memory.
    for what, error, limit in (
        ("memory", "Runtime.OutOfMemory", {"MemorySize": 512}),
        ("sleep", "Sandbox.Timedout", {"Timeout": 5}),
    ):
        name = new_name()
        wrapped.fault(name, function, do=what, times=100)
        with limited(wrapped, function, limit):
            done = wrapped.run(name)
        require_failed_and_notified(wrapped, name, function, done.status, done.error, error)


@contextmanager
def limited(deployment: Deployment, function: str, limit: dict[str, int]) -> Iterator[None]:
    """Give a function less time or memory while the block runs."""
    functions, name = deployment.clients("lambda"), deployment.report.functions[function]
    before = functions.get_function_configuration(FunctionName=name)
    functions.update_function_configuration(FunctionName=name, **limit)
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, **{setting: before[setting] for setting in limit}
        )


def test_an_input_that_is_wrong(wrapped: Deployment) -> None:
    inputs: dict[str, Any] = {
        new_name(): [],
        new_name(): "x",
        new_name(): None,
        new_name(): {"zone": False},
        new_name(): {"zones": True, "max_pairs_drop_percent": 101},
    }
    arns = {
        name: start(wrapped.clients, wrapped.report, name, given) for name, given in inputs.items()
    }
    for name, arn in arns.items():
        done = wrapped.end(arn)
        assert (done.status, done.error) == ("FAILED", "InvalidEventError"), inputs[name]
        assert "input" in done.cause
        assert wrapped.notifications(name) == ["failure"]


def test_a_state_that_runs_out_of_its_time(wrapped: Deployment) -> None:
    machines, name = wrapped.clients("stepfunctions"), new_name()
    known = machines.describe_state_machine(stateMachineArn=wrapped.report.state_machine_arn)
    definition = json.loads(known["definition"])
    definition["States"]["FetchData"]["TimeoutSeconds"] = 1
    hasty = machines.create_state_machine(
        name="hasty", definition=json.dumps(definition), roleArn=known["roleArn"]
    )
    report = replace(wrapped.report, state_machine_arn=hasty["stateMachineArn"])
    wrapped.fault(name, "data_fetcher", do="sleep")
    done = wrapped.end(start(wrapped.clients, report, name, {}))
    assert (done.status, done.error) == ("FAILED", "StepFunctionsError")
    assert json.loads(done.cause)["Error"] == "States.Timeout"
    assert wrapped.notifications(name) == ["failure"]
    require_untouched(wrapped, name)


def test_a_layer_that_is_missing(
    cloud: str, packages: Path, settings: dict[str, FunctionSettings]
) -> None:
    without = settings["data_fetcher"].model_copy(update={"layers": ()})
    deployment = deploy(
        cloud,
        Artefacts(packages, architecture()),
        "layerless",
        {**settings, "data_fetcher": without},
    )
    name = new_name()
    done = deployment.run(name)
    assert (done.status, done.error) == ("FAILED", "Runtime.ImportModuleError")
    assert deployment.notifications(name) == ["failure"]
    assert deployment.objects("reports/") == set()


def test_throttled_calls_are_repeated(wrapped: Deployment, faults: Faults) -> None:
    name = new_name()
    faults.throttled = 5
    done = wrapped.run(name, max_cache_age_hours=0)
    assert done.status == "SUCCEEDED", done
    assert faults.throttled < 0
    (metrics,) = (m for m in wrapped.metrics("data_fetcher") if m.get("SsmRetries", [0]) == [5.0])
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "RegionReport"
    assert metrics["SsmCalls"][0] > 100
    assert set_of(wrapped, name) is not None


@pytest.mark.parametrize(
    ("place", "function"),
    [
        ("raw-data", "data_fetcher"),
        ("processed-data", "processor"),
        ("temp-reports", "json_csv_generator"),
    ],
)
def test_a_write_that_s3_refuses(
    wrapped: Deployment, faults: Faults, place: str, function: str
) -> None:
    name = new_name()
    within = "json_csv/" if place == "temp-reports" else ""
    faults.refused_write = f"/{place}/{name}/{within}"
    done = wrapped.run(name)
    assert faults.refused_write == ""
    assert done.status == "FAILED"
    require_failed_and_notified(wrapped, name, function, done.status, done.error, "S3Error")
    require_logged(wrapped, name, function, place)


def require_logged(deployment: Deployment, execution_id: str, function: str, about: str) -> None:
    """Check that a function logged an error with this text, and its duration."""
    errors = [line for line in deployment.log(function, execution_id) if line["level"] == "ERROR"]
    assert about in json.dumps(errors)
    assert any(
        "StageDuration" in metrics
        for metrics in deployment.metrics(function)
        if metrics["service"] == function
    )


@pytest.mark.parametrize("place", ["reports/{}/aws_regions", "reports/latest.json"])
def test_a_set_that_s3_refuses(wrapped: Deployment, faults: Faults, place: str) -> None:
    name = new_name()
    key = place.format(name)
    faults.refused_write = f"/{key}"
    done = wrapped.run(name)
    assert faults.refused_write == ""
    assert (done.status, done.error) == ("FAILED", "S3Error")
    assert wrapped.notifications(name) == ["failure"]
    require_logged(wrapped, name, "report_orchestrator", key)
    pointer = wrapped.json("reports/latest.json")
    assert pointer["execution_id"] != name
    assert set_of(wrapped, pointer["execution_id"]) is not None


def test_copies_that_s3_refuses_cost_nothing(wrapped: Deployment, faults: Faults) -> None:
    name = new_name()
    faults.refused_write = "/reports/latest/"
    done = wrapped.run(name)
    assert faults.refused_write == ""
    assert done.status == "SUCCEEDED", done
    assert wrapped.notifications(name) == ["success"]
    assert wrapped.json("reports/latest.json")["execution_id"] == name
    require_logged(wrapped, name, "report_orchestrator", "copy to latest")
    metrics = wrapped.metrics("report_orchestrator")
    assert [1.0] in [entry.get("StepsFailedAfterPublishing") for entry in metrics]


def entered(deployment: Deployment, arn: str, state: str) -> bool:
    """Return whether an execution has reached a state."""
    return any(
        event.get("stateEnteredEventDetails", {}).get("name") == state
        for event in history(deployment.clients, arn)
    )


@pytest.mark.parametrize("state", ["FetchData", "GenerateReports", "PublishReports"])
def test_an_execution_that_is_stopped(wrapped: Deployment, state: str) -> None:
    name = new_name()
    arn = wrapped.start(name)
    deadline = time.monotonic() + END_SECONDS
    while not entered(wrapped, arn, state):
        assert time.monotonic() < deadline, f"it never comes to {state}"
        time.sleep(0.02)
    wrapped.clients("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="test")
    stopped = wrapped.end(arn)
    assert (stopped.status, stopped.error) in {("ABORTED", "Stopped"), ("SUCCEEDED", "")}
    again = wrapped.run(f"{name}-again")
    assert again.status == "SUCCEEDED", again
    pointer = wrapped.json("reports/latest.json")
    assert set_of(wrapped, pointer["execution_id"]) is not None
    # The stopped execution may have continued for the time limit of its function, but it is older.
    assert pointer["execution_id"] == f"{name}-again"


def test_concurrent_executions(wrapped: Deployment) -> None:
    names = [new_name() for _ in range(2)]
    arns = [wrapped.start(name) for name in names]
    assert [wrapped.end(arn).status for arn in arns] == ["SUCCEEDED", "SUCCEEDED"]
    for name in names:
        assert wrapped.notifications(name) == ["success"]
        assert set_of(wrapped, name) is not None
    pointer = wrapped.json("reports/latest.json")
    assert pointer["execution_id"] in names
    assert wrapped.json("reports/latest/summary.json")["execution_id"] == pointer["execution_id"]


def test_an_intermediate_object_that_is_damaged(wrapped: Deployment) -> None:
    name = new_name()
    key = f"raw-data/{name}/catalog.json"
    wrapped.fault(name, "processor", do="spoil", key=key)
    done = wrapped.run(name)
    require_failed_and_notified(
        wrapped, name, "processor", done.status, done.error, "ProcessingError"
    )
    assert key in done.cause
    (error,) = (line for line in wrapped.log("processor", name) if line["level"] == "ERROR")
    assert key in json.dumps(error)
    assert any("StageDuration" in metrics for metrics in wrapped.metrics("processor"))


def test_an_execution_that_is_started_twice(wrapped: Deployment) -> None:
    name = new_name()
    first = wrapped.start(name)
    assert wrapped.start(name) == first
    with pytest.raises(wrapped.clients("stepfunctions").exceptions.ExecutionAlreadyExists):
        wrapped.start(name, cross_check=True)
    assert wrapped.end(first).status == "SUCCEEDED"
    assert wrapped.notifications(name) == ["success"]


def test_nothing_of_another_execution_is_removed(wrapped: Deployment) -> None:
    name = new_name()
    one, ten = f"{name}-1", f"{name}-10"
    wrapped.fault(ten, "report_orchestrator", do="raise", error="ReportError")
    assert wrapped.run(ten).status == "FAILED"
    left = wrapped.objects()
    of_ten = {key for key in left if f"/{ten}/" in key}
    assert {key.split("/")[0] for key in of_ten} >= {"raw-data", "processed-data", "temp-reports"}
    assert wrapped.run(one).status == "SUCCEEDED"
    assert wrapped.objects() >= left
    assert {key.split("/")[0] for key in wrapped.objects() if f"/{one}/" in key} == {"reports"}
