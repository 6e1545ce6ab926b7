"""Creating, invoking, changing and throttling functions with boto3, and their logs."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

REGION = "us-east-1"

ACCOUNT = "123456789012"

type Archive = Callable[[Mapping[str, str]], bytes]

type Clients = Callable[[str], Any]

type Create = Callable[..., str]


@pytest.fixture
def create(client: Clients, archive: Archive) -> Create:
    """Create a function from the source of its module; returns its name."""

    def create(code: str, **settings: Any) -> str:  # noqa: ANN401  # from the API
        name = f"probe-{uuid.uuid4()}"
        role = client("iam").create_role(RoleName=name[:60], AssumeRolePolicyDocument="{}")
        client("lambda").create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.12",
                "Handler": "function.handler",
                "Role": role["Role"]["Arn"],
                "Code": {"ZipFile": archive({"function.py": code})},
                "Timeout": 20,
                **settings,
            }
        )
        return name

    return create


def invoke(client: Clients, name: str, event: object = None, **options: str) -> dict[str, Any]:
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
    return {**answer, "Payload": json.loads(answer["Payload"].read() or b"null")}


def messages(client: Clients, queue: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until a queue has returned this number of messages, at most 60 s."""
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    while len(found) < count and time.monotonic() < deadline:
        answer = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"], VisibilityTimeout=60
        )
        found += answer.get("Messages", [])
    return found


def create_queue(client: Clients) -> tuple[str, str]:
    """Create a queue; returns its name and ARN."""
    name = f"queue-{uuid.uuid4()}"
    client("sqs").create_queue(QueueName=name)
    return name, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


SENDER = """
import json, os, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    url = sqs.get_queue_url(QueueName=os.environ["QUEUE"])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps([event, context.aws_request_id]))
    if isinstance(event, dict) and event.get("fails"):
        raise ValueError("it fails")
    return "sent"
"""


def test_a_response_with_its_log(client: Clients, create: Create) -> None:
    name = create("def handler(event, context): print('hello'); return {'doubled': event * 2}")
    answer = invoke(client, name, 21, LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["Payload"] == {"doubled": 42}
    assert "FunctionError" not in answer
    log = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert log[0].startswith("START RequestId: ")
    assert log[1] == "hello"
    assert "LogResult" not in invoke(client, name, 21)


def test_a_long_log_is_truncated(client: Clients, create: Create) -> None:
    name = create("def handler(event, context):\n  for n in range(2000): print(n)")
    tail = base64.b64decode(invoke(client, name, LogType="Tail")["LogResult"])
    assert len(tail) == 4096
    assert b"REPORT" in tail


def test_an_error_is_marked_as_an_error(client: Clients, create: Create) -> None:
    answer = invoke(client, create("def handler(event, context): return 1 / 0"))
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "ZeroDivisionError"


def test_an_event_that_is_not_json(client: Clients, create: Create) -> None:
    name = create("def handler(event, context): return event")
    with pytest.raises(ClientError, match=r"InvalidRequestContentException.*Could not parse"):
        client("lambda").invoke(FunctionName=name, Payload=b"{")
    # Without an event, the function receives an empty object.
    assert json.load(client("lambda").invoke(FunctionName=name)["Payload"]) == {}


def test_an_event_that_is_too_large(client: Clients, create: Create) -> None:
    name = create("def handler(event, context): return len(event)")
    six_mb, one_mb = 6 * 1024 * 1024, 1024 * 1024
    # The limit includes the quotes of JSON.
    assert invoke(client, name, "x" * (six_mb - 2))["Payload"] == six_mb - 2
    with pytest.raises(ClientError, match="smaller than 6291456 bytes") as refused:
        invoke(client, name, "x" * (six_mb - 1))
    assert refused.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert invoke(client, name, "x" * (one_mb - 2), InvocationType="Event")["StatusCode"] == 202
    with pytest.raises(ClientError, match="smaller than 1048576 bytes"):
        invoke(client, name, "x" * (one_mb - 1), InvocationType="Event")


def test_a_response_that_is_too_large(client: Clients, create: Create) -> None:
    # Lambda's runtime client checks this in the function's process.
    name = create("def handler(event, context): return 'x' * event")
    assert len(invoke(client, name, 5_000_000)["Payload"]) == 5_000_000
    answer = invoke(client, name, 6 * 1024 * 1024 + 100)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Function.ResponseSizeTooLarge"
    assert invoke(client, name, 3)["Payload"] == "xxx"


def test_a_dry_run_does_not_run_the_function(client: Clients, create: Create) -> None:
    name, _ = create_queue(client)
    function = create(SENDER, Environment={"Variables": {"QUEUE": name}})
    assert invoke(client, function, InvocationType="DryRun")["StatusCode"] == 204
    invoke(client, function, "real")
    (message,) = messages(client, name)
    assert json.loads(message["Body"])[0] == "real"


def test_the_log_is_in_cloudwatch(client: Clients, create: Create) -> None:
    name = create(
        """
        import os
        def handler(event, context):
            print("event", event)
            return [os.environ[f"AWS_LAMBDA_LOG_{kind}_NAME"] for kind in ("GROUP", "STREAM")]
        """
    )
    group, stream = invoke(client, name, 1)["Payload"]
    assert invoke(client, name, 2)["Payload"] == [group, stream]
    assert group == f"/aws/lambda/{name}"
    logs = client("logs")
    found = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    lines = [event["message"] for event in found["events"]]
    assert [line for line in lines if line.startswith("event")] == ["event 1", "event 2"]
    assert len([line for line in lines if line.startswith("REPORT")]) == 2


def test_layers_and_changes_take_effect(client: Clients, create: Create, archive: Archive) -> None:
    functions = client("lambda")
    name = create("def handler(event, context):\n  import shared\n  return shared.VALUE")
    assert invoke(client, name)["Payload"]["errorType"] == "ModuleNotFoundError"
    for value in (1, 2):
        layer = functions.publish_layer_version(
            LayerName="shared",
            Content={"ZipFile": archive({"python/shared.py": f"VALUE = {value}"})},
        )
        functions.update_function_configuration(
            FunctionName=name, Layers=[layer["LayerVersionArn"]]
        )
        assert invoke(client, name)["Payload"] == value
    code = archive({"function.py": "import os\ndef handler(e, c): return os.environ.get('NEW')"})
    functions.update_function_code(FunctionName=name, ZipFile=code)
    assert invoke(client, name)["Payload"] is None
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"NEW": "value"}}
    )
    assert invoke(client, name)["Payload"] == "value"


