"""dynalite, a second DynamoDB: https://github.com/architect/dynalite.

It holds callers to the sizes of batches and items, and leaves keys unprocessed as the service does;
it has no transactions. It comes from npm the first time that it is needed.
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
    # Tests run without a home where none of the user's files may be read.
    root = Path(cache) if os.access(Path(cache).parent, os.W_OK) else Path("/tmp")  # noqa: S108
    return root / f"patch-tracker-tests-{os.getuid()}" / f"dynalite-{VERSION}"


def _installed() -> Path | None:
    """Return dynalite's program, None where it cannot be had."""
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
    """Run it on a free loopback port; skips the test where it cannot be had."""
    program = _installed()
    if program is None:
        pytest.skip("dynalite cannot be had: it needs Node.js and npm with its registry")
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
