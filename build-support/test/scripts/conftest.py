"""Fixtures for the tests of the project's scripts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from scripts.script_clone import ROOT, SYSTEM_COMMANDS, Clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone whose path contains a space, on a machine without Python, uv and Docker."""
    root = tmp_path / "a clone"
    for name in ("bin", "build-support/bootstrap", "3rdparty/python"):
        shutil.copytree(ROOT / name, root / name)
    path = tmp_path / "path"
    path.mkdir()
    for name in SYSTEM_COMMANDS:
        found = shutil.which(name)
        assert found, f"{name} is needed to test the scripts"
        (path / name).symlink_to(found)
    home = tmp_path / "home"
    home.mkdir()
    return Clone(root, home, path)


@pytest.fixture
def python_3_12(clone: Clone) -> Path:
    """Put the interpreter that runs this test on the PATH, as python3.12."""
    return clone.command("python3.12", f'exec "{sys.executable}" "$@"\n')
