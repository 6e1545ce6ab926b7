"""Ends the functions' processes when the local cloud is gone, even if that was killed.

A process of its own: it is told each process group that starts or ends through a pipe, and when
the pipe breaks, because the other end has died in whatever way, it kills the groups that are left
and removes the folder in which they worked.
(Linux's "signal on the death of the parent" does not serve: it follows the thread that started the
child, and the server's threads come and go with their requests.)
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
# A killed process may still be ending; what it holds mounted cannot be removed before.
for attempt in range(50):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
    time.sleep(0.1)
"""


class Reaper:
    """Knows which process groups must not outlive this process.

    Parameters
    ----------
    folder
        Where they work; removed with them.
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
        """Kill this process group when this process has ended."""
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """Leave this process group alone: it has ended, and its number may be used again."""
        self._tell(f"-{group}")

    def close(self) -> None:
        """Kill what is left, and end."""
        with self._lock:
            if self._process.stdin and not self._process.stdin.closed:
                self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process.stdin is None or self._process.stdin.closed:
                raise RuntimeError("the local cloud is being shut down")
            self._process.stdin.write(line + "\n")
