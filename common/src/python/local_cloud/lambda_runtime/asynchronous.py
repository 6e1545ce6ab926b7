"""Asynchronous invocations: queued, retried, and reported to destinations.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html. By default, Lambda
retries a failed invocation twice, after one and two minutes. Throttled attempts are repeated and do
not count as retries. At the end, Lambda sends a record to the destination in the function's event
invoke configuration, and a failed event to the function's dead-letter queue.
"""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from local_cloud.lambda_runtime.lambda_service import LambdaService, ThrottledError
from local_cloud.lambda_runtime.sandbox import Outcome

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction

RETRY_DELAYS_SECONDS = (60.0, 120.0)

THROTTLED_DELAY_SECONDS = 1.0

THREADS = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Event:
    function: LambdaFunction
    payload: bytes
    request_id: str
    failures: int = 0


class AsyncInvoker:
    """Queues events, invokes their functions, and reports the results.

    Parameters
    ----------
    service
        Runs the functions.
    client
        Creates a boto3 client for this local cloud that makes requests as the given function, as
        Lambda does with the function's role: `client("sqs", region, "my-function")`.
    retry_delays
        Seconds before the first and the second retry.
    """

    def __init__(
        self,
        service: LambdaService,
        client: Callable[[str, str, str], Any],
        retry_delays: Sequence[float] = RETRY_DELAYS_SECONDS,
    ) -> None:
        self._service = service
        self._client = client
        self._delays = retry_delays
        self._due: list[tuple[float, int, _Event]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="async-invoke")
        threading.Thread(target=self._start_due_attempts, daemon=True).start()

    def submit(self, function: LambdaFunction, payload: bytes) -> str:
        """Queue an event for a function, and return the request ID, which its log contains."""
        event = _Event(function, payload, str(uuid.uuid4()))
        self._queue(event, 0)
        return event.request_id

    def close(self) -> None:
        """Drop all queued events."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _queue(self, event: _Event, delay: float) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), event))
            self._changed.notify()

    def _start_due_attempts(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._due or self._due[0][0] > time.monotonic()):
                    wait = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(wait)
                if self._closed:
                    return
                event = heapq.heappop(self._due)[2]
                self._threads.submit(self._attempt, event).add_done_callback(_log_failure)

    def _attempt(self, event: _Event) -> None:
        try:
            outcome = self._service.invoke(event.function, event.payload, event.request_id)
        except ThrottledError:
            self._queue(event, THROTTLED_DELAY_SECONDS)
            return
        config = _invoke_config(event.function)
        destinations = config.get("DestinationConfig", {})
        if outcome.error_type is None:
            self._send_record(destinations.get("OnSuccess"), event, outcome, "Success")
            return
        retries = min(config.get("MaximumRetryAttempts", len(self._delays)), len(self._delays))
        if event.failures < retries:
            delay = self._delays[event.failures]
            self._queue(replace(event, failures=event.failures + 1), delay)
            return
        self._send_to_dead_letter_queue(event, outcome)
        self._send_record(destinations.get("OnFailure"), event, outcome, "RetriesExhausted")

    def _send_to_dead_letter_queue(self, event: _Event, outcome: Outcome) -> None:
        config = getattr(event.function, "dead_letter_config", None) or {}
        if arn := config.get("TargetArn"):
            error = json.loads(outcome.payload)
            attributes = {
                "RequestID": event.request_id,
                "ErrorCode": "200",
                "ErrorMessage": str(error.get("errorMessage", ""))[:1024],
            }
            self._send(arn, event.payload.decode(), event.function, attributes)

    def _send_record(
        self, destination: dict[str, str] | None, event: _Event, outcome: Outcome, condition: str
    ) -> None:
        arn = (destination or {}).get("Destination")
        if not arn:
            return
        failed = outcome.error_type is not None
        record = {
            "version": "1.0",
            "timestamp": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": f"{event.function.function_arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": event.failures + 1,
            },
            "requestPayload": json.loads(event.payload),
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                **({"functionError": "Unhandled"} if failed else {}),
            },
            "responsePayload": json.loads(outcome.payload),
        }
        self._send(arn, json.dumps(record), event.function, {})

    def _send(
        self, arn: str, body: str, function: LambdaFunction, attributes: dict[str, str]
    ) -> None:
        service, region = arn.split(":")[2:4]
        typed = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }
        client = self._client(service, region, function.function_name)
        match service:
            case "sqs":
                # AWS does not make this call. It is made as `lambda`, so that functions do not need
                # a permission for it.
                lookup = self._client(service, region, "lambda")
                url = lookup.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
                client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=typed)
            case "sns":
                client.publish(TopicArn=arn, Message=body, MessageAttributes=typed)
            case "lambda":
                client.invoke(FunctionName=arn, InvocationType="Event", Payload=body)
            case _:
                _log.error("%s: cannot send to %s", function.function_name, arn)


def _log_failure(attempt: Future[None]) -> None:
    """Log an error of the local cloud itself, because no caller waits for an attempt."""
    if not attempt.cancelled() and (error := attempt.exception()):
        _log.error("an asynchronous invocation failed in the local cloud", exc_info=error)


def _invoke_config(function: LambdaFunction) -> dict[str, Any]:
    configs = function.event_invoke_config
    return dict(configs[-1].config) if configs else {}
