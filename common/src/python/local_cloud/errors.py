"""Errors of the local cloud."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class LocalCloudError(ApplicationError):
    """Base of the local cloud's errors; the message says what to do."""


class ServerError(LocalCloudError):
    """The server did not start."""


class RuntimeMissingError(LocalCloudError):
    """The Python environment with the packages of the Lambda runtime is missing."""


class ExecutionError(LocalCloudError):
    """A function or an execution of a state machine failed, or its result is wrong."""
