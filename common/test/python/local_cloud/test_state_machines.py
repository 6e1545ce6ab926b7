"""State machines that run real functions, and how they handle each kind of failure."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest

REGION = "us-east-1"

ACCOUNT = "123456789012"

type Archive = Callable[[Mapping[str, str]], bytes]

type Clients = Callable[[str], Any]

type Execute = Callable[[dict[str, Any], Any], dict[str, Any]]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


@pytest.fixture
def function(client: Clients, archive: Archive) -> str:
    """Name of a function that does what its event requests."""
    name = f"probe-{uuid.uuid4()}"
    role = client("iam").create_role(RoleName=name[:60], AssumeRolePolicyDocument="{}")
    code = """
        import sys, time, boto3

        class TransientStorageError(Exception):
            pass

        def handler(event, context):
            match event.get("do"):
                case "raise": raise ValueError("permanent")
                case "exit": sys.exit(1)
                case "memory": return len(bytearray(b"x" * 400_000_000))
                case "sleep": time.sleep(60)
                case "flaky":
                    s3 = boto3.client("s3")
                    bucket = event["bucket"]
                    attempts = s3.list_objects_v2(Bucket=bucket)["KeyCount"]
                    s3.put_object(Bucket=bucket, Key=str(attempts))
                    if attempts < event["failures"]:
                        raise TransientStorageError("try again")
                    return {"attempts": attempts + 1}
            return event
        """
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="function.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": archive({"function.py": code})},
        Timeout=2,
    )
    return name


@pytest.fixture
def execute(client: Clients) -> Execute:
    """Run a definition until it has ended; returns the description of the execution."""

    def run(definition: dict[str, Any], event: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        sfn = client("stepfunctions")
        machine = sfn.create_state_machine(
            name=f"machine-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=ROLE
        )
        arn = sfn.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps(event)
        )["executionArn"]
        deadline = time.monotonic() + 60
        while True:
            described: dict[str, Any] = sfn.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return described
            assert time.monotonic() < deadline, "the execution does not end"
            time.sleep(0.05)

    return run


def task(function: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "ResultSelector": {"answer.$": "$.Payload"},
        "OutputPath": "$.answer",
        "End": True,
        **more,
    }


def single_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of a state machine with a single state."""
    return {"StartAt": "Only", "States": {"Only": state}}


def test_a_task_returns_the_response_of_its_function(function: str, execute: Execute) -> None:
    ended = execute(single_state(task(function)), {"a": ["ü", 1.5, None]})
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {"a": ["ü", 1.5, None]}


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("raise", "ValueError"),
        ("exit", "Runtime.ExitError"),
        ("memory", "Runtime.OutOfMemory"),
        ("sleep", "Sandbox.Timedout"),
    ],
)
def test_a_failure_has_the_name_of_its_error(
    action: str, error: str, function: str, execute: Execute
) -> None:
    failed = execute(single_state(task(function)), {"do": action})
    assert failed["status"] == "FAILED"
    assert failed["error"] == error
    assert json.loads(failed["cause"])["errorType"] == error
    caught = {"ErrorEquals": [error], "Next": "Caught", "ResultPath": "$.error"}
    definition = {
        "StartAt": "Only",
        "States": {"Only": task(function, Catch=[caught]), "Caught": {"Type": "Succeed"}},
    }
    assert json.loads(execute(definition, {"do": action})["output"])["error"]["Error"] == error


def test_throttling_is_an_error_of_lambda(function: str, execute: Execute, client: Clients) -> None:
    client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    failed = execute(single_state(task(function)), {})
    assert (failed["status"], failed["error"]) == ("FAILED", "Lambda.TooManyRequestsException")


@pytest.mark.parametrize(("failures", "status"), [(2, "SUCCEEDED"), (3, "FAILED")])
def test_transient_errors_are_retried(
    failures: int, status: str, function: str, execute: Execute, client: Clients
) -> None:
    bucket = f"attempts-{uuid.uuid4()}"
    client("s3").create_bucket(Bucket=bucket)
    retry = {
        "ErrorEquals": ["TransientStorageError"],
        "IntervalSeconds": 1,
        "MaxDelaySeconds": 2,
        "BackoffRate": 1,
        "MaxAttempts": 2,
        "JitterStrategy": "FULL",
    }
    event = {"do": "flaky", "bucket": bucket, "failures": failures}
    ended = execute(single_state(task(function, Retry=[retry])), event)
    assert ended["status"] == status
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 3


def test_a_state_can_time_out(function: str, execute: Execute) -> None:
    failed = execute(single_state(task(function, TimeoutSeconds=1)), {"do": "sleep"})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Timeout")


def test_an_execution_can_time_out(function: str, execute: Execute) -> None:
    failed = execute({**single_state(task(function)), "TimeoutSeconds": 1}, {"do": "sleep"})
    assert failed["status"] == "TIMED_OUT"
    assert "stopDate" in failed


def test_a_failed_branch_does_not_affect_the_others(
    function: str, execute: Execute, client: Clients
) -> None:
    name = f"notifications-{uuid.uuid4()}"
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    queue_arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"]
    )
    caught = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Missing"}
    branch = {
        "StartAt": "Run",
        "States": {
            "Run": task(function, Catch=[caught]),
            "Missing": {"Type": "Pass", "Parameters": {"error.$": "$.error.Error"}, "End": True},
        },
    }
    definition = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [branch, {**branch, "StartAt": "Fail", "States": failing(branch)}],
                "ResultPath": "$.results",
                "Next": "Complete?",
            },
            "Complete?": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.results[1].error", "IsPresent": True, "Next": "Notify"},
                ],
                "Default": "Complete",
            },
            "Notify": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": {
                    "TopicArn": topic,
                    "Message": {
                        "execution.$": "$$.Execution.Name",
                        "error.$": "$.results[1].error",
                    },
                },
                "ResultPath": None,
                "Next": "Incomplete",
            },
            "Incomplete": {"Type": "Fail", "ErrorPath": "$.results[1].error", "Cause": "a branch"},
            "Complete": {"Type": "Succeed"},
        },
    }
    failed = execute(definition, {"n": 1})
    assert (failed["status"], failed["error"]) == ("FAILED", "ValueError")
    (message,) = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    notification = json.loads(json.loads(message["Body"])["Message"])
    assert notification == {"execution": failed["name"], "error": "ValueError"}


def failing(branch: dict[str, Any]) -> dict[str, Any]:
    """Return the states of a branch whose function fails."""
    change_event = {"Type": "Pass", "Result": {"do": "raise"}, "Next": "Run"}
    return {"Fail": change_event, **branch["States"]}


def test_a_name_can_be_used_only_once(client: Clients) -> None:
    sfn = client("stepfunctions")
    arn = sfn.create_state_machine(
        name=f"once-{uuid.uuid4()}",
        definition=json.dumps(single_state({"Type": "Wait", "Seconds": 1, "End": True})),
        roleArn=ROLE,
    )["stateMachineArn"]
    first = sfn.start_execution(stateMachineArn=arn, name="daily", input="{}")
    # Repeating the request is not an error, but using the name with another input is.
    again = sfn.start_execution(stateMachineArn=arn, name="daily", input="{}")
    assert again["executionArn"] == first["executionArn"]
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=arn, name="daily", input='{"other": 1}')
