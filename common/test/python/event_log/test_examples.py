"""The Python examples in the documentation run as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from event_log_testing.cloud import EVENT

from event_log.checkpoint import Checkpoint
from event_log.models import VisitEvent

PAGE = Path(__file__).parents[4] / "docs/event-log-queries.md"

EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

OUTPUTS = [
    "Visits and their quality: visits of 2024-01",
    "days_from_visit_to_submit",
    "count_star()",
]
"""A part of each example's output, in the order of the page."""


def test_every_documented_example_is_tested() -> None:
    assert len(EXAMPLES) == len(OUTPUTS)


@pytest.mark.parametrize(("example", "output"), list(zip(EXAMPLES, OUTPUTS, strict=False)))
def test_documented_example(
    example: str,
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    events = [VisitEvent.model_validate(EVENT)]
    Checkpoint.from_events(events).dataframe.write_parquet("checkpoint.parquet")
    exec(compile(example, PAGE.name, "exec"), {})  # noqa: S102 - our own documentation
    assert output in capsys.readouterr().out
    if "write_report" in example:
        suffixes = {file.suffix for file in (tmp_path / "monthly-report").iterdir()}
        assert suffixes == {".txt", ".csv", ".xlsx"}
