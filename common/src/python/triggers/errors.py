"""Errors of invocations and executions."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class InvocationError(ApplicationError):
    """A function or an execution failed, or did not end in time."""
