from __future__ import annotations

from collections.abc import Iterator

import pytest
from patch_tracker_testing.dynalite import dynalite
from patch_tracker_testing.tables import Tables, new_tables

from local_cloud.server import moto_server


@pytest.fixture(scope="session")
def cloud() -> Iterator[str]:
    """Endpoint of a local cloud."""
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def strict_dynamodb() -> Iterator[str]:
    """Endpoint of dynalite, which enforces DynamoDB's limits; skips the test if not available."""
    with dynalite() as endpoint:
        yield endpoint


@pytest.fixture
def tables() -> Tables:
    """Empty tables in this process."""
    return new_tables()


@pytest.fixture
def served_tables(cloud: str) -> Tables:
    """Empty tables in the local cloud, for tests with a proxy in front of it."""
    return new_tables(cloud)


@pytest.fixture
def strict_tables(strict_dynamodb: str) -> Tables:
    """Empty tables in dynalite."""
    return new_tables(strict_dynamodb)
