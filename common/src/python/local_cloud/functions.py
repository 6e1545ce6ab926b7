"""Lets moto's server run Lambda functions and state machines."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from local_cloud.environment import clear_aws_environment
from local_cloud.lambda_runtime.asynchronous import RETRY_DELAYS_SECONDS, AsyncInvoker
from local_cloud.lambda_runtime.code_store import CodeStore
from local_cloud.lambda_runtime.function_process import Host
from local_cloud.lambda_runtime.lambda_backend import invoke_in_sandboxes
from local_cloud.lambda_runtime.lambda_service import LambdaService
from local_cloud.lambda_runtime.reaper import Reaper
from local_cloud.lambda_runtime.runtime_api import LOOPBACK


@dataclass(frozen=True)
class FunctionOptions:
    """How a server runs Lambda functions.

    Attributes
    ----------
    python
        Interpreter of the environment with the packages of Lambda's runtime; see
        `runtime_environment`.
    code_folder
        Folder that keeps unpacked functions and layers for the next server; None keeps nothing.
    retry_delays
        Seconds before each retry of an asynchronous invocation.
    own_root
        Give each function its own file system if the kernel allows it.
    """

    python: Path
    code_folder: Path | None = None
    retry_delays: Sequence[float] = RETRY_DELAYS_SECONDS
    own_root: bool = True


def run_functions(options: FunctionOptions, port: int) -> LambdaService:
    """Let moto run functions, in this process and until the process ends.

    Parameters
    ----------
    port
        Port of moto's server on the loopback interface.
    """
    from moto.core.config import default_user_config

    clear_aws_environment()
    # moto's interpreter of state machines calls the other services at this port.
    os.environ["MOTO_PORT"] = str(port)
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    # Failures are part of the executions; without a handler, they are also printed.
    logging.getLogger("moto").addHandler(logging.NullHandler())
    endpoint = f"http://{LOOPBACK}:{port}"
    folder = Path(mkdtemp(prefix="local-cloud-"))
    # The reaper cleans up, no matter how this process ends.
    host = Host(options.python, folder, Reaper(folder), own_root=options.own_root)
    service = LambdaService(host, CodeStore(options.code_folder or folder / "code"), endpoint)
    invoke_in_sandboxes(service, AsyncInvoker(service, _clients(endpoint), options.retry_delays))
    return service


def _clients(endpoint: str) -> Callable[[str, str, str], Any]:
    import boto3

    lock = threading.Lock()
    session = boto3.Session()

    def client(service: str, region: str, caller: str) -> Any:  # noqa: ANN401 - any client
        # Threads may share clients, but must not create them at the same time.
        with lock:
            return session.client(  # type: ignore[call-overload]  # any service
                service,
                region_name=region,
                endpoint_url=endpoint,
                aws_access_key_id=caller,
                aws_secret_access_key="local",  # noqa: S106 - not a real key
            )

    return client
