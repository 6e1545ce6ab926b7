"""What can go wrong in the local cloud before a function has a say."""

from __future__ import annotations


class LocalCloudError(Exception):
    """The local cloud cannot do what it was asked; its text says what to do."""


class ServerError(LocalCloudError):
    """The server did not start."""


class RuntimeMissingError(LocalCloudError):
    """There is no environment on which functions could run."""


class SettingsError(LocalCloudError):
    """`lambda/functions.json` or what it names is missing or wrong."""
