"""Fixtures for tests of the event log: a moto server and buckets with one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from event_log_testing.cloud import CheckpointCloud, new_cloud

from local_cloud.server import moto_server

# Its Hypothesis settings must exist before a test is defined.
pytest_plugins = ["lambda_testing.pytest_plugin"]


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
