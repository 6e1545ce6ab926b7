"""Where the environments are that `build-support/bootstrap/bootstrap.sh` makes from lockfiles.

All of them are in one folder per user, next to the environment that Pants itself runs in. The name
of an environment consists of the lockfile's name and its digest.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from pants.base.build_environment import get_buildroot

CACHE = Path(sys.prefix).parents[1]
"""Parent folder of all environments."""

DEFAULT_LOCKFILE = "3rdparty/python/default.lock"
UV_LOCKFILE = "build-support/bootstrap/uv.lock"


def environment(lockfile: str) -> Path:
    """Return the folder of the virtual environment made from a lockfile.

    Parameters
    ----------
    lockfile
        Path in the repository.

    Raises
    ------
    ValueError
        If there is no such environment.
    """
    path = Path(get_buildroot(), lockfile)
    content = path.read_bytes()
    # As `git hash-object` computes it.
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()[:16]  # noqa: S324
    found = CACHE / f"{path.stem}-{digest}" / "venv"
    if not (found / "bin/python").exists():
        raise ValueError(f"{found}, made from {lockfile}, is missing; bin/pants makes it")
    return found
