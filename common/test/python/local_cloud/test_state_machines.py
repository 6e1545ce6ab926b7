"""State machines with real functions: what becomes of each kind of failure."""

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
    """Name of a function that does what its event says."""
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
                    tries = s3.list_objects_v2(Bucket=bucket)["KeyCount"]
                    s3.put_object(Bucket=bucket, Key=str(tries))
                    if tries < event["failures"]:
                        raise TransientStorageError("try again")
                    return {"tries": tries + 1}
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
    """Run a definition to its end; the description of the execution."""

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
            assert time.monotonic() < deadline, "it never ends"
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


def alone(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "Only", "States": {"Only": state}}


def test_a_task_passes_its_answer_on(function: str, execute: Execute) -> None:
    done = execute(alone(task(function)), {"a": ["ü", 1.5, None]})
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"]) == {"a": ["ü", 1.5, None]}


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("raise", "ValueError"),
        ("exit", "Runtime.ExitError"),
        ("memory", "Runtime.OutOfMemory"),
        ("sleep", "Sandbox.Timedout"),
    ],
)
def test_a_failure_has_the_name_of_its_error(
    what: str, error: str, function: str, execute: Execute
) -> None:
    failed = execute(alone(task(function)), {"do": what})
    assert failed["status"] == "FAILED"
    assert failed["error"] == error
    assert json.loads(failed["cause"])["errorType"] == error
    caught = {"ErrorEquals": [error], "Next": "Caught", "ResultPath": "$.error"}
    definition = {
        "StartAt": "Only",
        "States": {"Only": task(function, Catch=[caught]), "Caught": {"Type": "Succeed"}},
    }
    assert json.loads(execute(definition, {"do": what})["output"])["error"]["Error"] == error


def test_throttling_is_an_error_of_lambda(function: str, execute: Execute, client: Clients) -> None:
    client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    failed = execute(alone(task(function)), {})
    assert (failed["status"], failed["error"]) == ("FAILED", "Lambda.TooManyRequestsException")


@pytest.mark.parametrize(("failures", "status"), [(2, "SUCCEEDED"), (3, "FAILED")])
def test_what_is_transient_is_tried_again(
    failures: int, status: str, function: str, execute: Execute, client: Clients
) -> None:
    bucket = f"tries-{uuid.uuid4()}"
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
    done = execute(alone(task(function, Retry=[retry])), event)
    assert done["status"] == status
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 3


def test_a_state_has_a_time_of_its_own(function: str, execute: Execute) -> None:
    failed = execute(alone(task(function, TimeoutSeconds=1)), {"do": "sleep"})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Timeout")


def test_an_execution_has_a_time_in_all(function: str, execute: Execute) -> None:
    late = execute({**alone(task(function)), "TimeoutSeconds": 1}, {"do": "sleep"})
    assert late["status"] == "TIMED_OUT"
    assert "stopDate" in late


def test_branches_run_beside_each_other_and_fail_alone(
    function: str, execute: Execute, client: Clients
) -> None:
    topic = client("sns").create_topic(Name=f"notices-{uuid.uuid4()}")["TopicArn"]
    queue = client("sqs").create_queue(QueueName=f"notices-{uuid.uuid4()}")["QueueUrl"]
    queue_arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"]
    )
    caught = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Missing"}
    branch = {
        "StartAt": "Make",
        "States": {
            "Make": task(function, Catch=[caught]),
            "Missing": {"Type": "Pass", "Parameters": {"error.$": "$.error.Error"}, "End": True},
        },
    }
    definition = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [branch, {**branch, "StartAt": "Break", "States": broken(branch)}],
                "ResultPath": "$.made",
                "Next": "Complete?",
            },
            "Complete?": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.made[1].error", "IsPresent": True, "Next": "Tell"},
                ],
                "Default": "Fine",
            },
            "Tell": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": {
                    "TopicArn": topic,
                    "Message": {
                        "execution.$": "$$.Execution.Name",
                        "error.$": "$.made[1].error",
                    },
                },
                "ResultPath": None,
                "Next": "Not fine",
            },
            "Not fine": {"Type": "Fail", "ErrorPath": "$.made[1].error", "Cause": "a branch"},
            "Fine": {"Type": "Succeed"},
        },
    }
    failed = execute(definition, {"n": 1})
    assert (failed["status"], failed["error"]) == ("FAILED", "ValueError")
    (message,) = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    notice = json.loads(json.loads(message["Body"])["Message"])
    assert notice == {"execution": failed["name"], "error": "ValueError"}


def broken(branch: dict[str, Any]) -> dict[str, Any]:
    """Return the states of a branch that makes its function fail."""
    spoil = {"Type": "Pass", "Result": {"do": "raise"}, "Next": "Make"}
    return {"Break": spoil, **branch["States"]}


def test_a_name_is_executed_once(client: Clients, function: str) -> None:
    sfn = client("stepfunctions")
    arn = sfn.create_state_machine(
        name=f"once-{uuid.uuid4()}",
        definition=json.dumps(alone({"Type": "Wait", "Seconds": 1, "End": True})),
        roleArn=ROLE,
    )["stateMachineArn"]
    first = sfn.start_execution(stateMachineArn=arn, name="daily", input="{}")
    # The same again is no error; something else under that name is.
    again = sfn.start_execution(stateMachineArn=arn, name="daily", input="{}")
    assert again["executionArn"] == first["executionArn"]
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=arn, name="daily", input='{"other": 1}')
