"""A local cloud with the packaged functions of the region report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from region_report_e2e.deployments import Deployment, deploy

from artefacts.function_settings import FunctionSettings, read_settings
from artefacts.repository import SETTINGS_FILE, Artefacts, architecture
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from run_local.region_report import PIPELINE


@pytest.fixture(scope="session")
def packages() -> Path:
    """Folder of the packages: Pants puts them next to the tests, otherwise they are in `dist`."""
    return Path() if Path("functions").is_dir() else Path("dist")


@pytest.fixture(scope="session")
def settings() -> dict[str, FunctionSettings]:
    """Settings of the functions."""
    return read_settings(SETTINGS_FILE)[PIPELINE]


@pytest.fixture(scope="session")
def cloud() -> Iterator[str]:
    """The URL of a local cloud."""
    with moto_server(functions=FunctionOptions(lambda_runtime_python())) as url:
        yield url


@pytest.fixture(scope="session")
def real(cloud: str, packages: Path, settings: dict[str, FunctionSettings]) -> Deployment:
    """The packaged functions."""
    return deploy(cloud, Artefacts(packages, architecture()), "real", settings)
