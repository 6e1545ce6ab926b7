"""`run-local.sh up` runs until Ctrl-C and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest

from run_local import cli

type Archive = Callable[[Mapping[str, str]], bytes]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "run_local.cli", "up", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        process_group=0,
    )


@pytest.fixture
def running() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command, and the lines that it printed first."""
    process = start("--port", "0")
    assert process.stdout is not None
    lines = "".join(iter(process.stdout.readline, "Ctrl-C ends it and deletes its contents.\n"))
    yield process, lines
    process.kill()
    process.wait()


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    # Threads of the server start and end with its requests.
    with contextlib.suppress(FileNotFoundError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                for child in (thread / "children").read_text().split():
                    found |= {int(child)} | descendants(int(child))
    return found


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def listening(pids: set[int]) -> set[str]:
    """Addresses at which processes listen, in hexadecimal."""
    sockets = {
        match[1]
        for pid in pids
        for file in Path(f"/proc/{pid}/fd").iterdir()
        if file.is_symlink() and (match := re.match(r"socket:\[(\d+)\]", os.readlink(file)))  # noqa: PTH115 - not a path
    }
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}


def environment(lines: str) -> dict[str, str]:
    """Parse the lines that users copy into a shell."""
    return dict(re.findall(r"\b([A-Z_]+)=(\S+)", lines))


def call_function(lines: str, archive: Archive) -> None:
    """Use the printed settings as a person would."""
    given = environment(lines)
    session = boto3.Session(
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        region_name=given["AWS_DEFAULT_REGION"],
    )
    endpoint = given["AWS_ENDPOINT_URL"]
    role = session.client("iam", endpoint_url=endpoint).create_role(
        RoleName="any", AssumeRolePolicyDocument="{}"
    )
    functions = session.client("lambda", endpoint_url=endpoint)
    functions.create_function(
        FunctionName="probe",
        Runtime="python3.12",
        Handler="function.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": archive({"function.py": "def handler(e, c): return 'ran'"})},
    )
    answer = functions.invoke(FunctionName="probe")
    assert answer["Payload"].read() == b'"ran"'


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_a_signal_and_leaves_nothing_behind(
    how: signal.Signals, running: tuple[subprocess.Popen[str], str], archive: Archive
) -> None:
    process, lines = running
    call_function(lines, archive)
    page = re.search(r"Status page: (\S+)", lines)
    assert page is not None
    with urlopen(page[1], timeout=20) as answer:  # noqa: S310 - loopback
        assert b"probe" in answer.read()

    pids = {process.pid} | descendants(process.pid)
    assert len(pids) >= 4, "command, server, reaper and function"
    assert listening(pids) == {"0100007F"}, "127.0.0.1 and nothing else"

    # Like a terminal, signal the whole process group.
    os.killpg(process.pid, how)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("The local cloud has ended.\n")
    deadline = time.monotonic() + 60
    while not all(map(gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(gone, pids))


def test_a_port_in_use_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--port", str(port))
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert f"port {port}" in line
    assert "in use" in line


def test_an_error_in_moto_is_one_line(
    running: tuple[subprocess.Popen[str], str],
) -> None:
    process, lines = running
    # moto does not support this operation and fails.
    wrong = Request(f"{environment(lines)['AWS_ENDPOINT_URL']}/bucket/k%1Bey", b"x", method="POST")  # noqa: S310 - loopback
    with pytest.raises(HTTPError) as refused:
        urlopen(wrong, timeout=20)  # noqa: S310 - loopback
    assert refused.value.code == 500
    assert b"KeyError" in refused.value.read()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    (line,) = err.splitlines()
    assert line == "local cloud: POST '/bucket/k\\x1bey': KeyError: 'DEFAULT'"


@pytest.mark.parametrize("port", ["-1", "65536", "x", "", "²", "9" * 5000])
def test_a_wrong_port_ends_with_2(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["up", f"--port={port}"])
    assert ended.value.code == 2
    assert f"--port: {port!r} is not a port: 0 to 65535" in capsys.readouterr().err
