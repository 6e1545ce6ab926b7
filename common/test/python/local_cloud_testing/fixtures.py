"""Fixtures that create Lambda functions and a local cloud that runs them."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.code_store import CodeStore
from local_cloud.lambda_runtime.function_process import INIT_SECONDS, FunctionSpec, Host
from local_cloud.lambda_runtime.reaper import Reaper
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.lambda_runtime.sandbox import Sandbox
from local_cloud.server import moto_server as cloud_server

REGION = "us-east-1"

type Archive = Callable[[Mapping[str, str]], bytes]

type MakeSandbox = Callable[..., Sandbox]

type Clients = Callable[[str], Any]


@pytest.fixture(scope="session")
def archive() -> Archive:
    """Create a zip file from file names and contents: `archive({"function.py": "…"})`."""

    def create(files: Mapping[str, str]) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as file:
            for name, text in files.items():
                file.writestr(name, textwrap.dedent(text))
        return content.getvalue()

    return create


@pytest.fixture(scope="session")
def runtime_python() -> Path:
    """Interpreter with the packages of Lambda's runtime."""
    return lambda_runtime_python()


@pytest.fixture(scope="session")
def own_root_possible() -> bool:
    """Whether this kernel allows processes to have their own root file system."""
    program = "import os; os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)  # noqa: S603 - our own program
    return result.returncode == 0


@pytest.fixture
def host(
    request: pytest.FixtureRequest, runtime_python: Path, tmp_path: Path, own_root_possible: bool
) -> Iterator[Host]:
    """What sandboxes share. They have their own root file systems if the kernel allows it.

    Tests can be parametrized with `own-root` and `plain`.
    """
    kind = getattr(request, "param", "own-root" if own_root_possible else "plain")
    if kind == "own-root" and not own_root_possible:
        pytest.skip("this kernel does not allow processes to have their own root file system")
    folder = tmp_path / "sandboxes"
    folder.mkdir()
    reaper = Reaper(folder)
    yield Host(runtime_python, folder, reaper, own_root=kind == "own-root")
    reaper.close()


@pytest.fixture
def sandbox(host: Host, archive: Archive, tmp_path: Path) -> Iterator[MakeSandbox]:
    """Create a sandbox from the source of a module: `sandbox("def handler…", memory_mb=…)`."""
    store = CodeStore(tmp_path / "code")
    sandboxes: list[Sandbox] = []

    def create(
        code: str,
        *layers: Mapping[str, str],
        init_seconds: float = INIT_SECONDS,
        **settings: Any,  # noqa: ANN401  # the fields of FunctionSpec
    ) -> Sandbox:
        spec = FunctionSpec(
            **{
                "name": "probe",
                "arn": f"arn:aws:lambda:{REGION}:123456789012:function:probe",
                "handler": "function.handler",
                "code": unpack(store, archive({"function.py": code})),
                "layers": unpack(store, *(archive(layer) for layer in layers)),
                "timeout_seconds": 20,
                **settings,
            }
        )
        sandboxes.append(Sandbox(spec, replace(host, init_seconds=init_seconds)))
        return sandboxes[-1]

    yield create
    for created in sandboxes:
        created.close()


def unpack(store: CodeStore, *archives: bytes) -> Path:
    return store.unpacked({hashlib.sha256(content).hexdigest(): content for content in archives})


@pytest.fixture(scope="session")
def cloud(runtime_python: Path) -> Iterator[str]:
    """URL of a local cloud that runs functions and state machines."""
    with cloud_server(functions=FunctionOptions(runtime_python, retry_delays=(0.1, 0.1))) as url:
        yield url


@pytest.fixture
def client(cloud: str) -> Clients:
    """Create a client for the local cloud: `client("lambda")`."""
    return clients_at(cloud)


def clients_at(url: str) -> Clients:
    """Return a function that creates clients that do not retry, so that tests see each error."""
    config = Config(retries={"total_max_attempts": 1})
    return lambda service: boto3.client(
        service, endpoint_url=url, region_name=REGION, config=config
    )  # type: ignore[call-overload]  # any service
