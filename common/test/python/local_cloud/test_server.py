"""The local server starts on loopback, and ends with its owner, however that ends."""

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


def test_it_serves_on_loopback_and_ends_with_the_block() -> None:
    with server.moto_server() as url:
        assert urlsplit(url).hostname == "127.0.0.1"
        with urllib.request.urlopen(f"{url}/moto-api/", timeout=10) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
    assert not answers(url)


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServerError, match=rf"port {port}.*[Aa]ddress already in use"),
            server.moto_server(port),
        ):
            pass


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_its_owner(how: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(
        "import time\n"
        "from local_cloud.server import moto_server\n"
        "if __name__ == '__main__':\n"
        "    with moto_server() as url:\n"
        "        print(url, flush=True)\n"
        "        time.sleep(60)\n"
    )
    owner = subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert owner.stdout is not None
        url = owner.stdout.readline().strip()
        assert answers(url)
        owner.send_signal(how)
        owner.wait(timeout=20)
        assert wait_until(lambda: not answers(url))
    finally:
        owner.kill()
        owner.wait()


def test_ctrl_c_is_not_for_the_server_even_while_it_starts() -> None:
    interrupted: list[int] = []
    # Another server may run for other tests.
    before = {child.pid for child in multiprocessing.active_children()}

    def started() -> list[int]:
        children = {child.pid for child in multiprocessing.active_children()}
        return [pid for pid in children - before if pid]

    def interrupt() -> None:
        wait_until(started)
        for pid in started():
            os.kill(pid, signal.SIGINT)
            interrupted.append(pid)

    other = threading.Thread(target=interrupt)
    other.start()
    with server.moto_server() as url:
        assert answers(url)
    other.join()
    assert interrupted


def children_of(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def cares_for_ctrl_c(pid: int) -> bool:
    """Whether a process got as far as to block, ignore or handle SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    masks = re.findall(r"^Sig(?:Blk|Ign|Cgt):\s+([0-9a-f]+)$", status, re.MULTILINE)
    return any(int(mask, 16) & 1 << (signal.SIGINT - 1) for mask in masks)


def test_ctrl_c_while_the_server_starts_ends_both_without_a_traceback(tmp_path: Path) -> None:
    owner = subprocess.Popen(  # noqa: S603  # our own program
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
    # Beside the server runs multiprocessing's own tracker of resources.
    assert wait_until(lambda: sum(cares_for_ctrl_c(child) for child in children_of(owner.pid)) == 2)
    children = children_of(owner.pid)
    os.killpg(owner.pid, signal.SIGINT)
    # It ends when the last process that could write to its pipes has ended.
    _, errors = owner.communicate(timeout=20)
    assert owner.returncode == 130
    assert errors == "run-local.sh region-report: interrupted; nothing was published\n"
    assert wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def test_the_snapshot_of_the_locked_moto_has_a_day() -> None:
    assert server.snapshot_label() == f"snapshot in moto {version('moto')}"
    assert server.snapshot_day() is not None, "add this release of moto to MOTO_RELEASED"
