"""Errors of the event log; `lambda_core.errors` shows the hierarchy of all errors."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class CheckpointError(ApplicationError):
    """A checkpoint could not be read or written, so its content is unknown."""


class DamagedCheckpointError(CheckpointError):
    """A checkpoint was read, but it is not a Parquet file of events."""


class CheckpointConflictError(CheckpointError):
    """Another writer changed a checkpoint after it was read."""


class AdoptionError(CheckpointError):
    """A checkpoint without source columns cannot be adopted in this run."""


class RunFailedError(ApplicationError):
    """A run failed with a status of 400 or more; the message is the response as JSON."""
