"""The code that runs is the clone's, in the environment of the clone's lockfile."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from scripts.script_clone import Clone, executable

CLI = """
import os, sys
print(os.getpid(), os.getcwd(), *sys.argv[1:], sep="|")
sys.exit(5)
"""


@pytest.fixture
def environment(clone: Clone) -> Path:
    """Lay out an exported environment and a command line; returns the environment's folder."""
    folder = clone.root / "dist/export/python/virtualenvs/python-default"
    executable(folder / "3.12.1/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    shutil.copy(clone.root / "3rdparty/python/default.lock", folder / "made-from.lock")
    package = clone.root / "common/src/python/run_local"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(CLI)
    return folder


@pytest.mark.usefixtures("environment")
def test_the_clones_code_runs_in_the_callers_folder(clone: Clone, tmp_path: Path) -> None:
    # Neither a module that lies there nor one on the user's path is imported in its stead.
    for folder in (tmp_path, tmp_path / "other"):
        (folder / "run_local").mkdir(parents=True)
        (folder / "run_local" / "__init__.py").touch()
        (folder / "run_local" / "cli.py").write_text("print('wrong')\n")

    process = clone.start(
        *("run-local.sh", "region-report", "--output-dir", "a b"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "other")},
    )
    out, err = process.communicate(timeout=60)

    assert process.returncode == 5, err
    assert out == f"{process.pid}|{tmp_path}|region-report|--output-dir|a b\n"


def test_another_lockfile_means_another_environment(clone: Clone, environment: Path) -> None:
    (clone.root / "3rdparty/python/default.lock").write_text("other==1\n")

    result = clone.run("run-local.sh", "region-report")

    # A new one would be made, for which this machine lacks an interpreter.
    assert result.returncode == 1
    assert "no CPython 3.12 found" in result.stderr
    assert environment.exists()
