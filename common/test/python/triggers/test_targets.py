from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping

import pytest

from local_cloud.clients import Clients, clients_of
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from triggers.errors import InvocationError
from triggers.polling import Polling
from triggers.targets import Target, function_name, invoke_target

POLLING = Polling(interval_seconds=0.2, timeout_seconds=120)


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Clients of a local cloud that runs functions and state machines."""
    with moto_server(functions=FunctionOptions(lambda_runtime_python())) as url:
        yield clients_of(url)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:function:fetch:live", "fetch"),
        ("arn:aws:lambda:us-east-1:123456789012:function:fetch", "fetch"),
        ("arn:aws:states:us-east-1:123456789012:stateMachine:report", None),
    ],
)
def test_the_name_of_a_function_is_in_its_arn(arn: str, name: str | None) -> None:
    assert function_name(arn) == name


def state_machine(clients: Clients, name: str, last: Mapping[str, object]) -> Target:
    created = clients("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "End", "States": {"End": last}}),
        roleArn="arn:aws:iam::123456789012:role/any",
    )
    return Target("daily", created["stateMachineArn"], "{}")


def test_an_execution_that_succeeds(clients: Clients) -> None:
    invoke_target(state_machine(clients, "well", {"Type": "Succeed"}), clients, POLLING)


def test_an_execution_that_fails_reports_the_cause(clients: Clients) -> None:
    failing = {"Type": "Fail", "Error": "DataSourceError", "Cause": "no regions"}
    target = state_machine(clients, "broken", failing)
    with pytest.raises(
        InvocationError, match=r"daily ended with status FAILED: DataSourceError: no regions$"
    ):
        invoke_target(target, clients, POLLING)


def test_an_execution_that_does_not_end(clients: Clients) -> None:
    waiting = {"Type": "Wait", "Seconds": 600, "End": True}
    target = state_machine(clients, "waits", waiting)
    with pytest.raises(InvocationError, match="did not end within 1 s"):
        invoke_target(target, clients, Polling(interval_seconds=0.1, timeout_seconds=1))


def function(clients: Clients, name: str, code: str) -> Target:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("lambda_function.py", code)
    clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    clients("lambda").create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::123456789012:role/{name}",
        Runtime="python3.12",
        Handler="lambda_function.handler",
        Code={"ZipFile": content.getvalue()},
        Timeout=2,
        Publish=True,
    )
    alias = clients("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return Target("hourly", alias["AliasArn"], '{"mode": "changes"}')


def test_a_function_receives_the_input_of_its_schedule(clients: Clients) -> None:
    code = """
def handler(event, context):
    assert event == {"mode": "changes"}
"""
    invoke_target(function(clients, "well", code), clients, POLLING)


@pytest.mark.parametrize(
    ("name", "last"), [("fails", "raise OSError"), ("hides-errors", "return None")]
)
def test_a_function_that_logs_an_error_has_failed(clients: Clients, name: str, last: str) -> None:
    code = f"""
import json

def handler(event, context):
    record = {{"level": "ERROR", "message": "no server", "id": context.aws_request_id}}
    print(json.dumps(record))
    {last}
"""
    with pytest.raises(
        InvocationError, match=rf"{name} of the schedule hourly failed: .*no server"
    ):
        invoke_target(function(clients, name, code), clients, POLLING)


def test_an_error_of_an_earlier_run_does_not_count(clients: Clients) -> None:
    code = """
import json

def handler(event, context):
    level = "ERROR" if "fail" in event else "INFO"
    print(json.dumps({"level": level, "id": context.aws_request_id}))
"""
    target = function(clients, "recovers", code)
    with pytest.raises(InvocationError):
        invoke_target(Target("hourly", target.arn, '{"fail": true}'), clients, POLLING)
    invoke_target(target, clients, POLLING)


def test_a_function_that_takes_too_long(clients: Clients) -> None:
    code = """
import time

def handler(event, context):
    time.sleep(60)
"""
    with pytest.raises(InvocationError, match=r"hourly failed: .*timed out"):
        invoke_target(function(clients, "sleeps", code), clients, POLLING)
