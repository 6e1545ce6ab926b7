"""Handler of the function `fetch_patches`; see `Tracker.fetch_patches`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented
from patch_tracker.contracts import FetchPatchesRequest
from patch_tracker.service import METRICS_NAMESPACE, Tracker, TrackerSettings


@instrumented("fetch_patches", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Read Patchwork into the table Patches and return a `FetchPatchesResult`.

    Raises
    ------
    InvalidEventError
        If the event is not valid.
    ConfigurationError
        If an environment variable is missing or wrong.
    ApplicationError
        If anything failed; see `Tracker.fetch_patches`.
    """
    request = parse_event(FetchPatchesRequest, event)
    return _tracker().fetch_patches(request).model_dump(mode="json")


@cache
def _tracker() -> Tracker:
    return Tracker(TrackerSettings.from_environment())
