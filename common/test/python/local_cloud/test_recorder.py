"""The recorder identifies the calls in requests of real clients."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.recorder import Call, calls_of

REGION = "eu-west-1"

type Style = Literal["path", "virtual"]


class NotSentError(Exception):
    """Raised instead of sending a request."""


def recorded(
    service: str, operation: str, parameters: Mapping[str, Any], style: Style = "path"
) -> set[Call]:
    """Return the calls that the recorder finds in a request of boto3."""
    client = boto3.client(  # type: ignore[call-overload]  # any service
        service,
        endpoint_url="http://localhost:4566",
        region_name=REGION,
        aws_access_key_id="reader",
        aws_secret_access_key="none",  # noqa: S106 - not a real key
        config=Config(s3={"addressing_style": style}, retries={"total_max_attempts": 1}),
    )
    environs: list[dict[str, Any]] = []

    def capture(request: Any, **_: object) -> None:  # noqa: ANN401 - from botocore
        environs.append(environ_of(request))
        raise NotSentError

    client.meta.events.register("before-send", capture)
    with contextlib.suppress(NotSentError, BotoCoreError, ClientError):
        getattr(client, operation)(**parameters)
    return set(calls_of(environs[0]))


def environ_of(request: Any) -> dict[str, Any]:  # noqa: ANN401 - from botocore
    _, _, host, *rest = request.url.split("/", 3)
    path, _, query = "".join(rest).partition("?")
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else body
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value.decode()
        if isinstance(value, bytes)
        else value
        for name, value in request.headers.items()
    }
    return {
        **headers,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "HTTP_HOST": host,
        "PATH_INFO": f"/{path}",
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.method,
        "wsgi.input": io.BytesIO(body),
    }


OBJECT = {"Bucket": "data", "Key": "raw/a b"}
S3 = [
    ("get_object", OBJECT, ["GetObject arn:aws:s3:::data/raw/a b"]),
    ("get_object", {**OBJECT, "VersionId": "1"}, ["GetObjectVersion arn:aws:s3:::data/raw/a b"]),
    ("head_object", OBJECT, ["GetObject arn:aws:s3:::data/raw/a b"]),
    ("put_object", {**OBJECT, "Body": b"x"}, ["PutObject arn:aws:s3:::data/raw/a b"]),
    ("delete_object", OBJECT, ["DeleteObject arn:aws:s3:::data/raw/a b"]),
    ("create_multipart_upload", OBJECT, ["PutObject arn:aws:s3:::data/raw/a b"]),
    (
        "abort_multipart_upload",
        {**OBJECT, "UploadId": "1"},
        ["AbortMultipartUpload arn:aws:s3:::data/raw/a b"],
    ),
    (
        "copy_object",
        {**OBJECT, "CopySource": {"Bucket": "other", "Key": "from"}},
        ["GetObject arn:aws:s3:::other/from", "PutObject arn:aws:s3:::data/raw/a b"],
    ),
    (
        "delete_objects",
        {"Bucket": "data", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2"}]}},
        ["DeleteObject arn:aws:s3:::data/1", "DeleteObject arn:aws:s3:::data/2"],
    ),
    ("list_objects_v2", {"Bucket": "data"}, ["ListBucket arn:aws:s3:::data"]),
    ("head_bucket", {"Bucket": "data"}, ["ListBucket arn:aws:s3:::data"]),
    ("list_object_versions", {"Bucket": "data"}, ["ListBucketVersions arn:aws:s3:::data"]),
    ("get_bucket_versioning", {"Bucket": "data"}, ["GetBucketVersioning arn:aws:s3:::data"]),
]


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize(("operation", "parameters", "expected"), S3)
def test_s3(
    operation: str, parameters: dict[str, Any], expected: Iterable[str], style: Style
) -> None:
    calls = recorded("s3", operation, parameters, style)
    assert {f"{call.action} {call.resource}" for call in calls} == {
        f"s3:{call}" for call in expected
    }
    assert {call.caller for call in calls} == {"reader"}


def test_ssm() -> None:
    public = "/aws/service/global-infrastructure/regions"
    arn = f"arn:aws:ssm:{REGION}::parameter{public}"
    by_path = recorded("ssm", "get_parameters_by_path", {"Path": public})
    assert by_path == {Call("reader", "ssm:GetParametersByPath", arn)}
    by_name = recorded("ssm", "get_parameters", {"Names": [f"{public}/a", f"{public}/b"]})
    assert by_name == {Call("reader", "ssm:GetParameters", f"{arn}/{name}") for name in "ab"}


def test_dynamodb() -> None:
    table = f"arn:aws:dynamodb:{REGION}:123456789012:table/Patches"
    item = {"Item": {"id": {"S": "1"}}, "TableName": "Patches"}
    assert recorded("dynamodb", "put_item", item) == {Call("reader", "dynamodb:PutItem", table)}
    query = {"TableName": "Patches", "IndexName": "ByDay", "KeyConditionExpression": "a = b"}
    assert recorded("dynamodb", "query", query) == {
        Call("reader", "dynamodb:Query", f"{table}/index/ByDay")
    }
    batch = {"RequestItems": {"Patches": [{"PutRequest": {"Item": item["Item"]}}]}}
    assert recorded("dynamodb", "batch_write_item", batch) == {
        Call("reader", "dynamodb:BatchWriteItem", table)
    }


def test_a_transaction_requires_the_permissions_of_its_parts() -> None:
    table = f"arn:aws:dynamodb:{REGION}:123456789012:table/"
    key: dict[str, Any] = {"Key": {"id": {"S": "1"}}, "TableName": "Patches"}
    items = [
        {"Put": {"Item": key["Key"], "TableName": "Mails"}},
        {"Update": {**key, "UpdateExpression": "SET a = b"}},
        {"ConditionCheck": {**key, "ConditionExpression": "a = b"}},
        {"Delete": key},
    ]
    assert recorded("dynamodb", "transact_write_items", {"TransactItems": items}) == {
        Call("reader", "dynamodb:PutItem", f"{table}Mails"),
        Call("reader", "dynamodb:UpdateItem", f"{table}Patches"),
        Call("reader", "dynamodb:ConditionCheckItem", f"{table}Patches"),
        Call("reader", "dynamodb:DeleteItem", f"{table}Patches"),
    }


def test_lambda_and_sqs() -> None:
    function = f"arn:aws:lambda:{REGION}:123456789012:function:next:live"
    assert recorded("lambda", "invoke", {"FunctionName": function, "Payload": b"{}"}) == {
        Call("reader", "lambda:InvokeFunction", function)
    }
    message = {"QueueUrl": "http://localhost:4566/123456789012/failed", "MessageBody": "m"}
    assert recorded("sqs", "send_message", message) == {
        Call("reader", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:123456789012:failed")
    }


def test_sns() -> None:
    topic = f"arn:aws:sns:{REGION}:123456789012:alarms"
    assert recorded("sns", "publish", {"TopicArn": topic, "Message": "m"}) == {
        Call("reader", "sns:Publish", topic)
    }


def test_unsigned_requests_are_not_recorded() -> None:
    assert list(calls_of({"REQUEST_METHOD": "GET", "PATH_INFO": "/data"})) == []
