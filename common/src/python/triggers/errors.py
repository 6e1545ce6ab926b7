"""Errors of this package."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class InvocationError(ApplicationError):
    """What was started failed, or did not end in time."""
