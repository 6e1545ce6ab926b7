"""The process that runs a function, with its Runtime API, its folder and its log."""

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
"""What loading a function's modules may take before its own timeout begins to count."""

LOOK_SECONDS = 0.01
"""How often memory, clock and process are looked at while one waits for a message."""

LAUNCHER = Path(__file__).with_name("launcher.py")

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class FunctionSpec:
    """What must be known of a function to run it.

    Attributes
    ----------
    code, layers
        Folders: the unpacked function, and all its layers unpacked into one another (`/opt`).
    environment
        The variables of the function's configuration and those of the account (region,
        credentials, endpoint). What Lambda itself sets comes in addition.
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
        """Where CloudWatch Logs keeps its lines."""
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True)
class Host:
    """What all functions of a local cloud share.

    Attributes
    ----------
    python
        Interpreter of the environment with Lambda's own packages.
    folder
        Where processes have their folders.
    own_root
        Give each process a root of its own where the kernel allows it; see `launcher`.
    """

    python: Path
    folder: Path
    reaper: Reaper
    own_root: bool = True
    init_seconds: float = INIT_SECONDS


class Gone(enum.Enum):
    """Why no message will come."""

    LATE = "it ran out of time"
    MEMORY = "it ran out of memory"
    EXITED = "it ended by itself"


class FunctionProcess:
    """AWS's runtime client with the function's handler, from its start to its end."""

    def __init__(self, spec: FunctionSpec, host: Host, log_stream: str) -> None:
        self.api = RuntimeApi()
        self.peak_mb = 0
        self._memory_mb = spec.memory_mb
        self._reaper = host.reaper
        self._folder = TemporaryDirectory(prefix="sandbox-", dir=host.folder)
        folder = Path(self._folder.name)
        for name in ("root", "tmp"):
            (folder / name).mkdir()
        # A file instead of a pipe: what the process wrote before it answered is there to be read.
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
            # A group of its own, so that all that the function starts ends with it.
            start_new_session=True,
        )
        self._reaper.watch(self._process.pid)

    @property
    def exit_code(self) -> int | None:
        """As `subprocess` states it; None while the process runs."""
        return self._process.poll()

    def wait(self, deadline: float) -> Message | Gone:
        """Wait for the next message, until `deadline` on the monotonic clock.

        A process that has passed its memory or its time is still there; it is for the caller to
        end it.
        """
        while True:
            # Looked at first: a process that ended may have left a message behind.
            exited = self.exit_code is not None
            with contextlib.suppress(queue.Empty):
                return self.api.messages.get(timeout=0 if exited else LOOK_SECONDS)
            if exited:
                return Gone.EXITED
            if self.memory_passed():
                return Gone.MEMORY
            if time.monotonic() >= deadline:
                return Gone.LATE

    def memory_passed(self) -> bool:
        """Look at the process, and say whether it ever used more memory than it has."""
        pid = self._process.pid
        # The peak also tells what happened between two looks.
        used = max(resident_bytes(pid), peak_bytes(pid)) // _MEGABYTE
        self.peak_mb = max(self.peak_mb, used)
        return self.peak_mb > self._memory_mb

    def new_lines(self) -> list[str]:
        """Return the lines that were written since the last call, and drop them."""
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        self._log.truncate(0)
        return text.splitlines()

    def kill(self) -> None:
        """End the process at once, and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing of the process behind."""
        self.kill()
        self._process.wait()
        self._reaper.forget(self._process.pid)
        self.api.close()
        self._log.close()
        self._folder.cleanup()


def _lambda_variables(spec: FunctionSpec, log_stream: str, api: str) -> dict[str, str]:
    """Return what Lambda sets itself.

    From https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
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
