"""Messages on a machine without the interpreters, and the choice of interpreters."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest
from scripts.script_clone import UNSET, Clone, executable

DEFAULT = "3rdparty/python/default.lock"
PANTS = "build-support/bootstrap/pants.lock"
RUNTIME = "3rdparty/python/lambda-runtime.lock"
UV = "build-support/bootstrap/uv.lock"


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


def test_a_broken_shim_is_not_used_as_an_interpreter(clone: Clone) -> None:
    clone.command("python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127\n")

    result = clone.run("pants", "--version")

    assert result.returncode == 1
    assert "no CPython 3.12 found" in last_line(result.stderr)


def test_an_interpreter_of_another_version_is_refused(clone: Clone) -> None:
    other = executable(clone.path / "python3.9", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    result = clone.run("pants", "--version", env={"PYTHON_3_12": "/nowhere/python3.12"})
    assert result.returncode == 1
    assert "PYTHON_3_12=/nowhere/python3.12 is not a working CPython 3.12" in result.stderr

    clone.install(DEFAULT)
    result = clone.run("pants", "--version", env={"PYTHON_3_9": str(other)})
    assert result.returncode == 1
    assert f"PYTHON_3_9={other} is not a working CPython 3.9" in result.stderr


def test_another_interpreter_means_another_environment(clone: Clone) -> None:
    clone.install(DEFAULT)

    result = clone.run("pants", "--version", env={"PYTHON_3_12": "/nowhere/python3.12"})

    assert result.returncode == 1
    assert "PYTHON_3_12=/nowhere/python3.12 is not a working CPython 3.12" in result.stderr


def test_uv_provides_the_missing_interpreter(clone: Clone) -> None:
    clone.install(DEFAULT)
    calls = clone.home / "calls"
    clone.command("uv", f'echo "$@" >>"{calls}"; exit 1\n')

    result = clone.run("pants", "--version")

    assert result.returncode == 1
    assert calls.read_text().splitlines()[0] == "python install 3.9"
    assert "trying 'uv python install 3.9'" in result.stderr
    assert "no CPython 3.9 found, which is needed for Pants" in last_line(result.stderr)


def test_what_uv_installed_is_used(clone: Clone) -> None:
    clone.command("uv", f'[[ "$2" == find ]] && echo "{sys.executable}"; exit 0\n')
    pinned_uv(clone, "exit 3")

    result = clone.run("pants", "--version")

    assert result.returncode == 1
    assert "trying 'uv python install 3.12'" in result.stderr
    # The interpreter was accepted; the pinned uv is called next.
    assert "installing the project's packages" in result.stderr
    assert "the project's packages could not be installed" in last_line(result.stderr)


def pinned_uv(clone: Clone, script: str) -> Path:
    """Put a script in place of the pinned uv; returns the file to which it can write."""
    home = clone.install(UV)
    calls = clone.home / "uv-calls"
    executable(home / "venv/bin/uv", f'#!/bin/sh\ncalls="{calls}"\n{script}\n')
    return calls


@pytest.mark.usefixtures("python_3_12")
def test_packages_are_installed_by_uv_with_hashes_once(clone: Clone) -> None:
    calls = pinned_uv(
        clone,
        """echo "$@" >>"${calls}"
case "$3 $4" in
  "venv --quiet") for last; do :; done; mkdir -p "${last}/bin"; ln -s /bin/true "${last}/bin/python"
  echo "home = /x" >"${last}/pyvenv.cfg" ;;
esac""",
    )
    ready_pants(clone)

    for _ in range(2):
        result = clone.run("pants", "--version")
        assert result.returncode == 0, result.stderr

    made, installed = calls.read_text().splitlines()
    assert " venv --quiet --no-project --python " in made
    assert " pip sync --quiet --require-hashes " in installed
    assert installed.endswith("/3rdparty/python/default.lock")


@pytest.mark.usefixtures("python_3_12")
def test_a_failed_installation_is_not_used(clone: Clone) -> None:
    pinned_uv(clone, "echo no network >&2; exit 1")
    ready_pants(clone)

    for _ in range(2):
        result = clone.run("pants", "--version")
        assert result.returncode == 1
        assert result.stderr.splitlines()[-2] == "no network"
        assert "the project's packages could not be installed" in last_line(result.stderr)


def ready_pants(clone: Clone) -> Path:
    """Create an installed Pants that prints its folder and arguments; returns its home."""
    home = clone.install(PANTS)
    executable(home / "venv/bin/pants", "#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\n")
    return home


def test_pants_is_called_from_any_folder_and_through_a_link(clone: Clone, tmp_path: Path) -> None:
    clone.install(DEFAULT)
    clone.install(RUNTIME)
    clone.install(UV)
    ready_pants(clone)
    (clone.root / "bin" / "linked").symlink_to("pants")

    for script in ("pants", "linked"):
        result = clone.run(script, "test", "a b", "", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines() == [str(clone.root), "test", "a b", ""]


def test_pants_gets_the_interpreters_that_the_environments_were_made_with(clone: Clone) -> None:
    clone.install(DEFAULT)
    clone.install(UV)
    home = ready_pants(clone)
    executable(home / "venv/bin/pants", '#!/bin/sh\necho "$PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH"\n')

    result = clone.run("pants")

    folders = "['/where/python/of/default/is', '/where/python/of/pants/is']"
    assert result.stdout.strip() == folders, result.stderr


def test_pants_does_not_start_without_the_uv_that_builds_layers(clone: Clone) -> None:
    clone.install(DEFAULT)
    ready_pants(clone)

    # This machine has no interpreter with which uv could be installed.
    result = clone.run("pants", "package")

    assert result.returncode == 1
    assert result.stdout == ""
    assert "uv could not be installed" in last_line(result.stderr)


def test_an_interrupted_installation_starts_again(clone: Clone) -> None:
    clone.install(DEFAULT)
    (ready_pants(clone) / "ready").unlink()

    result = clone.run("pants", "--version", env={"PYTHON_3_9": "/nowhere"})

    assert result.returncode == 1
    assert "PYTHON_3_9=/nowhere is not a working CPython 3.9" in last_line(result.stderr)


@pytest.mark.parametrize("value", [UNSET, ""])
def test_without_home_the_user_database_is_used(clone: Clone, value: str) -> None:
    result = clone.run("exec-in-devcontainer.sh", "sh", "-c", 'echo "${HOME}"', env={"HOME": value})

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == pwd.getpwuid(os.getuid()).pw_dir


def test_without_any_home_one_line_says_what_to_do(clone: Clone) -> None:
    common = clone.root / "build-support/bootstrap/common.sh"
    # As for a user who is not in the user database.
    common.write_text(common.read_text().replace("HOME=~", "HOME=/proc/none"))

    for script in ("pants", "run-local.sh", "deploy.sh", "exec-in-devcontainer.sh", "terminal.sh"):
        result = clone.run(script, "x", env={"HOME": UNSET})
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"{script}: HOME is not set")
        assert "set HOME to a folder that you can write to" in line
