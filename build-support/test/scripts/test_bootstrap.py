"""What a machine without the interpreters is told, and which interpreters are taken."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from scripts.script_clone import Clone, executable


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def test_without_any_python_one_line_says_what_to_install(clone: Clone) -> None:
    result = clone.run("pants", "--version")

    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "no CPython 3.12 found" in line
    assert "pyenv install 3.12" in line
    assert "PYTHON_3_12" in line


def test_a_broken_shim_is_not_taken_for_an_interpreter(clone: Clone) -> None:
    clone.command("python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127\n")

    result = clone.run("pants", "--version")

    assert result.returncode == 1
    assert "no CPython 3.12 found" in last_line(result.stderr)


def test_an_interpreter_of_another_version_is_refused(clone: Clone) -> None:
    other = executable(clone.path / "python3.9", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    result = clone.run("pants", "--version", env={"PYTHON_3_12": "/nowhere/python3.12"})
    assert result.returncode == 1
    assert "PYTHON_3_12=/nowhere/python3.12 is no working CPython 3.12" in result.stderr

    result = clone.run(
        "pants", "--version", env={"PYTHON_3_12": sys.executable, "PYTHON_3_9": str(other)}
    )
    assert result.returncode == 1
    assert f"PYTHON_3_9={other} is no working CPython 3.9" in result.stderr


@pytest.mark.usefixtures("python_3_12")
def test_uv_is_asked_for_the_missing_interpreter(clone: Clone) -> None:
    calls = clone.home / "calls"
    clone.command("uv", f'echo "$@" >>"{calls}"; exit 1\n')

    result = clone.run("pants", "--version")

    assert result.returncode == 1
    assert calls.read_text().splitlines()[0] == "python install 3.9"
    assert "trying 'uv python install 3.9'" in result.stderr
    assert "no CPython 3.9 found, which Pants needs" in last_line(result.stderr)


def test_what_uv_installed_is_used(clone: Clone) -> None:
    clone.command("uv", f'[[ "$2" == find ]] && echo "{sys.executable}"; exit 0\n')

    result = clone.run("pants", "--version")

    # For 3.12 it is right; for 3.9, which comes next, the same interpreter is wrong.
    assert result.returncode == 1
    assert "trying 'uv python install 3.12'" in result.stderr
    assert "no CPython 3.9 found" in last_line(result.stderr)


def ready_pants(clone: Clone) -> Path:
    """Lay out what a finished set-up leaves, with a Pants that prints where and with what it runs.

    Returns the mark of a finished set-up.
    """
    lockfile = (clone.root / "build-support" / "bootstrap" / "pants.lock").read_bytes()
    digest = hashlib.sha1(b"blob %d\0" % len(lockfile) + lockfile).hexdigest()  # noqa: S324  # As git.
    home = clone.home / ".cache" / "pants-from-pypi" / f"pants-{digest[:16]}"
    executable(home / "venv" / "bin" / "python", "#!/bin/sh\n")
    executable(home / "venv" / "bin" / "pants", "#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\n")
    (home / "venv" / "pyvenv.cfg").write_text("home = /where/python/is\n")
    (home / "ready").touch()
    return home / "ready"


@pytest.mark.usefixtures("python_3_12")
def test_pants_is_called_from_any_folder_and_through_a_link(clone: Clone, tmp_path: Path) -> None:
    ready_pants(clone)
    (clone.root / "bin" / "linked").symlink_to("pants")

    for script in ("pants", "linked"):
        result = clone.run(script, "test", "a b", "", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines() == [str(clone.root), "test", "a b", ""]


@pytest.mark.usefixtures("python_3_12")
def test_a_set_up_that_was_interrupted_is_begun_anew(clone: Clone) -> None:
    ready_pants(clone).unlink()

    result = clone.run("pants", "--version", env={"PYTHON_3_9": "/nowhere"})

    assert result.returncode == 1
    assert "PYTHON_3_9=/nowhere is no working CPython 3.9" in last_line(result.stderr)
