"""Errors about the repository checkout and the packages that Pants builds."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class ArtefactError(ApplicationError):
    """Base of the errors about packages; the message says what to do."""


class ArtefactMissingError(ArtefactError):
    """The package of a function or of a layer has not been built."""


class PackagingError(ArtefactError):
    """Pants could not build the packages."""
