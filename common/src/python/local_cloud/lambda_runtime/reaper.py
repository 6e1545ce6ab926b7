"""Ends the functions' processes when the local cloud has ended, even if it was killed.

The reaper is a separate process. Through a pipe, it receives each process group that starts or
ends. When the other end of the pipe is closed, because the local cloud has ended in any way, it
kills the remaining groups and deletes their folder.

Linux's parent-death signal cannot be used: it is sent when the thread that started the child ends,
and the server's threads end with their requests.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

_PROGRAM = """
import os, shutil, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
alive = set()
for line in sys.stdin:
    (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
for group in alive:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
# A folder cannot be removed while a killed process that mounted it is still ending.
for attempt in range(50):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
    time.sleep(0.1)
"""


class Reaper:
    """Kills process groups after this process has ended.

    Parameters
    ----------
    folder
        Contains the files of the process groups; deleted at the end.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """Kill this process group after this process has ended."""
        self._send(f"+{group}")

    def forget(self, group: int) -> None:
        """Do not kill this process group: it has ended, and its number may be reused."""
        self._send(f"-{group}")

    def close(self) -> None:
        """Kill the remaining process groups and end."""
        with self._lock:
            if self._process.stdin and not self._process.stdin.closed:
                self._process.stdin.close()
        self._process.wait()

    def _send(self, line: str) -> None:
        with self._lock:
            if self._process.stdin is None or self._process.stdin.closed:
                raise RuntimeError("the local cloud is being shut down")
            self._process.stdin.write(line + "\n")
