"""Packages are built only if they are missing or outdated."""

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
# Replaces Pants: logs its targets and writes packages.
cd "$(dirname "$0")/.."
echo "$@" >>calls
[ ! -e broken ] || exit 1
mkdir -p dist/functions dist/layers/arm64
case "$*" in *maker_lambda*) echo function >dist/functions/maker.zip ;; esac
case "$*" in *other_lambda*) echo other >dist/functions/other.zip ;; esac
case "$*" in *lambda/layers*) echo layer >dist/layers/arm64/common.zip ;; esac
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("bin/pants", "common/src/python/code.py", "3rdparty/python/default.lock"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(PANTS)
        path.chmod(0o755)
    for name in ("maker", "other"):
        (tmp_path / f"lambda/{name}/src/python/its_{name}_lambda").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def build(repository: Path) -> Callable[[], set[str]]:
    """Package the function; returns the targets that Pants built."""

    def run() -> set[str]:
        calls = repository / "calls"
        calls.unlink(missing_ok=True)
        artefacts = packaged(repository, "arm64", FUNCTIONS)
        assert artefacts.function("maker") == b"function\n"
        assert artefacts.layer("common") == b"layer\n"
        words = calls.read_text().split() if calls.exists() else []
        return {word for word in words if word.startswith("lambda/")}

    return run


def test_only_missing_packages_are_built(repository: Path, build: Callable[[], set[str]]) -> None:
    assert build() == {FUNCTION, LAYER}
    assert build() == set()
    (repository / "dist/layers/arm64/common.zip").unlink()
    assert build() == {LAYER}
    (repository / "dist/functions/maker.zip").write_text("of another version")
    assert build() == {FUNCTION}
    assert build() == set()


def test_one_pipeline_does_not_outdate_another(
    repository: Path, build: Callable[[], set[str]]
) -> None:
    build()
    other = {"other": FunctionSettings(memory_mb=128, timeout_seconds=1)}
    assert packaged(repository, "arm64", other).function("other") == b"other\n"
    assert build() == set()
    calls = repository / "calls"
    packaged(repository, "arm64", other)
    assert not calls.exists()


def test_only_outdated_packages_are_built_again(
    repository: Path, build: Callable[[], set[str]]
) -> None:
    build()
    (repository / "common/src/python/code.py").write_text("new")
    assert build() == {FUNCTION}
    (repository / "common/src/python/more.py").write_text("new")
    assert build() == {FUNCTION}
    (repository / "3rdparty/python/default.lock").write_text("new")
    assert build() == {LAYER}
    (repository / "pants.toml").write_text("new")
    assert build() == {FUNCTION, LAYER}
    assert build() == set()


def test_terraform_files_do_not_outdate_packages(
    repository: Path, build: Callable[[], set[str]]
) -> None:
    build()
    folder = repository / "lambda/maker"
    (folder / ".terraform/modules").mkdir(parents=True)
    for name in ("main.tf", ".terraform.lock.hcl", "terraform.tfstate", ".terraform/modules/a"):
        (folder / name).write_text("new")
        assert build() == set(), name
    (folder / "src/python/its_maker_lambda/new.py").write_text("new")
    assert build() == {FUNCTION}


def test_a_failed_build_is_repeated_by_the_next_run(
    repository: Path, build: Callable[[], set[str]]
) -> None:
    (repository / "broken").touch()
    with pytest.raises(
        PackagingError, match="Pants could not package the functions; the cause is above"
    ):
        build()
    (repository / "broken").unlink()
    assert build() == {FUNCTION, LAYER}
