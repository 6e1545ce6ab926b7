"""How much memory a function's processes use, as the kernel counts it in `/proc`.

Watched from outside: a limit on the address space (`RLIMIT_AS`) counts what is only reserved, and
libraries such as Polars reserve far more than they use.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and all that it started; 0 when it has ended."""
    total = 0
    with contextlib.suppress(OSError, IndexError):
        total = int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
        for thread in (_PROC / str(pid) / "task").iterdir():
            children = (thread / "children").read_text().split()
            total += sum(resident_bytes(int(child)) for child in children)
    return total


def peak_bytes(pid: int) -> int:
    """Return the most resident memory that a process ever had; 0 when it has ended."""
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
