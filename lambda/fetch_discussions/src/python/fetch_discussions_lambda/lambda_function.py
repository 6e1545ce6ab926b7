"""Handler of the function `fetch_discussions`; see `Tracker.fetch_discussions`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented
from patch_tracker.contracts import FetchDiscussionsRequest, unwrap_destination
from patch_tracker.service import METRICS_NAMESPACE, Tracker, TrackerSettings


@instrumented("fetch_discussions", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Read the archive into the table Discussions and return a `DiscussionsResult`.

    Raises
    ------
    InvalidEventError
        If the event is not valid.
    ConfigurationError
        If an environment variable is missing or wrong.
    ApplicationError
        If anything failed; see `Tracker.fetch_discussions`.
    """
    request = parse_event(FetchDiscussionsRequest, unwrap_destination(event))
    return _tracker().fetch_discussions(request).model_dump(mode="json")


@cache
def _tracker() -> Tracker:
    return Tracker(TrackerSettings.from_environment())
