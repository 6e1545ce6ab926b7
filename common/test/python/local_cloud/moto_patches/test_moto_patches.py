"""With each patch, the local cloud behaves like AWS; moto without patches still does not."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.config import default_user_config

from local_cloud import moto_patches

REGION = "us-east-1"

ACCOUNT = "123456789012"

type Clients = Callable[[str], Any]


def clients_at(url: str) -> Clients:
    config = Config(retries={"total_max_attempts": 1})
    return lambda service: boto3.client(
        service, endpoint_url=url, region_name=REGION, config=config
    )  # type: ignore[call-overload]  # any service


def name(prefix: str = "patch") -> str:
    return f"{prefix}-{uuid.uuid4()}"


def function_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("function.py", "def handler(event, context): return event")
    return content.getvalue()


def create_function(client: Clients, **settings: Any) -> dict[str, Any]:  # noqa: ANN401  # from the API
    role = client("iam").create_role(RoleName=name()[:60], AssumeRolePolicyDocument="{}")
    created: dict[str, Any] = client("lambda").create_function(
        **{
            "FunctionName": name(),
            "Runtime": "python3.12",
            "Handler": "function.handler",
            "Role": role["Role"]["Arn"],
            "Code": {"ZipFile": function_zip()},
            **settings,
        }
    )
    return created


def create_state_machine(client: Clients, *, seconds: int = 0, timeout: int = 60) -> str:
    """Create a state machine that waits and then succeeds; returns its ARN."""
    definition = {
        "StartAt": "Wait",
        "TimeoutSeconds": timeout,
        "States": {
            "Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Done"},
            "Done": {"Type": "Pass", "End": True},
        },
    }
    role = f"arn:aws:iam::{ACCOUNT}:role/any"
    created = client("stepfunctions").create_state_machine(
        name=name(), definition=json.dumps(definition), roleArn=role, publish=True
    )
    return str(created["stateMachineArn"])


def wait_until_ended(client: Clients, execution: str) -> dict[str, Any]:
    """Wait until an execution has ended; returns its description."""
    deadline = time.monotonic() + 60
    while True:
        described: dict[str, Any] = client("stepfunctions").describe_execution(
            executionArn=execution
        )
        if described["status"] != "RUNNING":
            return described
        assert time.monotonic() < deadline, "the execution does not end"
        time.sleep(0.05)


def a_named_query_can_be_deleted(client: Clients) -> None:
    athena = client("athena")
    query = athena.create_named_query(Name="q", Database="d", QueryString="select 1")
    athena.delete_named_query(NamedQueryId=query["NamedQueryId"])
    assert query["NamedQueryId"] not in athena.list_named_queries()["NamedQueryIds"]


def a_failed_transaction_undoes_only_its_own_writes(client: Clients) -> None:
    table, dynamodb = name(), client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    text = {"S": "x"}
    for start in range(0, 1000, 25):
        puts = [{"PutRequest": {"Item": {"id": {"S": f"{start + n}"}}}} for n in range(25)]
        dynamodb.batch_write_item(RequestItems={table: puts})
    put = {"TableName": table, "Item": {"id": {"S": "kept"}}}
    check = {
        "TableName": table,
        "Key": {"id": {"S": "0"}},
        "ConditionExpression": "attribute_exists(nothing)",
    }
    change = {
        "TableName": table,
        "Key": {"id": {"S": "1"}},
        "UpdateExpression": "SET a = :a",
        "ExpressionAttributeValues": {":a": text},
    }
    done = threading.Event()
    errors: set[str] = set()

    def fail_repeatedly() -> None:
        while not done.is_set():
            try:
                dynamodb.transact_write_items(
                    TransactItems=[{"Put": put}, {"Update": change}, {"ConditionCheck": check}]
                )
            except ClientError as error:
                errors.add(error.response["Error"]["Code"])

    thread = threading.Thread(target=fail_repeatedly)
    thread.start()
    try:
        for number in range(50):
            dynamodb.put_item(TableName=table, Item={"id": {"S": f"other-{number}"}})
    finally:
        done.set()
        thread.join()
    assert errors == {"TransactionCanceledException"}
    found = dynamodb.scan(TableName=table)["Items"]
    ids = {item["id"]["S"] for item in found}
    assert {f"other-{number}" for number in range(50)} <= ids
    assert "kept" not in ids
    assert not any("a" in item for item in found)


def events_start_state_machines(client: Clients) -> None:
    arn = create_state_machine(client)
    rule, source = name(), name()
    events = client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(
        Rule=rule,
        Targets=[
            {"Id": "1", "Arn": arn, "Input": '{"daily": true}'},
            {"Id": "2", "Arn": arn, "InputTransformer": {"InputTemplate": '{"fixed": 1}'}},
            {"Id": "3", "Arn": arn, "InputPath": "$.detail"},
            {"Id": "4", "Arn": arn},
        ],
    )
    entry = {"Source": source, "DetailType": "t", "Detail": '{"a": 1}'}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    executions = client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    inputs = [
        json.loads(wait_until_ended(client, execution["executionArn"])["input"])
        for execution in executions
    ]
    assert {"daily": True} in inputs
    assert {"fixed": 1} in inputs
    assert {"a": 1} in inputs
    (event,) = [given for given in inputs if "detail" in given]
    assert (event["source"], event["detail"]) == (source, {"a": 1})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])


def a_second_invoke_config_replaces_the_first(client: Clients) -> None:
    created = create_function(client)
    for retries in (2, 0):
        client("lambda").put_function_event_invoke_config(
            FunctionName=created["FunctionName"], MaximumRetryAttempts=retries
        )
    config = client("lambda").get_function_event_invoke_config(FunctionName=created["FunctionName"])
    assert config["MaximumRetryAttempts"] == 0


def a_mapping_keeps_the_alias_it_was_created_with(client: Clients) -> None:
    created = create_function(client, Publish=True)
    alias = client("lambda").create_alias(
        FunctionName=created["FunctionName"], Name="live", FunctionVersion="1"
    )["AliasArn"]
    client("sqs").create_queue(QueueName=(queue := name()))
    mapping = client("lambda").create_event_source_mapping(
        FunctionName=alias, EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
    )
    found = client("lambda").get_event_source_mapping(UUID=mapping["UUID"])
    assert mapping["FunctionArn"] == found["FunctionArn"] == alias


def a_function_keeps_its_settings(client: Clients) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dlq"
    created = create_function(
        client,
        DeadLetterConfig={"TargetArn": queue},
        LoggingConfig={"LogFormat": "JSON"},
        TracingConfig={"Mode": "Active"},
        EphemeralStorage={"Size": 1024},
    )
    assert created["DeadLetterConfig"] == {"TargetArn": queue}
    assert created["LoggingConfig"]["LogFormat"] == "JSON"
    assert created["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{created['FunctionName']}"
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/other"
    client("lambda").update_function_configuration(
        FunctionName=created["FunctionName"],
        TracingConfig={"Mode": "PassThrough"},
        EphemeralStorage={"Size": 2048},
        KMSKeyArn=key,
    )
    found = client("lambda").get_function_configuration(FunctionName=created["FunctionName"])
    assert found["TracingConfig"] == {"Mode": "PassThrough"}
    assert found["EphemeralStorage"] == {"Size": 2048}
    assert found["KMSKeyArn"] == key
    assert found["DeadLetterConfig"] == {"TargetArn": queue}


def a_condition_limits_a_policy(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=(bucket := name()))
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": insecure}]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    # The policy is returned unchanged. Without the condition, it denies the request.
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    policy["Statement"] = [statement]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="403"):
        s3.get_object(Bucket=bucket, Key="k")


def versions_begin_after_a_key(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=(bucket := name()))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "a", "c", "c", "d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for marker, expected in (("", "aaccd"), ("a", "ccd"), ("b", "ccd"), ("c", "d"), ("d", "")):
        found = s3.list_object_versions(Bucket=bucket, KeyMarker=marker).get("Versions", [])
        assert "".join(version["Key"] for version in found) == expected


def a_versioned_bucket_can_be_emptied(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=(bucket := name()))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="k")
    listed = s3.list_object_versions(Bucket=bucket)
    entries = [*listed["Versions"], *listed["DeleteMarkers"]]
    assert len(entries) == 2
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    deleted = s3.delete_objects(
        Bucket=bucket,
        Delete={"Objects": [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries]},
    )
    assert "Errors" not in deleted
    s3.delete_bucket(Bucket=bucket)


def one_conditional_write_wins(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=(bucket := name()))

    def put(**options: Any) -> bool:  # noqa: ANN401  # from the API
        try:
            s3.put_object(Bucket=bucket, **options)
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return False
        return True

    def add(_: int) -> None:
        done = False
        while not done:
            found = s3.get_object(Bucket=bucket, Key="counter")
            body = b"%d" % (int(found["Body"].read()) + 1)
            done = put(Key="counter", Body=body, IfMatch=found["ETag"])

    with ThreadPoolExecutor(8) as threads:
        for key in ("a", "b", "c", "d"):
            attempts = [threads.submit(put, Key=key, IfNoneMatch="*") for _ in range(16)]
            assert sum(attempt.result() for attempt in attempts) == 1
        put(Key="counter", Body=b"0")
        list(threads.map(add, range(40)))
    assert s3.get_object(Bucket=bucket, Key="counter")["Body"].read() == b"40"


def a_reader_sees_metadata_with_its_object(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=(bucket := name()))

    def write(number: int) -> None:
        text = f"{number}"
        s3.put_object(Bucket=bucket, Key="k", Body=text.encode(), Metadata={"text": text})

    def read(_: int) -> tuple[str, str | None]:
        found = s3.get_object(Bucket=bucket, Key="k")
        return found["Body"].read().decode(), found["Metadata"].get("text")

    write(0)
    with ThreadPoolExecutor(8) as threads:
        written = [threads.submit(write, number) for number in range(150)]
        assert all(body == text for body, text in threads.map(read, range(150)))
        assert all(future.result() is None for future in written)


def a_queue_keeps_its_policies(client: Clients) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    allow = '{"redrivePermission":"denyAll"}'
    policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*"}]}'
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": allow})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["Policy"], found["RedriveAllowPolicy"]) == (policy, allow)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": "", "RedriveAllowPolicy": ""})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert not {"Policy", "RedriveAllowPolicy"} & found.keys()


def a_history_has_pages_and_can_be_reversed(client: Clients) -> None:
    sfn = client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=create_state_machine(client), name=name())[
        "executionArn"
    ]
    wait_until_ended(client, execution)
    forward = sfn.get_execution_history(executionArn=execution)["events"]
    backward = sfn.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
    assert forward[0]["type"] == "ExecutionStarted"
    assert backward == forward[::-1]
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=execution, PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["events"]) for page in pages]
    assert sizes[0] == 2
    assert sum(sizes) == len(forward)


def executions_have_names(client: Clients) -> None:
    sfn = client("stepfunctions")
    arn = create_state_machine(client)
    first, second = (sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2))
    assert first != second
    with pytest.raises(ClientError, match="InvalidName"):
        sfn.start_execution(stateMachineArn=arn, name="a name")


def a_path_returns_a_single_value(client: Clients) -> None:
    paths = {
        "$.a[1].b": 2,
        "$.a[1]": {"b": 2},
        "$.a[0].c[0].d": 3,
        "$.single[*].b": [4],
        "$.single[0:1].b": [4],
        "$.a[*].b": [1, 2],
    }
    definition = {
        "StartAt": "Pass",
        "States": {
            "Pass": {
                "Type": "Pass",
                "Parameters": {f"{number}.$": path for number, path in enumerate(paths)},
                "End": True,
            }
        },
    }
    sfn = client("stepfunctions")
    arn = sfn.create_state_machine(
        name=name(), definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT}:role/any"
    )["stateMachineArn"]
    event = {"a": [{"b": 1, "c": [{"d": 3}]}, {"b": 2}], "single": [{"b": 4}]}
    started = sfn.start_execution(stateMachineArn=arn, name=name(), input=json.dumps(event))
    output = json.loads(wait_until_ended(client, started["executionArn"])["output"])
    assert [output[str(number)] for number in range(len(paths))] == list(paths.values())


def a_stop_has_an_error_and_a_cause(client: Clients) -> None:
    sfn = client("stepfunctions")
    arn = create_state_machine(client, seconds=30)
    execution = sfn.start_execution(stateMachineArn=arn, name=name())["executionArn"]
    assert wait_for_history(client, execution)
    sfn.stop_execution(executionArn=execution, error="Enough", cause="by hand")
    described = wait_until_ended(client, execution)
    assert described["status"] == "ABORTED"
    assert (described["error"], described["cause"]) == ("Enough", "by hand")
    sfn.stop_execution(executionArn=execution, error="Again", cause="too late")
    assert sfn.describe_execution(executionArn=execution)["error"] == "Enough"
    done = sfn.start_execution(stateMachineArn=create_state_machine(client), name=name())[
        "executionArn"
    ]
    wait_until_ended(client, done)
    sfn.stop_execution(executionArn=done, error="Again", cause="too late")
    described = wait_until_ended(client, done)
    assert described["status"] == "SUCCEEDED"
    assert "error" not in described


def a_stopped_execution_does_not_fail(client: Clients) -> None:
    """Stop executions at different times; their states follow each other without a pause."""
    sfn = client("stepfunctions")
    states = {
        "List": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues",
            "Parameters": {"QueueNamePrefix.$": "$$.State.Name"},
            "ResultPath": "$.found",
            "Next": "Repeat",
        },
        "Repeat": {"Type": "Pass", "Next": "List"},
    }
    arn = sfn.create_state_machine(
        name=name(),
        definition=json.dumps({"StartAt": "List", "TimeoutSeconds": 60, "States": states}),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
    )["stateMachineArn"]
    for moment in range(15):
        execution = sfn.start_execution(stateMachineArn=arn, name=name(), input="{}")
        assert wait_for_history(client, execution["executionArn"])
        time.sleep(moment / 50)
        sfn.stop_execution(executionArn=execution["executionArn"])
        assert wait_until_ended(client, execution["executionArn"])["status"] == "ABORTED"


def wait_for_history(client: Clients, execution: str) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if client("stepfunctions").get_execution_history(executionArn=execution)["events"]:
            return True
        time.sleep(0.02)
    return False


def an_execution_that_timed_out_has_a_stop_date(client: Clients) -> None:
    sfn = client("stepfunctions")
    arn = create_state_machine(client, seconds=30, timeout=1)
    execution = sfn.start_execution(stateMachineArn=arn, name=name())["executionArn"]
    described = wait_until_ended(client, execution)
    assert described["status"] == "TIMED_OUT"
    assert described["stopDate"] >= described["startDate"]
    (listed,) = sfn.list_executions(stateMachineArn=arn)["executions"]
    assert listed["stopDate"] == described["stopDate"]


def a_definition_can_be_checked(client: Clients) -> None:
    sfn = client("stepfunctions")
    good = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    assert sfn.validate_state_machine_definition(definition=json.dumps(good))["result"] == "OK"
    bad = sfn.validate_state_machine_definition(definition='{"StartAt": "A"}')
    assert bad["result"] == "FAIL"
    assert bad["diagnostics"][0]["severity"] == "ERROR"


def versions_are_listed(client: Clients) -> None:
    sfn = client("stepfunctions")
    arn = create_state_machine(client)
    sfn.update_state_machine(stateMachineArn=arn, roleArn="arn:aws:iam::1:role/b", publish=True)
    found = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [version["stateMachineVersionArn"] for version in found] == [f"{arn}:2", f"{arn}:1"]


def concurrent_first_requests_get_the_complete_tree(client: Clients) -> None:
    # No other test uses this region, so these are its first requests.
    meta = client("ssm").meta
    ssm = boto3.client(
        "ssm",
        endpoint_url=meta.endpoint_url,
        region_name="eu-central-2",
        config=meta.config,
    )
    root = "/aws/service/global-infrastructure"
    paths = [f"{root}/regions", f"{root}/services"] * 4

    def count(path: str) -> int:
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path)
        return sum(len(page["Parameters"]) for page in pages)

    with ThreadPoolExecutor(len(paths)) as pool:
        counts = list(pool.map(count, paths))
    assert counts == [39, 404] * 4


def map_over(
    client: Clients,
    items: list[Any],
    child: dict[str, Any] | None = None,
    **settings: Any,  # noqa: ANN401  # from the definition
) -> dict[str, Any]:
    """Run a distributed map over items; returns the description of the execution."""
    child = child or {"Type": "Pass", "End": True}
    execution_type = settings.pop("execution_type", "STANDARD")
    definition = {
        "StartAt": "All",
        "TimeoutSeconds": 20,
        "States": {
            "All": {
                "Type": "Map",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
                    "StartAt": "Child",
                    "States": {"Child": child},
                },
                "MaxConcurrency": 2,
                "End": True,
                **settings,
            }
        },
    }
    sfn = client("stepfunctions")
    arn = sfn.create_state_machine(
        name=name(),
        definition=json.dumps(definition),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
    )["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn, name=name(), input=json.dumps(items))[
        "executionArn"
    ]
    return wait_until_ended(client, execution)


def children_may_be_express(client: Clients) -> None:
    described = map_over(client, [1, 2, 3], execution_type="EXPRESS")
    assert described["status"] == "SUCCEEDED"
    assert sorted(json.loads(described["output"])) == [1, 2, 3]


def a_percentage_may_be_an_integer(client: Clients) -> None:
    assert map_over(client, [1], ToleratedFailurePercentage=5)["status"] == "SUCCEEDED"


def children_get_batches(client: Clients) -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"fixed": 1, "first.$": "$[0]"}}
    described = map_over(client, [1, 2, 3], ItemBatcher=batcher)
    shared = {"fixed": 1, "first": 1}
    found = sorted(json.loads(described["output"]), key=lambda batch: -len(batch["Items"]))
    assert found == [{"BatchInput": shared, "Items": [1, 2]}, {"BatchInput": shared, "Items": [3]}]
    by_size = map_over(client, ["x" * 40] * 5, ItemBatcher={"MaxInputBytesPerBatch": 100})
    sizes = sorted(len(batch["Items"]) for batch in json.loads(by_size["output"]))
    assert sizes == [1, 2, 2]


def a_map_fails_if_too_many_children_fail(client: Clients) -> None:
    fail = {"Type": "Fail", "Error": "Failed", "Cause": "as intended"}
    child = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericLessThan": 2, "Next": "Bad"}],
        "Default": "Good",
    }
    states = {"Child": child, "Bad": fail, "Good": {"Type": "Succeed"}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, "StartAt": "Child", "States": states}

    def result(**tolerated: Any) -> str:  # noqa: ANN401  # from the definition
        described = map_over(client, [1, 2, 3, 4], ItemProcessor=processor, **tolerated)
        return str(described.get("error", described["status"]))

    exceeded = "States.ExceedToleratedFailureThreshold"
    assert result() == exceeded
    assert result(ToleratedFailureCount=1) == "SUCCEEDED"
    assert result(ToleratedFailurePercentage=25.0) == "SUCCEEDED"
    assert result(ToleratedFailurePercentage=24.9) == exceeded
    assert result(ToleratedFailureCount=1, ToleratedFailurePercentage=10.0) == exceeded


def a_listing_has_all_objects(client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=(bucket := name()))
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x")
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": bucket, "MaxKeys": 2},
    }
    described = map_over(client, [], ItemReader=reader)
    found = sorted(json.loads(described["output"]), key=lambda item: str(item["Key"]))
    assert [item["Key"] for item in found] == ["k0", "k1", "k2"]
    assert found[0].keys() == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert abs(found[0]["LastModified"] - time.time()) < 600


def an_alarm_publishes_to_its_topics(client: Clients) -> None:
    topic = client("sns").create_topic(Name=name())["TopicArn"]
    queue = client("sqs").create_queue(QueueName=name())["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
    alarm = name("alarm-with-a-name-that-is-too-long-for-the-subject-of-a-message-that-sns-accepts")
    client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        AlarmActions=[topic],
        Namespace="Any",
        MetricName="Any",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=300,
        Statistic="Sum",
        Threshold=1,
    )
    # A state that does not change and states without actions publish nothing.
    for state in ("OK", "ALARM", "ALARM", "OK", "ALARM"):
        client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="why")
    answer = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    published = [
        json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])
    ]
    changes = [
        (change["AlarmName"], change["NewStateValue"], change["NewStateReason"])
        for change in published
    ]
    assert changes == [(alarm, "ALARM", "why")] * 2


CHECKS = {
    moto_patches.athena.delete_named_query: [a_named_query_can_be_deleted],
    moto_patches.cloudwatch.alarms_publish_to_topics: [an_alarm_publishes_to_its_topics],
    moto_patches.distributed_map.item_batches: [children_get_batches],
    moto_patches.distributed_map.express_children: [children_may_be_express],
    moto_patches.distributed_map.failure_thresholds: [a_map_fails_if_too_many_children_fail],
    moto_patches.distributed_map.complete_listings: [a_listing_has_all_objects],
    moto_patches.distributed_map.integer_percentages: [a_percentage_may_be_an_integer],
    moto_patches.dynamodb.failed_transactions_undo_only_their_writes: [
        a_failed_transaction_undoes_only_its_own_writes
    ],
    moto_patches.events.run_targets: [events_start_state_machines],
    moto_patches.lambda_.event_invoke_config_is_replaced: [
        a_second_invoke_config_replaces_the_first
    ],
    moto_patches.lambda_.event_source_mapping_keeps_its_function: [
        a_mapping_keeps_the_alias_it_was_created_with
    ],
    moto_patches.lambda_.settings_are_kept: [a_function_keeps_its_settings],
    moto_patches.s3.conditions_of_bucket_policies: [a_condition_limits_a_policy],
    moto_patches.s3.delete_markers_can_be_removed: [a_versioned_bucket_can_be_emptied],
    moto_patches.s3.requests_for_a_key_run_in_sequence: [
        one_conditional_write_wins,
        a_reader_sees_metadata_with_its_object,
    ],
    moto_patches.s3.versions_after_key_marker: [versions_begin_after_a_key],
    moto_patches.sqs.policies_are_kept: [a_queue_keeps_its_policies],
    moto_patches.ssm.public_parameters_are_complete: [
        concurrent_first_requests_get_the_complete_tree
    ],
    moto_patches.stepfunctions.stop_date_after_timeout: [
        an_execution_that_timed_out_has_a_stop_date
    ],
    moto_patches.stepfunctions.history_pages: [a_history_has_pages_and_can_be_reversed],
    moto_patches.stepfunctions.execution_names: [executions_have_names],
    moto_patches.stepfunctions.paths_to_single_values: [a_path_returns_a_single_value],
    moto_patches.stepfunctions.error_and_cause_of_stop: [a_stop_has_an_error_and_a_cause],
    moto_patches.stepfunctions.stopped_executions_are_aborted: [a_stopped_execution_does_not_fail],
    moto_patches.stepfunctions.validate_definition: [a_definition_can_be_checked],
    moto_patches.stepfunctions.versions: [versions_are_listed],
}

ALL = [check for checks in CHECKS.values() for check in checks]


@pytest.fixture
def plain(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """Clients of moto without patches, with its interpreter of state machines."""
    monkeypatch.setenv("MOTO_PORT", str(urlsplit(moto_server).port))
    monkeypatch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
    return clients_at(moto_server)


def test_each_patch_is_checked_and_explained() -> None:
    page = (Path(__file__).parents[5] / "docs/local-cloud.md").read_text(encoding="utf-8")
    patches = [patch for of_service in moto_patches.PATCHES.values() for patch in of_service]
    assert set(CHECKS) == set(patches)
    for patch in patches:
        assert patch.__doc__ is not None
        assert "https://docs.aws.amazon.com/" in patch.__doc__
        assert "moto" in patch.__doc__
        name = f"{patch.__module__.rpartition('.')[2]}.{patch.__name__}"
        assert f"| `{name}` | {patch.__doc__.splitlines()[0]} |\n" in page


def test_a_service_is_patched_without_importing_the_others() -> None:
    program = (
        "import sys; from local_cloud import moto_patches; moto_patches.apply('s3'); "
        "print(*sorted(name for name in sys.modules if name.count('.') == 1 and "
        "name.startswith('moto.')))"
    )
    result = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "moto.s3" in result.stdout.split()
    assert not {"moto.ec2", "moto.ssm", "moto.stepfunctions"} & set(result.stdout.split())


@pytest.mark.parametrize("check", ALL, ids=lambda check: str(check.__name__))
def test_the_local_cloud_behaves_like_aws(check: Callable[[Clients], None], cloud: str) -> None:
    check(clients_at(cloud))


# moto without patches fails these checks only sometimes, depending on timing.
DEPENDS_ON_TIMING = {
    a_stopped_execution_does_not_fail,
    one_conditional_write_wins,
    a_reader_sees_metadata_with_its_object,
    concurrent_first_requests_get_the_complete_tree,
}


@pytest.mark.parametrize(
    "check",
    [check for check in ALL if check not in DEPENDS_ON_TIMING],
    ids=lambda check: str(check.__name__),
)
def test_the_patch_is_still_needed(check: Callable[[Clients], None], plain: Clients) -> None:
    with pytest.raises((AssertionError, ClientError, KeyError)):
        check(plain)


@pytest.mark.parametrize("has_sort_key", [False, True])
def test_a_failed_transaction_restores_every_kind_of_write(cloud: str, has_sort_key: bool) -> None:
    dynamodb, table = clients_at(cloud)("dynamodb"), name()
    names = ["id", "sort"] if has_sort_key else ["id"]
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(names, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in names],
    )

    def key(text: str) -> dict[str, Any]:
        return {name: {"S": text} for name in names}

    for text in ("updated", "deleted", "replaced", "checked"):
        item = {**key(text), "list": {"L": [{"S": "old"}]}}
        dynamodb.put_item(TableName=table, Item=item)
    before = dynamodb.scan(TableName=table)["Items"]
    update = {
        "Key": key("updated"),
        "UpdateExpression": "SET #l[0] = :new",
        "ExpressionAttributeNames": {"#l": "list"},
        "ExpressionAttributeValues": {":new": {"S": "new"}},
    }
    writes = [
        {"Update": {"TableName": table, **update}},
        {"Delete": {"TableName": table, "Key": key("deleted")}},
        {"Put": {"TableName": table, "Item": key("replaced")}},
        {"Put": {"TableName": table, "Item": key("added")}},
    ]
    check = {"TableName": table, "Key": key("checked")}
    failing = {**check, "ConditionExpression": "attribute_exists(nothing)"}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.transact_write_items(TransactItems=[*writes, {"ConditionCheck": failing}])
    assert dynamodb.scan(TableName=table)["Items"] == before
    with pytest.raises(ClientError, match="multiple operations"):
        dynamodb.transact_write_items(TransactItems=[*writes, writes[0]])
    assert dynamodb.scan(TableName=table)["Items"] == before
    dynamodb.transact_write_items(TransactItems=writes)
    after = {item["id"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}
    assert after.keys() == {"updated", "replaced", "checked", "added"}
    assert after["updated"]["list"] == {"L": [{"S": "new"}]}
