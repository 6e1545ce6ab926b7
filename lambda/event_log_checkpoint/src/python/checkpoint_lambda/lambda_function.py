"""The function `event_log_checkpoint`; see `event_log.service`."""

from __future__ import annotations

from typing import Any, Final

from event_log.errors import RunFailedError
from event_log.reader import ReadLimits
from event_log.service import reject_event, update_checkpoints
from event_log.settings import CheckpointRequest
from lambda_core.contracts import parse_event
from lambda_core.deadline import deadline
from lambda_core.errors import InvalidEventError
from lambda_core.observability import instrumented

__all__ = [
    "METRICS_NAMESPACE",
    "RunFailedError",
    "lambda_handler",
]

METRICS_NAMESPACE: Final = "EventLogCheckpoint"

MARGIN_SECONDS: Final = ReadLimits().longest_seconds + 60.0
"""Reserved for the last reads and for saving."""


@instrumented("event_log_checkpoint", namespace=METRICS_NAMESPACE)
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a `CheckpointRequest` and return a `Response`.

    Raises
    ------
    RunFailedError
        `RAISE_ON_ERROR` is true and the status is 400 or more.
    """
    try:
        request = parse_event(CheckpointRequest, event)
    except InvalidEventError as error:
        return reject_event(error).content()
    return update_checkpoints(request, deadline=deadline(context, MARGIN_SECONDS)).content()
