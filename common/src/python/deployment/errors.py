"""What stands in the way of a deployment."""

from __future__ import annotations

from lambda_core.errors import ApplicationError, ConfigurationError


class DeploymentError(ApplicationError):
    """A stack cannot be deployed; nothing was changed unless the text says so."""


class TerraformError(DeploymentError):
    """Terraform failed; it has said why on standard error."""


class UsageError(ConfigurationError):
    """The command was called in a way that cannot work."""
