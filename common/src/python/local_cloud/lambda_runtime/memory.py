"""The memory that a function's processes use, according to the kernel (`/proc`).

A limit on the address space (`RLIMIT_AS`) would not work: it also counts memory that is only
reserved, and libraries such as Polars reserve far more than they use.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants; 0 if it has ended."""
    total = 0
    with contextlib.suppress(OSError, IndexError):
        total = int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
        for thread in (_PROC / str(pid) / "task").iterdir():
            children = (thread / "children").read_text().split()
            total += sum(resident_bytes(int(child)) for child in children)
    return total


def peak_bytes(pid: int) -> int:
    """Return the highest resident memory that a process ever had; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
