"""Errors of a deployment. A wrong command line is a `lambda_core.errors.UsageError`."""

from __future__ import annotations

from lambda_core.errors import ApplicationError


class DeploymentError(ApplicationError):
    """A stack cannot be deployed or verified; nothing was changed unless the message says so."""


class TerraformError(DeploymentError):
    """Terraform failed; it has printed the cause on standard error."""
