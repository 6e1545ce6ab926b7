"""Fetch discussions: reads an archive into the table Discussions; see `patch_tracker.sync`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambda_core.observability import count, instrumented
from patch_tracker.contracts import FetchDiscussionsRequest, discussions_result, parse_event
from patch_tracker.service import METRICS_NAMESPACE, RUNS_SUCCEEDED, Tracker, TrackerSettings


@instrumented("fetch_discussions", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take a `FetchDiscussionsRequest` and answer a `DiscussionsResult`; what fails raises."""
    request = parse_event(FetchDiscussionsRequest, event)
    tracker = _tracker()
    requests = tracker.lore_session.counts["requests"]
    writes = tracker.writes
    sync = tracker.discussion_sync
    recent = sync.recent()
    threads = sync.threads(request.message_ids)
    count(RUNS_SUCCEEDED)
    return discussions_result(
        recent,
        threads,
        requests=tracker.lore_session.counts["requests"] - requests,
        writes=tracker.writes - writes,
    ).model_dump(mode="json")


@cache
def _tracker() -> Tracker:
    return Tracker(TrackerSettings.from_environment())
