"""Errors of packages and commands."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, ConfigurationError


class LocalCloudError(ApplicationError):
    """The local cloud or a package does not work; the text says what to do."""


class ArtefactMissingError(LocalCloudError):
    """The package of a function or a layer does not exist."""


class PackagingError(LocalCloudError):
    """Pants could not package the functions."""


class UsageError(ConfigurationError):
    """A command has wrong arguments, or cannot work in this environment."""
