"""Fetch patches: reads Patchwork into the table Patches; see `patch_tracker.sync.patches`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambda_core.observability import count, instrumented
from patch_tracker.contracts import (
    FetchPatchesRequest,
    PatchMode,
    parse_event,
    patches_result,
)
from patch_tracker.service import METRICS_NAMESPACE, RUNS_SUCCEEDED, Tracker, TrackerSettings


@instrumented("fetch_patches", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take a `FetchPatchesRequest` and answer a `FetchPatchesResult`; what fails raises."""
    request = parse_event(FetchPatchesRequest, event)
    tracker = _tracker()
    requests = tracker.patchwork_session.counts["requests"]
    writes = tracker.writes
    refresh = request.mode is PatchMode.REFRESH
    sync = tracker.patch_sync
    result = sync.refresh() if refresh else sync.changes()
    count(RUNS_SUCCEEDED)
    return patches_result(
        request.mode,
        result,
        requests=tracker.patchwork_session.counts["requests"] - requests,
        writes=tracker.writes - writes,
    ).model_dump(mode="json")


@cache
def _tracker() -> Tracker:
    return Tracker(TrackerSettings.from_environment())
