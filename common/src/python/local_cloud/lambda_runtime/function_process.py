"""The process that runs a function, with its Runtime API, folder and log."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import queue
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from local_cloud.lambda_runtime.memory import peak_bytes, resident_bytes
from local_cloud.lambda_runtime.runtime_api import Message, RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.lambda_runtime.reaper import Reaper

INIT_SECONDS = 10.0
"""How long loading a function's modules may take in addition to the function's timeout."""

CHECK_INTERVAL_SECONDS = 0.01
"""How often `FunctionProcess.wait` checks the process, its memory and the time."""

LAUNCHER = Path(__file__).with_name("launcher.py")

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class FunctionSpec:
    """What is needed to run a function.

    Attributes
    ----------
    code, layers
        Folder with the unpacked function, and folder with the files of all its layers (`/opt`).
    environment
        Environment variables from the function's configuration and for the account (region,
        credentials, endpoint). Lambda's own variables are added to these.
    """

    name: str
    arn: str
    handler: str
    code: Path
    layers: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_seconds: float = 3
    storage_mb: int = 512
    version: str = "$LATEST"

    @property
    def log_group(self) -> str:
        """Name of the function's log group in CloudWatch Logs."""
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True)
class Host:
    """What all functions of a local cloud share.

    Attributes
    ----------
    python
        Interpreter of the environment with the packages of Lambda's runtime.
    folder
        Contains the folders of the processes.
    own_root
        Give each process its own root file system if the kernel allows it; see `launcher`.
    init_seconds
        How long loading a function's modules may take in addition to the function's timeout.
    """

    python: Path
    folder: Path
    reaper: Reaper
    own_root: bool = True
    init_seconds: float = INIT_SECONDS


class NoMessage(enum.Enum):
    """Why the process will not send a message."""

    TIMEOUT = "it ran out of time"
    MEMORY = "it ran out of memory"
    EXITED = "it exited"


class FunctionProcess:
    """A process that runs AWS's runtime client with the function's handler."""

    def __init__(self, spec: FunctionSpec, host: Host, log_stream: str) -> None:
        self.api = RuntimeApi()
        self.peak_mb = 0
        self._memory_mb = spec.memory_mb
        self._reaper = host.reaper
        self._folder = TemporaryDirectory(prefix="sandbox-", dir=host.folder)
        folder = Path(self._folder.name)
        for name in ("root", "tmp"):
            (folder / name).mkdir()
        # A file instead of a pipe, so that everything written before an answer can be read.
        self._log = (folder / "log").open("ab+")
        launch = {
            "python": str(host.python),
            "handler": spec.handler,
            "task": str(spec.code),
            "layers": str(spec.layers),
            "root": str(folder / "root"),
            "tmp": str(folder / "tmp"),
            "storage_mb": spec.storage_mb,
            "own_root": host.own_root,
            "environment": {
                **_lambda_variables(spec, log_stream, self.api.address),
                **spec.environment,
            },
        }
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter of the sandbox
            [str(host.python), "-I", "-S", str(LAUNCHER), json.dumps(launch)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={},
            # In its own process group, so that its child processes can be killed with it.
            start_new_session=True,
        )
        self._reaper.watch(self._process.pid)

    @property
    def exit_code(self) -> int | None:
        """Exit code as in `subprocess`; None while the process runs."""
        return self._process.poll()

    def wait(self, deadline: float) -> Message | NoMessage:
        """Wait for the next message until `deadline`, a time of the monotonic clock.

        A process that exceeds its memory or its time is not killed; the caller must do that.
        """
        while True:
            # Checked first, because a process may send a message and then exit.
            exited = self.exit_code is not None
            with contextlib.suppress(queue.Empty):
                return self.api.messages.get(timeout=0 if exited else CHECK_INTERVAL_SECONDS)
            if exited:
                return NoMessage.EXITED
            if self.exceeds_memory():
                return NoMessage.MEMORY
            if time.monotonic() >= deadline:
                return NoMessage.TIMEOUT

    def exceeds_memory(self) -> bool:
        """Update `peak_mb`, and return whether the process ever used more memory than allowed."""
        pid = self._process.pid
        # The peak includes what happened between two checks.
        used = max(resident_bytes(pid), peak_bytes(pid)) // _MEGABYTE
        self.peak_mb = max(self.peak_mb, used)
        return self.peak_mb > self._memory_mb

    def new_lines(self) -> list[str]:
        """Return the log lines that were written since the last call."""
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        self._log.truncate(0)
        return text.splitlines()

    def kill(self) -> None:
        """Kill the process and all processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the process and delete its files."""
        self.kill()
        self._process.wait()
        self._reaper.forget(self._process.pid)
        self.api.close()
        self._log.close()
        self._folder.cleanup()


def _lambda_variables(spec: FunctionSpec, log_stream: str, api: str) -> dict[str, str]:
    """Return the environment variables that Lambda itself sets.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return {
        "_HANDLER": spec.handler,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": api,
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "TZ": ":UTC",
    }
