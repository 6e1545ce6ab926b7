"""What all tests share: see `lambda_testing.pytest_plugin`."""

from __future__ import annotations

pytest_plugins = ["lambda_testing.pytest_plugin"]