def test_code_may_come_from_s3(client: Clients, create: Create, archive: Archive) -> None:
    bucket = f"code-{uuid.uuid4()}"
    client("s3").create_bucket(Bucket=bucket)
    body = archive({"function.py": "def handler(event, context): return 'from S3'"})
    client("s3").put_object(Bucket=bucket, Key="function.zip", Body=body)
    name = create("", Code={"S3Bucket": bucket, "S3Key": "function.zip"})
    assert invoke(client, name)["Payload"] == "from S3"


def test_a_function_uses_the_local_cloud_by_default(client: Clients, create: Create) -> None:
    bucket = f"data-{uuid.uuid4()}"
    client("s3").create_bucket(Bucket=bucket)
    name = create(
        """
        import boto3
        def handler(event, context):
            boto3.client("s3").put_object(Bucket=event, Key="result", Body=b"from a function")
        """
    )
    assert "FunctionError" not in invoke(client, name, bucket)
    stored = client("s3").get_object(Bucket=bucket, Key="result")
    assert stored["Body"].read() == b"from a function"


def test_concurrent_invocations_have_separate_processes(client: Clients, create: Create) -> None:
    bucket = f"meeting-{uuid.uuid4()}"
    client("s3").create_bucket(Bucket=bucket)
    # The invocations wait for each other, so neither would end if they ran in sequence.
    name = create(
        """
        import os, time, boto3
        s3 = boto3.client("s3")
        def handler(event, context):
            bucket, own = event
            s3.put_object(Bucket=bucket, Key=own)
            while s3.list_objects_v2(Bucket=bucket)["KeyCount"] < 2:
                time.sleep(0.05)
            return os.getpid()
        """
    )
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda own: invoke(client, name, [bucket, own]), ["a", "b"]))
    pids = {answer["Payload"] for answer in answers}
    assert len(pids) == 2
    # Both processes are warm now.
    assert invoke(client, name, [bucket, "c"])["Payload"] in pids


def test_reserved_concurrency_throttles(client: Clients, create: Create) -> None:
    name = create("def handler(event, context): return 'ran'")
    client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as failure:
        invoke(client, name)
    error = failure.value.response
    assert error["Error"]["Code"] == "TooManyRequestsException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
    client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    assert invoke(client, name)["Payload"] == "ran"


