"""The examples in all docstrings run as written, without calls over the network."""

from __future__ import annotations

import doctest
import importlib
import re
import socket
from pathlib import Path

import pytest

import lambda_core

SOURCES = Path(lambda_core.__file__).parents[1]

MODULES = [
    ".".join(file.relative_to(SOURCES).with_suffix("").parts)
    for file in sorted(SOURCES.rglob("*.py"))
    if re.search(r"^ *>>> ", file.read_text(encoding="utf-8"), re.MULTILINE)
]

USED_BY_MANY = {
    "aws_ssm_fetcher.core.cache": {"CacheManager"},
    "aws_ssm_fetcher.core.cache_tiers": {"entry_name"},
    "aws_ssm_fetcher.core.config": {"Config"},
    "aws_ssm_fetcher.data_fetcher": {"AWSSSMDataFetcher"},
    "aws_ssm_fetcher.data_sources.rss": {"BundledLaunchFeed", "parse_date"},
    "aws_ssm_fetcher.pipeline": {"Options", "make_report"},
    "aws_ssm_fetcher.processors.pipeline_orchestrator": {"process"},
    "aws_ssm_fetcher.processors.regional_validator": {"grade"},
    "event_log.checkpoint": set[str](),
    "event_log.event_file": set[str](),
    "event_log.file_names": set[str](),
    "event_log.layout": set[str](),
    "event_log.models": set[str](),
    "event_log.monthly_report": set[str](),
    "event_log.query_validation": set[str](),
    "event_log.s3_retriever": set[str](),
    "lambda_core.circuit_breaker": {"CircuitBreaker"},
    "lambda_core.concurrency": {"map_concurrently"},
    "lambda_core.contracts": {"parse_event"},
    "lambda_core.rate_limit": {"RateLimiter"},
    "lambda_core.retry": {"RetryPolicy"},
    "lambda_core.settings": {"EnvironmentSettings"},
    "lambda_core.spreadsheet": {"cell_text", "literal", "neutralise", "visible"},
}
"""Modules that must have examples, and the names in them that must."""


def test_modules_that_must_have_examples_exist() -> None:
    assert set(MODULES) >= set(USED_BY_MANY)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connect_to_loopback(self: socket.socket, address: tuple[str, int]) -> None:
        assert address[0] in {"127.0.0.1", "localhost"}, f"an example connects to {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_to_loopback)
    module = importlib.import_module(name)
    found = {test.name for test in doctest.DocTestFinder().find(module) if test.examples}
    assert found >= {f"{name}.{part}" for part in USED_BY_MANY.get(name, ())}
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
