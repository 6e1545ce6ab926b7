"""A local cloud for the packaged function of the event log checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from artefacts.function_settings import FunctionSettings, read_settings
from artefacts.repository import SETTINGS_FILE, Artefacts, architecture
from local_cloud.clients import Clients, clients_of
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from run_local.deployer import Deployer
from run_local.event_log.demonstration import PIPELINE


@pytest.fixture(scope="session")
def packages() -> Path:
    """Folder of the packages: next to the tests if Pants runs them, otherwise `dist`."""
    return Path() if Path("functions").is_dir() else Path("dist")


@pytest.fixture(scope="session")
def settings() -> dict[str, FunctionSettings]:
    """Settings of the functions."""
    return read_settings(SETTINGS_FILE)[PIPELINE]


@pytest.fixture
def cloud() -> Iterator[Clients]:
    """Clients of a new local cloud."""
    with moto_server(functions=FunctionOptions(lambda_runtime_python())) as url:
        yield clients_of(url)


@pytest.fixture
def deployer(cloud: Clients, packages: Path) -> Deployer:
    """Deploys the packages to the local cloud."""
    return Deployer(cloud, Artefacts(packages, architecture()))
