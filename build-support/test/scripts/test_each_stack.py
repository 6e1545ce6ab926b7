from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from scripts.script_clone import ROOT, executable


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    script = tmp_path / "build-support/ci/each_stack.sh"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "build-support/ci/each_stack.sh", script)
    for name in ("tracker", "github_oidc", "report"):
        (tmp_path / "terraform/stacks" / name).mkdir(parents=True)
        (tmp_path / "terraform/stacks" / name / "main.tf").touch()
    # Contains only what its functions need.
    (tmp_path / "terraform/stacks/to_come").mkdir()
    executable(
        tmp_path / "bin/deploy.sh",
        '#!/usr/bin/env bash\necho "$*" >>calls\n[[ "$1" != broken ]]\n',
    )
    return tmp_path


def run(clone: Path, *arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(  # noqa: S603  # The project's own script.
        [clone / "build-support/ci/each_stack.sh", *arguments],
        cwd="/",
        capture_output=True,
        check=False,
    )
    calls = clone / "calls"
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


def test_each_stack_but_that_of_the_roles(clone: Path) -> None:
    assert run(clone, "prod", "--approved", "prod") == (
        0,
        ["report prod --approved prod", "tracker prod --approved prod"],
    )


def test_nothing_runs_after_a_failure(clone: Path) -> None:
    (clone / "terraform/stacks/report").rename(clone / "terraform/stacks/broken")
    assert run(clone, "dev") == (1, ["broken dev"])


def test_an_environment_is_wanted(clone: Path) -> None:
    code, calls = run(clone)
    assert code
    assert calls == []
