"""Load the fixtures that these tests share with others; see `local_cloud_testing.fixtures`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin. A conftest below the root may not name it in `pytest_plugins`."""
    config.pluginmanager.import_plugin("local_cloud_testing.fixtures")
