"""Read and write a checkpoint in S3. Re-exports `event_log.checkpoint_store`."""

from __future__ import annotations

from event_log.checkpoint_store import CheckpointError, CheckpointStore, StoredCheckpoint

__all__ = [
    "CheckpointError",
    "CheckpointStore",
    "StoredCheckpoint",
]
