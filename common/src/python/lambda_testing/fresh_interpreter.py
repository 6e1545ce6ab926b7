"""Finds which packages a fresh interpreter loads when it imports a module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection

_SCRIPT = """
import importlib, json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is not in this function's layers")

blocked = set(json.loads(sys.argv[2]))
sys.meta_path.insert(0, Refuse())
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def packages_after_import(module: str, *, blocked: Collection[str] = ()) -> set[str]:
    """Import a module in a new interpreter.

    Parameters
    ----------
    module
        Full name of the module.
    blocked
        Packages that cannot be imported, as if they were not installed.

    Returns
    -------
    set of str
        The loaded top-level packages.

    Raises
    ------
    AssertionError
        The import failed. The message has the traceback.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", _SCRIPT, module, json.dumps(sorted(blocked))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"import {module} failed:\n{done.stderr}")
    return set(json.loads(done.stdout))
