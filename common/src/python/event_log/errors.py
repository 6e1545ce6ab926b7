"""The errors of the checkpoint."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class CheckpointError(ApplicationError):
    """A checkpoint could not be read or written; nothing is known of what it holds."""


class DamagedCheckpointError(CheckpointError):
    """A checkpoint was read, but it is no parquet file of events."""


class CheckpointConflictError(CheckpointError):
    """A checkpoint was changed by another writer since it was read."""


class AdoptionError(CheckpointError):
    """A checkpoint without sources cannot be taken over in this run."""
