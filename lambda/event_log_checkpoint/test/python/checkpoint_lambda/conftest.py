"""What all tests share: see `lambda_testing.pytest_plugin`.

Hypothesis takes its settings when a test is defined, so the plugin must be there before the tests'
modules are; and pytest allows `pytest_plugins` only in the conftest that it is started with.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from checkpoint_testing.cloud import CheckpointCloud, new_cloud

from local_cloud.server import moto_server


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin before the tests of this folder."""
    config.pluginmanager.import_plugin("lambda_testing.pytest_plugin")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """URL of moto's server, a process of its own, where a conditional write is one step."""
    with moto_server() as url:
        yield url


@pytest.fixture
def aws_endpoint(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Environment in which every AWS client talks to that server; its URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return endpoint


@pytest.fixture
def cloud(aws_endpoint: str) -> CheckpointCloud:
    """Buckets of this test's own, with one checkpoint."""
    return new_cloud(aws_endpoint)


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("lambda_core.retry.RetryPolicy.pause", lambda *_: 0.0)
