"""Functions end with the local cloud, and their files are removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PARENT = """
import sys, threading
from pathlib import Path
from local_cloud.lambda_runtime.function_process import FunctionSpec, Host
from local_cloud.lambda_runtime.reaper import Reaper
from local_cloud.lambda_runtime.sandbox import Sandbox

folder, code, python = map(Path, sys.argv[1:])
box = Sandbox(
    FunctionSpec("probe", "arn", "function.handler", code, code, timeout_seconds=900),
    Host(python, folder, Reaper(folder)),
)
box.invoke(b"{}")
threading.Thread(target=box.invoke, args=(b"1",), daemon=True).start()
print("started", flush=True)
threading.Event().wait()
"""

FUNCTION = """
import os, subprocess, sys, time
def handler(event, context):
    if event:
        child = subprocess.Popen(["sleep", "1000"])
        os.write(2, f"{os.getpid()} {child.pid}\\n".encode())
        time.sleep(1000)
"""


def wait_until(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_functions_end_with_their_parent_process(
    signal_number: signal.Signals, runtime_python: Path, tmp_path: Path
) -> None:
    folder, code = tmp_path / "work", tmp_path / "code"
    folder.mkdir()
    code.mkdir()
    (code / "function.py").write_text(FUNCTION)
    parent = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PARENT, str(folder), str(code), str(runtime_python)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        log = next(folder.glob("sandbox-*")) / "log"
        assert wait_until(lambda: log.read_text().count("\n"))
        pids = [int(pid) for pid in log.read_text().split()]
        assert len(pids) == 2
        assert all(map(is_running, pids))
        parent.send_signal(signal_number)
        parent.wait(20)
        assert wait_until(lambda: not any(map(is_running, pids)))
        assert wait_until(lambda: not folder.exists())
    finally:
        parent.kill()
        parent.wait()
