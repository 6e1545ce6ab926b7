"""A checkpoint in memory. Re-exports `event_log.checkpoint`."""

from __future__ import annotations

from event_log.checkpoint import Checkpoint

__all__ = [
    "Checkpoint",
]
