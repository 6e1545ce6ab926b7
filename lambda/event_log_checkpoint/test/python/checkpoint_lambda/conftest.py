"""What all tests share: see `lambda_testing.pytest_plugin`.

Hypothesis takes its settings when a test is defined, so the plugin must be there before the tests'
modules are; and pytest allows `pytest_plugins` only in the conftest that it is started with.
"""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin before the tests of this folder."""
    config.pluginmanager.import_plugin("lambda_testing.pytest_plugin")
