"""Packages are made where they are missing or outdated, and only there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from artefacts.errors import PackagingError
from artefacts.function_settings import FunctionSettings
from artefacts.packaging import packaged

FUNCTIONS = {"maker": FunctionSettings(memory_mb=128, timeout_seconds=1, layers=("common",))}

FUNCTION, LAYER = "lambda/maker/src/python/its_maker_lambda:lambda", "lambda/layers:common-arm64"

PANTS = """#!/bin/sh
# Stands for Pants: notes its targets and leaves packages.
cd "$(dirname "$0")/.."
echo "$@" >>calls
[ ! -e broken ] || exit 1
mkdir -p dist/functions dist/layers/arm64
case "$*" in *maker_lambda*) echo function >dist/functions/maker.zip ;; esac
case "$*" in *other_lambda*) echo other >dist/functions/other.zip ;; esac
case "$*" in *lambda/layers*) echo layer >dist/layers/arm64/common.zip ;; esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("bin/pants", "common/src/python/code.py", "3rdparty/python/default.lock"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(PANTS)
        path.chmod(0o755)
    for name in ("maker", "other"):
        (tmp_path / f"lambda/{name}/src/python/its_{name}_lambda").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def made(clone: Path) -> Callable[[], set[str]]:
    """Package; which targets Pants was asked for."""

    def run() -> set[str]:
        calls = clone / "calls"
        calls.unlink(missing_ok=True)
        artefacts = packaged(clone, "arm64", FUNCTIONS)
        assert artefacts.function("maker") == b"function\n"
        assert artefacts.layer("common") == b"layer\n"
        words = calls.read_text().split() if calls.exists() else []
        return {word for word in words if word.startswith("lambda/")}

    return run


def test_what_is_missing_is_made_and_what_is_there_is_not(
    clone: Path, made: Callable[[], set[str]]
) -> None:
    assert made() == {FUNCTION, LAYER}
    assert made() == set()
    (clone / "dist/layers/arm64/common.zip").unlink()
    assert made() == {LAYER}
    (clone / "dist/functions/maker.zip").write_text("of another version")
    assert made() == {FUNCTION}
    assert made() == set()


def test_one_pipeline_does_not_outdate_another(clone: Path, made: Callable[[], set[str]]) -> None:
    made()
    other = {"other": FunctionSettings(memory_mb=128, timeout_seconds=1)}
    assert packaged(clone, "arm64", other).function("other") == b"other\n"
    assert made() == set()
    calls = clone / "calls"
    packaged(clone, "arm64", other)
    assert not calls.exists()


def test_what_changed_is_made_again_and_nothing_else(
    clone: Path, made: Callable[[], set[str]]
) -> None:
    made()
    (clone / "common/src/python/code.py").write_text("new")
    assert made() == {FUNCTION}
    (clone / "common/src/python/more.py").write_text("new")
    assert made() == {FUNCTION}
    (clone / "3rdparty/python/default.lock").write_text("new")
    assert made() == {LAYER}
    (clone / "pants.toml").write_text("new")
    assert made() == {FUNCTION, LAYER}
    assert made() == set()


def test_files_of_terraform_are_not_packaged(clone: Path, made: Callable[[], set[str]]) -> None:
    made()
    folder = clone / "lambda/maker"
    (folder / ".terraform/modules").mkdir(parents=True)
    for name in ("main.tf", ".terraform.lock.hcl", "terraform.tfstate", ".terraform/modules/a"):
        (folder / name).write_text("new")
        assert made() == set(), name
    (folder / "src/python/its_maker_lambda/new.py").write_text("new")
    assert made() == {FUNCTION}


def test_what_could_not_be_made_is_made_the_next_time(
    clone: Path, made: Callable[[], set[str]]
) -> None:
    (clone / "broken").touch()
    with pytest.raises(PackagingError, match="Pants says why, above"):
        made()
    (clone / "broken").unlink()
    assert made() == {FUNCTION, LAYER}
