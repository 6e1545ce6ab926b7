"""The examples in all docstrings run as written."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import lambda_core

SOURCES = Path(lambda_core.__file__).parents[1]

MODULES = [
    ".".join(file.relative_to(SOURCES).with_suffix("").parts)
    for file in sorted(SOURCES.rglob("*.py"))
    if re.search(r"^ *>>> ", file.read_text(encoding="utf-8"), re.MULTILINE)
]

CALLED_BY_USERS = {
    "event_log.checkpoint",
    "event_log.event_file",
    "event_log.file_names",
    "event_log.layout",
    "event_log.models",
    "event_log.monthly_report",
    "event_log.query_validation",
    "event_log.s3_retriever",
    "lambda_core.concurrency",
    "lambda_core.contracts",
    "lambda_core.rate_limit",
    "lambda_core.retry",
    "lambda_core.settings",
    "lambda_core.spreadsheet",
}
"""Modules that must have examples."""


def test_modules_that_users_call_have_examples() -> None:
    assert set(MODULES) >= CALLED_BY_USERS


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
