"""Connects moto's Lambda to `LambdaService`, so that every invocation really runs the function."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from local_cloud.lambda_runtime.asynchronous import AsyncInvoker
from local_cloud.lambda_runtime.lambda_service import LambdaService, ThrottledError, payload_of
from local_cloud.moto_patches.replacing import around

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction

LOG_TAIL_BYTES = 4096
"""How much of the log `LogType=Tail` returns at most.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""The largest event of a synchronous invocation.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

MAX_ASYNCHRONOUS_EVENT_BYTES = 1024 * 1024

_asynchronous = ContextVar("asynchronous", default=False)
"""True while one of moto's backends sends an event that AWS would queue."""


def invoke_in_sandboxes(service: LambdaService, invoker: AsyncInvoker) -> None:
    """Let moto run functions in sandboxes instead of in Docker."""
    from moto.awslambda import models
    from moto.awslambda.exceptions import LambdaClientError
    from moto.core import responses

    class TooManyRequestsError(LambdaClientError):
        code = 429

    class RequestEntityTooLargeError(LambdaClientError):
        code = 413

    @around(models.LambdaFunction, "invoke")
    def invoke(
        _: object,
        self: LambdaFunction,
        body: bytes | str,
        request_headers: Mapping[str, str],
        response_headers: dict[str, str],
    ) -> bytes:
        try:
            payload = payload_of(body)
        except ValueError as error:
            raise LambdaClientError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        kind = "Event" if _asynchronous.get() else request_headers.get("x-amz-invocation-type")
        limit = MAX_ASYNCHRONOUS_EVENT_BYTES if kind == "Event" else MAX_EVENT_BYTES
        if len(payload) > limit:
            raise RequestEntityTooLargeError(
                "RequestTooLargeException",
                f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            )
        if kind == "DryRun":
            return b""
        if kind == "Event":
            response_headers["x-amzn-requestid"] = invoker.submit(self, payload)
            return b""
        try:
            outcome = service.invoke(self, payload)
        except ThrottledError as error:
            raise TooManyRequestsError(
                "TooManyRequestsException", f"Rate Exceeded. {error}"
            ) from error
        if outcome.error_type is not None:
            response_headers["x-amz-function-error"] = "Unhandled"
        tail = "\n".join(outcome.log).encode()[-LOG_TAIL_BYTES:]
        response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
        response_headers["x-amz-executed-version"] = "$LATEST"
        return outcome.payload

    # The response to an asynchronous invocation contains the request ID that is in its log.
    @around(responses, "gen_amzn_requestid_long")
    def gen_amzn_requestid_long(
        original: Callable[..., str], headers: dict[str, str] | None = None
    ) -> str:
        return (headers or {}).get("x-amzn-requestid") or original(headers)

    _asynchronous_sources()


def _asynchronous_sources() -> None:
    """Let S3, SNS, EventBridge and CloudWatch Logs invoke functions asynchronously.

    AWS: "services such as Amazon S3 and Amazon SNS invoke functions asynchronously"
    (https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html). moto runs the function
    within the request that caused the event. A function that uses the same object or topic then
    waits for itself.
    """
    from moto.awslambda.models import LambdaBackend
    from moto.events import notifications as events
    from moto.s3 import notifications as s3

    for owner, name in (
        (s3, "_invoke_awslambda"),
        (events, "_invoke_lambda"),
        (LambdaBackend, "send_sns_message"),
        (LambdaBackend, "send_log_event"),
    ):
        around(owner, name)(_as_event)


def _as_event(send: Callable[..., object], *arguments: object, **named: object) -> object:
    token = _asynchronous.set(True)
    try:
        return send(*arguments, **named)
    finally:
        _asynchronous.reset(token)
