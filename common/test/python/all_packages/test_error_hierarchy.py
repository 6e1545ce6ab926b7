"""The docstring of `lambda_core.errors` shows every error class of the project."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import lambda_core.errors

SOURCES = Path(lambda_core.errors.__file__).parents[1]
FUNCTIONS = SOURCES.parents[2] / "lambda"

LINE = re.compile(r"^ {4}(?P<indent>(?:  )*)(?P<name>\w+)(?: \((?P<module>[\w.]+)\))?: ", re.M)
"""A line of the tree: `Name (module): meaning`."""

BUILT_IN = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}

type Tree = dict[str, tuple[str, str]]
"""Base class and module by the name of a class."""


def shown() -> Tree:
    """Return the tree of the docstring."""
    tree: Tree = {}
    path: list[str] = []
    for line in LINE.finditer(lambda_core.errors.__doc__ or ""):
        depth = len(line["indent"]) // 2
        assert depth <= len(path), f"{line['name']} is indented too far"
        path[depth:] = [line["name"]]
        if line["name"] in BUILT_IN:
            continue
        assert line["name"] not in tree, f"{line['name']} is shown twice"
        tree[line["name"]] = (path[depth - 1], line["module"] or "lambda_core.errors")
    return tree


def classes() -> Iterator[tuple[str, str, str]]:
    """Yield the name, the first base class and the module of every class."""
    roots = [SOURCES, *sorted(FUNCTIONS.glob("*/src/python"))]
    for root in roots:
        for file in sorted(root.rglob("*.py")):
            module = ".".join(file.relative_to(root).with_suffix("").parts)
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.ClassDef) and node.bases:
                    yield node.name, ast.unparse(node.bases[0]).rpartition(".")[2], module


def defined() -> Tree:
    """Return the tree of the code, without the classes that never leave their module."""
    found = list(classes())
    errors = set(BUILT_IN)
    while more := {name for name, base, _ in found if base in errors} - errors:
        errors |= more
    tree: Tree = {}
    for name, base, module in found:
        if name in errors and not name.startswith("_"):
            assert name not in tree, f"{name} is defined twice"
            tree[name] = (base, module)
    return tree


def test_the_tree_shows_every_error_with_its_base_and_module() -> None:
    assert len(defined()) > 40
    assert shown() == defined()
