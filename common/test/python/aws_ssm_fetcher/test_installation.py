"""The installable package that pyproject.toml describes: what it contains and requires."""

from __future__ import annotations

import ast
import importlib
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import aws_ssm_data_fetcher

SOURCES = Path(aws_ssm_data_fetcher.__file__).parent
ROOT = SOURCES.parents[2]
SUPPLIED_BY: dict[str, str] = {"botocore": "boto3", "pydantic-core": "pydantic"}
"""Distributions that come with a required one and always match its version."""


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    # Pants copies it to the first path, and writes its own file to the second.
    paths = [ROOT / "package" / "pyproject.toml", ROOT / "pyproject.toml"]
    return tomllib.loads(next(path for path in paths if path.exists()).read_text())


def source_files(pyproject: dict[str, Any]) -> list[Path]:
    """Return the files of the installed packages and modules."""
    settings = pyproject["tool"]["setuptools"]
    found = settings["packages"]["find"]
    assert [ROOT / folder for folder in found["where"]] == [SOURCES]
    modules = [SOURCES / f"{name}.py" for name in settings["py-modules"]]
    packages = [
        path
        for path in SOURCES.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.parent != SOURCES
        and any(
            fnmatch(".".join(path.parent.relative_to(SOURCES).parts), pattern)
            for pattern in found["include"]
        )
    ]
    return modules + packages


def imported_at_run_time(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level names that a module imports, except those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import():
                yield from (name.name.partition(".")[0] for name in node.names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]
        yield from imported_at_run_time(node)


def test_the_package_requires_what_it_imports(pyproject: dict[str, Any]) -> None:
    files = [path for path in source_files(pyproject) if path.suffix == ".py"]
    trees = [ast.parse(path.read_text()) for path in files]
    imported = {name for tree in trees for name in imported_at_run_time(tree)}
    own = {path.relative_to(SOURCES).parts[0].removesuffix(".py") for path in files}
    known = packages_distributions()

    assert {"aws_ssm_data_fetcher", "aws_ssm_fetcher", "lambda_core"} <= own
    distributions = set()
    for name in imported - own - sys.stdlib_module_names:
        assert name in known, f"{name} is neither installed nor part of the package"
        (distribution,) = {canonicalize_name(found) for found in known[name]}
        distributions.add(SUPPLIED_BY.get(distribution, distribution))
    required = {
        canonicalize_name(Requirement(text).name) for text in pyproject["project"]["dependencies"]
    }
    assert required == distributions


def test_versions_are_those_that_the_code_is_tested_with(pyproject: dict[str, Any]) -> None:
    lines = (ROOT / "3rdparty/python/requirements.txt").read_text().splitlines()

    assert set(pyproject["project"]["dependencies"]) <= set(lines)


def test_data_files_are_included(pyproject: dict[str, Any]) -> None:
    data = pyproject["tool"]["setuptools"]["package-data"]
    expected = {
        path.relative_to(SOURCES)
        for path in source_files(pyproject)
        if path.suffix != ".py" and path.name != "BUILD"
    }
    included = {
        path.relative_to(SOURCES)
        for package, patterns in data.items()
        for pattern in patterns
        for path in SOURCES.joinpath(*package.split(".")).glob(pattern)
    }

    assert included == expected
    assert included


def test_the_command_and_the_version_exist(pyproject: dict[str, Any]) -> None:
    (script,) = pyproject["project"]["scripts"].values()
    for target in (
        script.replace(":", "."),
        pyproject["tool"]["setuptools"]["dynamic"]["version"]["attr"],
    ):
        module, _, name = target.rpartition(".")
        assert hasattr(importlib.import_module(module), name)
    assert list(pyproject["project"]["scripts"]) == ["aws-ssm-fetcher"]
