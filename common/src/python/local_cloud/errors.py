"""What can go wrong in the local cloud before a function has a say."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, ConfigurationError


class LocalCloudError(ApplicationError):
    """The local cloud cannot do what it was asked; its text says what to do."""


class ServerError(LocalCloudError):
    """The server did not start."""


class RuntimeMissingError(LocalCloudError):
    """There is no environment on which functions could run."""


class ArtefactMissingError(LocalCloudError):
    """A function or a layer has not been packaged."""


class PackagingError(LocalCloudError):
    """The functions could not be packaged."""


class ExecutionError(LocalCloudError):
    """An execution of a state machine did not make what it is for."""


class UsageError(ConfigurationError):
    """The command was called in a way that cannot work."""
