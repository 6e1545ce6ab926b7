"""Handler of the function `refresh_discussions`; see `Tracker.refresh_discussions`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented
from patch_tracker.contracts import RefreshDiscussionsRequest
from patch_tracker.service import METRICS_NAMESPACE, Tracker, TrackerSettings


@instrumented("refresh_discussions", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Read the most recent days of the archive again and return a `DiscussionsResult`.

    Raises
    ------
    InvalidEventError
        If the event is not valid.
    ConfigurationError
        If an environment variable is missing or wrong.
    ApplicationError
        If anything failed; see `Tracker.refresh_discussions`.
    """
    request = parse_event(RefreshDiscussionsRequest, event)
    return _tracker().refresh_discussions(request).model_dump(mode="json")


@cache
def _tracker() -> Tracker:
    return Tracker(TrackerSettings.from_environment())
