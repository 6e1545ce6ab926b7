"""Fixtures for tests of the event log: a moto server, and buckets with one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from event_log_testing.cloud import CheckpointCloud, new_cloud

from local_cloud.server import moto_server


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """URL of a moto server in its own process, where a conditional write is atomic."""
    with moto_server() as url:
        yield url


@pytest.fixture
def aws_endpoint(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the moto server, which every AWS client of the test uses."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return endpoint


@pytest.fixture
def cloud(aws_endpoint: str) -> CheckpointCloud:
    """New buckets with a single checkpoint."""
    return new_cloud(aws_endpoint)


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without pauses."""
    monkeypatch.setattr("lambda_core.retry.RetryPolicy.pause", lambda *_: 0.0)
