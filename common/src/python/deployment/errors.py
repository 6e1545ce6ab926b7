"""What stands in the way of a deployment."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, UsageError

__all__ = ["DeploymentError", "TerraformError", "UsageError"]


class DeploymentError(ApplicationError):
    """A stack cannot be deployed; nothing was changed unless the text says so."""


class TerraformError(DeploymentError):
    """Terraform failed; it has said why on standard error."""
