"""Loads the shared fixtures in `local_cloud_testing.fixtures`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin; `pytest_plugins` is allowed only in the top-level conftest."""
    config.pluginmanager.import_plugin("local_cloud_testing.fixtures")
