"""Records which AWS actions each function calls, to compare them with the function's role.

In the local cloud, a function's access key is its name, so every signed request names its caller.
Actions and resources are those that IAM checks, according to
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/_local-cloud/calls"

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")

_READ_LIMIT: Final = 10_000_000
"""Longer bodies are not read; the bodies that name resources are far shorter."""

_PUBLIC: Final = "/aws/service/"

_ACCOUNT: Final = "123456789012"

_INVOKE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")

_TRANSACTION_ACTIONS: Final = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
"""The permission that each part of a transaction requires.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""


@dataclass(frozen=True, order=True)
class Call:
    """An action on a resource.

    Attributes
    ----------
    caller
        Access key of the request, which is the function's name.
    action
        The name used in policies, such as `s3:GetObject`.
    resource
        ARN of the resource; `*` if the action has no resource.
    """

    caller: str
    action: str
    resource: str


class Recorder:
    """Passes on all requests and records their calls; answers `PATH` with the calls as JSON."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._calls: set[Call] = set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ.get("PATH_INFO") == PATH:
            return self._respond(start_response)
        found = set(calls_of(environ))
        if not found <= self._calls:
            with self._lock:
                self._calls |= found
        return self._application(environ, start_response)

    def _respond(self, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            calls = sorted(self._calls)
        content = json.dumps([asdict(call) for call in calls]).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        start_response("200 OK", headers)
        return [content]


def calls_of(environ: WSGIEnvironment) -> Iterator[Call]:
    """Yield the calls of a request; none if it is not signed or if its service is not supported.

    If the body must be read, it is replaced, so that the application can read it again.
    """
    signed = _CREDENTIAL.search(str(environ.get("HTTP_AUTHORIZATION", "")))
    if signed is None:
        return
    caller, region, service = signed.groups()
    if service == "s3":
        for action, resource in _of_s3(environ):
            yield Call(caller, f"s3:{action}", resource)
        return
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        parameters = json.loads(_body(environ) or b"{}")
        for action, resource in _of_json(service, region, target.rpartition(".")[2], parameters):
            yield Call(caller, f"{service}:{action}", resource)
    elif invoked := _INVOKE.fullmatch(unquote(str(environ.get("PATH_INFO", "")))):
        yield Call(caller, "lambda:InvokeFunction", invoked[1])
    elif "form" in str(environ.get("CONTENT_TYPE", "")):
        form = parse_qs(_body(environ).decode("utf-8", "replace"))
        resource = next(iter(form.get("TopicArn", form.get("QueueUrl", ["*"]))))
        yield Call(caller, f"{service}:{form.get('Action', ['?'])[0]}", resource)


def _of_json(
    service: str, region: str, action: str, parameters: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield action and resource of a request in AWS's JSON protocol."""
    arn = f"arn:aws:{service}:{region}:{_ACCOUNT}:"
    match service:
        case "ssm":
            path = parameters.get("Path") or parameters.get("Name") or "*"
            for name in parameters.get("Names", [path]):
                account = "" if str(name).startswith(_PUBLIC) else _ACCOUNT
                yield action, f"arn:aws:ssm:{region}:{account}:parameter{str(name).rstrip('/')}"
        case "dynamodb":
            # A transaction requires only the permissions of its parts.
            for item in parameters.get("TransactItems", []):
                for name, part in item.items():
                    yield _TRANSACTION_ACTIONS[name], f"{arn}table/{part['TableName']}"
            for name in {*parameters.get("RequestItems", {}), parameters.get("TableName")} - {None}:
                index = f"/index/{parameters['IndexName']}" if parameters.get("IndexName") else ""
                yield action, f"{arn}table/{name}{index}"
        case "sqs" if "QueueUrl" in parameters:
            yield action, f"{arn}{parameters['QueueUrl'].rpartition('/')[2]}"
        case _:
            yield action, str(parameters.get("FunctionName") or parameters.get("TopicArn") or "*")


def _of_s3(environ: WSGIEnvironment) -> Iterator[tuple[str, str]]:
    """Yield action and resource of a request to S3."""
    host, _, _ = str(environ.get("HTTP_HOST", "")).partition(":")
    path = unquote(str(environ.get("PATH_INFO", ""))).lstrip("/")
    if host.endswith(".localhost"):
        bucket, key = host.removesuffix(".localhost"), path
    else:
        bucket, _, key = path.partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    method = str(environ["REQUEST_METHOD"])
    if key:
        if method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
            source = unquote(str(environ["HTTP_X_AMZ_COPY_SOURCE"])).lstrip("/")
            yield "GetObject", f"arn:aws:s3:::{source.partition('?')[0]}"
        yield _object_action(method, query), f"{arn}/{key}"
    elif method == "POST" and "delete" in query:
        root = ElementTree.fromstring(_body(environ))  # noqa: S314 - from our own functions
        for entry in root.iter():
            if entry.tag.rpartition("}")[2] == "Key":
                yield "DeleteObject", f"{arn}/{entry.text}"
    elif method in ("GET", "HEAD"):
        yield _bucket_action(query), arn
    else:
        yield f"{method.title()}Bucket", arn


def _object_action(method: str, query: Mapping[str, object]) -> str:
    if method == "DELETE":
        return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
    if method in ("PUT", "POST"):
        return "PutObject"
    return "GetObjectVersion" if "versionId" in query else "GetObject"


def _bucket_action(query: Mapping[str, object]) -> str:
    actions = {
        "location": "GetBucketLocation",
        "versioning": "GetBucketVersioning",
        "versions": "ListBucketVersions",
    }
    return next((action for name, action in actions.items() if name in query), "ListBucket")


def _body(environ: WSGIEnvironment) -> bytes:
    """Read the body and replace it, so that it can be read again; empty if it is too long."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > _READ_LIMIT:
        return b""
    content: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(content)
    return content
