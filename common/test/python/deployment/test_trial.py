from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import boto3
import pytest

from deployment.errors import DeploymentError
from deployment.trial import Start, run, starts
from lambda_testing.fault_proxy import Fault, FaultProxy, always, respond
from lambda_testing.loopback_server import ReceivedRequest
from local_cloud.functions import FunctionOptions
from local_cloud.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:fetch:live"


def schedule(name: str, arn: str, told: str | None = "{}") -> dict[str, Any]:
    before = {"name": name, "target": [{"arn": arn, "input": told}]}
    return {"type": "aws_scheduler_schedule", "change": {"actions": ["no-op"], "before": before}}


def test_each_target_is_started_once() -> None:
    changes = [
        schedule("refresh", FUNCTION, '{"mode": "refresh"}'),
        schedule("changes", FUNCTION, '{"mode": "changes"}'),
        schedule("daily", f"{MACHINE}report", None),
        {"type": "aws_sns_topic", "change": {"actions": ["no-op"], "before": {"name": "any"}}},
    ]
    assert starts(changes) == [
        Start("changes", FUNCTION, '{"mode": "changes"}'),
        Start("daily", f"{MACHINE}report", "{}"),
    ]


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    """URL of a local cloud that runs state machines."""
    with moto_server(functions=FunctionOptions(lambda_runtime_python())) as url:
        yield url


@pytest.fixture
def account(aws_environment: str, cloud: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    return cloud


def session() -> boto3.Session:
    return boto3.Session(region_name="us-east-1")


def machine(name: str, last: dict[str, str]) -> Start:
    made = (
        session()
        .client("stepfunctions")
        .create_state_machine(
            name=name,
            definition=json.dumps({"StartAt": "End", "States": {"End": last}}),
            roleArn="arn:aws:iam::123456789012:role/any",
        )
    )
    return Start("daily", made["stateMachineArn"], "{}")


def test_an_execution_is_waited_for(account: str) -> None:
    run(machine("well", {"Type": "Succeed"}), session())


def test_an_execution_that_fails_says_why(account: str) -> None:
    start = machine("broken", {"Type": "Fail", "Error": "DataSourceError", "Cause": "no regions"})
    with pytest.raises(DeploymentError, match="daily starts is FAILED: DataSourceError: no region"):
        run(start, session())


def test_a_function_that_fails_says_why(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"errorType": "OutageError"}'
    fault = Fault(always, respond(200, body, {"X-Amz-Function-Error": "Unhandled"}))
    with FaultProxy(account, [fault]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with pytest.raises(DeploymentError, match=r"what hourly starts failed: .*OutageError"):
            run(Start("hourly", FUNCTION, "{}"), session())
        assert proxy.calls.total() == 1


def test_a_function_is_invoked_with_the_schedules_input(
    account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_right(request: ReceivedRequest) -> bool:
        return FUNCTION in unquote(request.path) and request.body == b'{"mode": "changes"}'

    # Any other would reach a cloud that has no such function.
    with FaultProxy(account, [Fault(is_right, respond(200, b"{}"))]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        run(Start("hourly", FUNCTION, '{"mode": "changes"}'), session())
