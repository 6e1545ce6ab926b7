"""The errors of the event log.

`ApplicationError` is the base of all of them:

- `CheckpointError`: a checkpoint could not be read or written.
    - `DamagedCheckpointError`: its content is not a checkpoint.
    - `CheckpointConflictError`: another writer changed it.
    - `AdoptionError`: it has no source columns and cannot be adopted now.
- `RunFailedError`: the whole run failed. Its message is the function's response.

`event_log.event_file.RejectedError` is separate: it never leaves the package, because a rejected
file is data, not a failure.
"""

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
