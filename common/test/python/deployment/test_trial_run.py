from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from deployment.errors import DeploymentError
from deployment.trial_run import Start, run, starts
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:fetch:live"


def schedule(name: str, arn: str, told: str | None = "{}") -> dict[str, Any]:
    state = "DISABLED" if name == "off" else "ENABLED"
    before = {"name": name, "state": state, "target": [{"arn": arn, "input": told}]}
    return {"type": "aws_scheduler_schedule", "change": {"actions": ["no-op"], "before": before}}


def test_each_target_is_started_once() -> None:
    changes = [
        schedule("refresh", FUNCTION, '{"mode": "refresh"}'),
        schedule("changes", FUNCTION, '{"mode": "changes"}'),
        schedule("daily", f"{MACHINE}report", None),
        schedule("off", f"{MACHINE}other"),
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


def function(name: str, code: str) -> Start:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("lambda_function.py", code)
    session().client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    session().client("lambda").create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::123456789012:role/{name}",
        Runtime="python3.12",
        Handler="lambda_function.handler",
        Code={"ZipFile": content.getvalue()},
        Timeout=2,
        Publish=True,
    )
    made = (
        session().client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    )
    return Start("hourly", made["AliasArn"], '{"mode": "changes"}')


def test_a_function_is_started_as_its_schedule_does(account: str) -> None:
    code = """
def handler(event, context):
    assert event == {"mode": "changes"}
"""
    run(function("well", code), session())


def test_a_function_that_fails_says_why(account: str) -> None:
    code = """
import json

def handler(event, context):
    told = {"message": "The invocation failed: no server", "id": context.aws_request_id}
    print(json.dumps(told))
    raise OSError
"""
    with pytest.raises(DeploymentError, match=r"what hourly starts failed: .*no server"):
        run(function("fails", code), session())


def test_a_function_that_takes_too_long(account: str) -> None:
    code = """
import time

def handler(event, context):
    time.sleep(60)
"""
    with pytest.raises(DeploymentError, match=r"what hourly starts failed: .*timed out"):
        run(function("sleeps", code), session())
