"""The code of the clone runs, in the environment of the clone's lockfile."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.script_clone import ROOT, Clone

CLI = """
import os, sys
print(os.getpid(), os.getcwd(), *sys.argv[1:], sep="|")
sys.exit(5)
"""


@pytest.fixture
def environment(clone: Clone) -> Path:
    """Create an environment and a command line; returns the environment's folder."""
    folder = clone.install("3rdparty/python/default.lock")
    clone.install("build-support/bootstrap/pants.lock")
    package = clone.root / "common/src/python/run_local"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(CLI)
    return folder


@pytest.mark.usefixtures("environment")
def test_the_clones_code_runs_in_the_callers_folder(clone: Clone, tmp_path: Path) -> None:
    # A module in the current folder or on the user's path must not replace it.
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

    # It would create a new environment, but this machine has no interpreter.
    assert result.returncode == 1
    assert "no CPython 3.12 found" in result.stderr
    assert environment.exists()


PYTHON_HELP = {"deploy.sh", "pants", "run-local.sh", "verify-deploy.sh"}
"""Scripts whose help comes from the program that they start."""

SCRIPTS = sorted(path.name for path in (ROOT / "bin").iterdir())


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name not in PYTHON_HELP])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_script_explains_itself_without_installing_anything(
    clone: Clone, script: str, option: str
) -> None:
    result = clone.run(script, option)

    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    summary, _, usage = result.stdout.partition("\n\n")
    assert summary.rstrip().endswith(".")
    assert f"  bin/{script}" in usage
    assert not (clone.home / ".cache").exists()


@pytest.mark.parametrize(
    "script",
    [
        *("build-container.sh", "start-devcontainer.sh", "stop-devcontainer.sh", "terminal.sh"),
        "upgrade-lockfiles.sh",
    ],
)
def test_an_unexpected_argument_is_rejected(clone: Clone, script: str) -> None:
    result = clone.run(script, "--everything")
    assert result.returncode == 2
    assert result.stderr.startswith(f"{script}: unexpected argument: --everything\n")
    assert f"  bin/{script}" in result.stderr
