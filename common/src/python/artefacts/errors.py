"""What can go wrong with the repository's packages and commands."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, ConfigurationError


class LocalCloudError(ApplicationError):
    """The local cloud cannot do what it was asked; its text says what to do."""


class ArtefactMissingError(LocalCloudError):
    """A function or a layer has not been packaged."""


class PackagingError(LocalCloudError):
    """The functions could not be packaged."""


class UsageError(ConfigurationError):
    """The command was called in a way that cannot work."""
