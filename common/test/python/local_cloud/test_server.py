"""The server listens on loopback, and ends with its parent process in all cases."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local_cloud import server
from local_cloud.errors import ServerError


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: object) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_it_listens_on_loopback_and_ends_with_the_block() -> None:
    with server.moto_server() as url:
        assert urlsplit(url).hostname == "127.0.0.1"
        with urllib.request.urlopen(f"{url}/moto-api/", timeout=10) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
    assert not answers(url)


def test_the_error_names_a_port_that_is_in_use() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(ServerError, match=rf"port {port}.*[Aa]ddress already in use"),
            server.moto_server(port),
        ):
            pass


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_with_its_parent_process(
    signal_number: signal.Signals, tmp_path: Path
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from local_cloud.server import moto_server\n"
        "if __name__ == '__main__':\n"
        "    with moto_server() as url:\n"
        "        print(url, flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        parent.send_signal(signal_number)
        parent.wait(timeout=20)
        assert wait_until(lambda: not answers(url))
    finally:
        parent.kill()
        parent.wait()


def test_sigint_does_not_end_the_server_even_while_it_starts() -> None:
    interrupted: list[int] = []
    # Other tests may have started servers.
    before = {child.pid for child in multiprocessing.active_children()}

    def started() -> list[int]:
        children = {child.pid for child in multiprocessing.active_children()}
        return [pid for pid in children - before if pid]

    def interrupt() -> None:
        wait_until(started)
        for pid in started():
            os.kill(pid, signal.SIGINT)
            interrupted.append(pid)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with server.moto_server() as url:
        assert answers(url)
    thread.join()
    assert interrupted


def children_of(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def has_set_up_sigint(pid: int) -> bool:
    """Whether a process already blocks, ignores or handles SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    masks = re.findall(r"^Sig(?:Blk|Ign|Cgt):\s+([0-9a-f]+)$", status, re.MULTILINE)
    return any(int(mask, 16) & 1 << (signal.SIGINT - 1) for mask in masks)


def test_ctrl_c_while_the_server_starts_ends_both_without_a_traceback(tmp_path: Path) -> None:
    parent = subprocess.Popen(  # noqa: S603  # our own program
        [
            sys.executable,
            "-m",
            "run_local.cli",
            "region-report",
            "--in-process",
            f"--output-dir={tmp_path}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        process_group=0,
    )
    # The children are the server and multiprocessing's resource tracker.
    assert wait_until(
        lambda: sum(has_set_up_sigint(child) for child in children_of(parent.pid)) == 2
    )
    children = children_of(parent.pid)
    os.killpg(parent.pid, signal.SIGINT)
    # This waits until all processes that could write to the pipes have ended.
    _, errors = parent.communicate(timeout=20)
    assert parent.returncode == 130
    assert errors == "run-local.sh region-report: interrupted; nothing was published\n"
    assert wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def test_the_release_date_of_the_locked_moto_is_known() -> None:
    assert server.snapshot_label() == f"snapshot in moto {version('moto')}"
    assert server.snapshot_day() is not None, "add this release of moto to MOTO_RELEASED"
