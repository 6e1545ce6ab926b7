"""What can go wrong in the local cloud before a function has a say."""

from __future__ import annotations

from artefacts.errors import LocalCloudError


class ServerError(LocalCloudError):
    """The server did not start."""


class RuntimeMissingError(LocalCloudError):
    """There is no environment on which functions could run."""


class ExecutionError(LocalCloudError):
    """An execution of a state machine did not make what it is for."""
