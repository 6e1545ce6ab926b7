from __future__ import annotations

from collections.abc import Iterator

import pytest
from patch_tracker_testing.dynalite import dynalite
from patch_tracker_testing.tables import Tables, new_tables

from local_cloud.server import moto_server


@pytest.fixture(scope="session")
def cloud() -> Iterator[str]:
    """Endpoint of the local cloud."""
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def strict_dynamodb() -> Iterator[str]:
    """Endpoint of dynalite, which holds callers to DynamoDB's limits; skips where it is missing."""
    with dynalite() as endpoint:
        yield endpoint


@pytest.fixture
def tables(cloud: str) -> Tables:
    """Both tables, empty."""
    return new_tables(cloud)


@pytest.fixture
def strict_tables(strict_dynamodb: str) -> Tables:
    """Both tables on dynalite, empty."""
    return new_tables(strict_dynamodb)
