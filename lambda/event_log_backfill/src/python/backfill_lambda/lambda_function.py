"""The function `event_log_backfill`; see `event_log.backfill`.

It has the settings of `event_log_checkpoint`. Every failure raises, and the state machine decides
whether to retry.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from event_log.backfill import BackfillRequest, MergeRequest, ReadRequest
from event_log.backfill_service import backfill
from lambda_core.contracts import parse_event
from lambda_core.deadline import deadline
from lambda_core.observability import instrumented

REQUEST: Final[TypeAdapter[ReadRequest | MergeRequest]] = TypeAdapter(BackfillRequest)

MARGIN_SECONDS: Final = 15.0
"""Reserved for writing the parts after the last read started."""

READ_SECONDS: Final = 50.0
"""No read starts later than this. However slow the last read is, the batch can then be tried twice
within the five minutes of the express execution around it. A regular run reads the rest."""


@instrumented("event_log_backfill", namespace="EventLogCheckpoint")
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return a `BatchRead` for a `ReadRequest`, or a `PartsMerged` for a `MergeRequest`."""
    request = parse_event(REQUEST, event)
    end = deadline(context, MARGIN_SECONDS, at_most=READ_SECONDS)
    return backfill(request, deadline=end).model_dump()
