from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from aws_ssm_fetcher.core.cache import CacheManager
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.core.logging import StepTimings, configure_logging, get_logger, timed_step


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log output; the logging configuration of the process is restored at the end."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    yield stream
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)


def test_a_step_is_timed_and_logged(lines: io.StringIO) -> None:
    timings = StepTimings()

    with timed_step("reading regions", timings):
        get_logger("aws_ssm_fetcher.test").info("Regions were read", extra={"regions": 39})

    assert [step.name for step in timings.steps] == ["reading regions"]
    assert "Regions were read regions=39" in lines.getvalue()
    assert "reading regions took" in lines.getvalue()


def test_the_cache_warns_in_one_line(lines: io.StringIO, tmp_path: Path) -> None:
    (tmp_path / "key.cache.json").write_bytes(b"{")

    assert CacheManager(Config(cache_dir=str(tmp_path))).get("key") is None

    (line,) = lines.getvalue().splitlines()
    assert "WARNING" in line
    assert "Removed cache entry 'key' from the file tier: it is not an entry: " in line
