"""What the recorder makes of requests that real clients send."""

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
    """Thrown instead of sending a request."""


def recorded(
    service: str, operation: str, parameters: Mapping[str, Any], style: Style = "path"
) -> set[Call]:
    """Let boto3 make a request, and return what the recorder sees in it."""
    client = boto3.client(  # type: ignore[call-overload]  # any service
        service,
        endpoint_url="http://localhost:4566",
        region_name=REGION,
        aws_access_key_id="reader",
        aws_secret_access_key="none",  # noqa: S106 - made up
        config=Config(s3={"addressing_style": style}, retries={"total_max_attempts": 1}),
    )
    found: list[dict[str, Any]] = []

    def keep(request: Any, **_: object) -> None:  # noqa: ANN401 - of botocore
        found.append(environ_of(request))
        raise NotSentError

    client.meta.events.register("before-send", keep)
    with contextlib.suppress(NotSentError, BotoCoreError, ClientError):
        getattr(client, operation)(**parameters)
    return set(calls_of(found[0]))


def environ_of(request: Any) -> dict[str, Any]:  # noqa: ANN401 - of botocore
    _, _, host, *path = request.url.split("/", 3)
    place, _, query = "".join(path).partition("?")
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
        "PATH_INFO": f"/{place}",
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
    found = recorded("s3", operation, parameters, style)
    assert {f"{one.action} {one.resource}" for one in found} == {f"s3:{one}" for one in expected}
    assert {one.caller for one in found} == {"reader"}


def test_ssm() -> None:
    public = "/aws/service/global-infrastructure/regions"
    arn = f"arn:aws:ssm:{REGION}::parameter{public}"
    by_path = recorded("ssm", "get_parameters_by_path", {"Path": public})
    assert by_path == {Call("reader", "ssm:GetParametersByPath", arn)}
    by_name = recorded("ssm", "get_parameters", {"Names": [f"{public}/a", f"{public}/b"]})
    assert by_name == {Call("reader", "ssm:GetParameters", f"{arn}/{one}") for one in "ab"}


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


def test_a_transaction_needs_the_permissions_of_its_parts() -> None:
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


def test_what_lambda_sends_on() -> None:
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


def test_what_is_not_signed_is_nobodys() -> None:
    assert list(calls_of({"REQUEST_METHOD": "GET", "PATH_INFO": "/data"})) == []