def test_a_failed_asynchronous_invocation_is_retried_twice_and_then_reported(
    client: Clients, create: Create
) -> None:
    calls, _ = create_queue(client)
    dead_letters, dead_letters_arn = create_queue(client)
    records, records_arn = create_queue(client)
    name = create(
        SENDER,
        Environment={"Variables": {"QUEUE": calls}},
        DeadLetterConfig={"TargetArn": dead_letters_arn},
    )
    client("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": records_arn}}
    )
    answer = invoke(client, name, {"fails": True}, InvocationType="Event")
    assert answer["StatusCode"] == 202
    assert answer["Payload"] is None

    attempts = [json.loads(message["Body"]) for message in messages(client, calls, 3)]
    assert [event for event, _ in attempts] == [{"fails": True}] * 3
    assert len({request_id for _, request_id in attempts}) == 1, "all attempts have the same ID"
    (dead_letter,) = messages(client, dead_letters)
    assert json.loads(dead_letter["Body"]) == {"fails": True}
    assert dead_letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "it fails"
    assert dead_letter["MessageAttributes"]["RequestID"]["StringValue"] == attempts[0][1]
    (record,) = (json.loads(message["Body"]) for message in messages(client, records))
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == {"fails": True}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_successful_asynchronous_invocation_is_reported(client: Clients, create: Create) -> None:
    calls, _ = create_queue(client)
    records, records_arn = create_queue(client)
    name = create(SENDER, Environment={"Variables": {"QUEUE": calls}})
    client("lambda").put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": records_arn}},
    )
    invoke(client, name, 1, InvocationType="Event")
    (record,) = (json.loads(message["Body"]) for message in messages(client, records))
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == "sent"


def test_retries_can_be_disabled(client: Clients, create: Create) -> None:
    calls, _ = create_queue(client)
    dead_letters, dead_letters_arn = create_queue(client)
    name = create(
        SENDER,
        Environment={"Variables": {"QUEUE": calls}},
        DeadLetterConfig={"TargetArn": dead_letters_arn},
    )
    client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    invoke(client, name, {"fails": True}, InvocationType="Event")
    assert len(messages(client, dead_letters)) == 1
    assert len(messages(client, calls)) == 1


def test_throttled_invocations_run_later(client: Clients, create: Create) -> None:
    calls, _ = create_queue(client)
    name = create(SENDER, Environment={"Variables": {"QUEUE": calls}})
    client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    invoke(client, name, "late", InvocationType="Event")
    time.sleep(0.2)
    client("lambda").delete_function_concurrency(FunctionName=name)
    (call,) = messages(client, calls)
    assert json.loads(call["Body"])[0] == "late"


def test_an_object_in_s3_invokes_a_function_that_reads_it(client: Clients, create: Create) -> None:
    calls, _ = create_queue(client)
    name = create(
        """
        import json, os, boto3
        def handler(event, context):
            record = event["Records"][0]["s3"]
            source = {"Bucket": record["bucket"]["name"], "Key": record["object"]["key"]}
            text = boto3.client("s3").get_object(**source)["Body"].read().decode()
            sqs = boto3.client("sqs")
            url = sqs.get_queue_url(QueueName=os.environ["QUEUE"])["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=text)
        """,
        Environment={"Variables": {"QUEUE": calls}},
    )
    bucket = f"events-{uuid.uuid4()}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {
                    "LambdaFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
                    "Events": ["s3:ObjectCreated:*"],
                }
            ]
        },
    )
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"content")
    (message,) = messages(client, calls)
    assert message["Body"] == "content"


def test_a_topic_and_an_event_invoke_a_function(client: Clients, create: Create) -> None:
    calls, _ = create_queue(client)
    name = create(SENDER, Environment={"Variables": {"QUEUE": calls}})
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    client("sns").publish(TopicArn=topic, Message="from SNS")
    events = client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    events.put_events(Entries=[{"Source": name, "DetailType": "t", "Detail": '{"from": "rule"}'}])
    received = [json.loads(message["Body"])[0] for message in messages(client, calls, 2)]
    (notification,) = (event for event in received if "Records" in event)
    assert notification["Records"][0]["Sns"]["Message"] == "from SNS"
    (event,) = (event for event in received if "detail" in event)
    assert event["detail"] == {"from": "rule"}
