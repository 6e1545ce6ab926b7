"""Entry point of the plugin for Pants."""

from __future__ import annotations

from typing import Iterable

from pants.engine.rules import Rule
from pants.engine.unions import UnionRule

from code_checks import files, python, tools


def rules() -> Iterable[Rule | UnionRule]:
    """All rules of the plugin."""
    return (*tools.rules(), *python.rules(), *files.rules())
