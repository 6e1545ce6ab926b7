"""Make the fixtures of `event_log_testing.fixtures` available to the tests in this folder only."""

from __future__ import annotations

import pytest
from event_log_testing.fixtures import _no_pauses, aws_endpoint, cloud, endpoint

__all__ = ["_no_pauses", "aws_endpoint", "cloud", "endpoint"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin that sets the Hypothesis profile."""
    config.pluginmanager.import_plugin("lambda_testing.pytest_plugin")
