"""Load the shared fixtures of `event_log_testing.fixtures`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin. Only the root conftest may list it in `pytest_plugins`."""
    config.pluginmanager.import_plugin("event_log_testing.fixtures")
