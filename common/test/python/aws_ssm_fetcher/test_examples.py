"""The examples in docstrings run as written, without calls over the network."""

from __future__ import annotations

import doctest
import socket
from types import ModuleType
from typing import Any, NoReturn

import pytest

from aws_ssm_fetcher import data_fetcher, pipeline
from aws_ssm_fetcher.core import cache, cache_tiers, config
from aws_ssm_fetcher.data_sources import rss
from aws_ssm_fetcher.processors import pipeline_orchestrator, regional_validator


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (config, ["Config"]),
        (cache, ["CacheManager"]),
        (cache_tiers, ["entry_name"]),
        (data_fetcher, ["AWSSSMDataFetcher"]),
        (rss, ["BundledLaunchFeed", "parse_date"]),
        (pipeline, ["Options", "make_report"]),
        (pipeline_orchestrator, ["process"]),
        (regional_validator, ["grade"]),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else None,
)
def test_examples_run(
    module: ModuleType, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> NoReturn:  # noqa: ANN401 - of the socket's method
        raise AssertionError("an example opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = {test.name for test in doctest.DocTestFinder().find(module) if test.examples}
    assert found >= {f"{module.__name__}.{name}" for name in names}
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed
