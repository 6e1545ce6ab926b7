"""dynalite, another local DynamoDB: https://github.com/architect/dynalite.

Like the service, it enforces the size of batches and items and leaves keys unprocessed. It does not
support transactions. The first use installs it from npm.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = "4.0.0"

_START_SECONDS = 60.0


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    # Tests may run without a home directory, to protect the user's files.
    root = Path(cache) if os.access(Path(cache).parent, os.W_OK) else Path("/tmp")  # noqa: S108
    return root / f"patch-tracker-tests-{os.getuid()}" / f"dynalite-{VERSION}"


def _installed() -> Path | None:
    """Return the path of dynalite, or None if it cannot be installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    folder = _folder()
    program = folder / "node_modules" / "dynalite" / "cli.js"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(  # noqa: S603 - npm, by its full path
            [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", f"dynalite@{VERSION}"],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            capture_output=True,
            check=False,
            timeout=150,
        )
        if done.returncode:
            return None
    return program if program.exists() else None


@contextmanager
def dynalite() -> Iterator[str]:
    """Run dynalite on a free loopback port, or skip the test if it cannot be installed."""
    program = _installed()
    if program is None:
        pytest.skip("dynalite cannot be installed: it needs Node.js, npm and the npm registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = shutil.which("node") or "node"
    process = subprocess.Popen(  # noqa: S603 - Node.js, by its full path
        [node, str(program), "--port", str(port), "--createTableMs", "0", "--deleteTableMs", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < ends_at:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"dynalite does not answer on port {port}")
