"""Refresh discussions: reads weeks of an archive again; see `patch_tracker.sync.discussions`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambda_core.observability import count, instrumented
from patch_tracker.contracts import (
    RefreshDiscussionsRequest,
    discussions_result,
    parse_event,
)
from patch_tracker.service import METRICS_NAMESPACE, RUNS_SUCCEEDED, Tracker, TrackerSettings


@instrumented("refresh_discussions", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take a `RefreshDiscussionsRequest` and answer a `DiscussionsResult`; what fails raises."""
    request = parse_event(RefreshDiscussionsRequest, event)
    tracker = _tracker()
    requests = tracker.lore_session.counts["requests"]
    writes = tracker.writes
    result = tracker.discussion_sync.refresh(request.days or tracker.settings.refresh_days)
    count(RUNS_SUCCEEDED)
    return discussions_result(
        result,
        requests=tracker.lore_session.counts["requests"] - requests,
        writes=tracker.writes - writes,
    ).model_dump(mode="json")


@cache
def _tracker() -> Tracker:
    return Tracker(TrackerSettings.from_environment())
