from __future__ import annotations

import json
import re
from pathlib import Path

import costs
import pytest
from scripts.script_clone import ROOT

PAGE = (ROOT / "docs/costs.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """Return the rows of the table below a title."""
    (part,) = re.findall(rf"^## {title}\n\n(.*?)(?:\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines()[2:]]


def number(cell: str) -> float:
    return float(cell.split()[0].replace(",", "").lstrip("$"))


def test_the_page_is_what_the_figures_give() -> None:
    generated = costs.tables(ROOT)
    assert costs.written(PAGE, generated) == PAGE, "python build-support/ci/costs.py writes it anew"


@pytest.mark.parametrize("pipeline", costs.pipelines(ROOT), ids=lambda one: one.title)
def test_the_page_adds_up(pipeline: costs.Pipeline) -> None:
    prices = {name: number(dollars) for name, dollars, *_ in rows("Prices")}
    *lines, total = rows(pipeline.title)
    exact = 0.0
    for name, amount, _, dollars in lines:
        exact += number(amount) * prices[name]
        assert number(dollars) == pytest.approx(number(amount) * prices[name], abs=0.0051)
    assert number(total[3]) == pytest.approx(exact, abs=0.0051)
    on_x86 = {title: number(dollars) for title, dollars, _ in rows("A month")}
    assert on_x86[pipeline.title] == number(total[3])


def test_arm64_costs_less_by_its_compute_time_only() -> None:
    for pipeline in costs.pipelines(ROOT):
        (compute,) = (line for line in pipeline.lines if line.price == "Lambda on x86_64")
        less = pipeline.dollars("x86_64") - pipeline.dollars("arm64")
        assert less == pytest.approx(compute.dollars * 0.2, rel=0.01)


def test_each_function_is_paid_for_at_its_memory(tmp_path: Path) -> None:
    settings = json.loads((ROOT / "lambda/functions.json").read_text(encoding="utf-8"))
    before = costs.pipelines(ROOT)
    for function in settings["region_report"].values():
        function["memory_mb"] *= 2
    (tmp_path / "lambda").mkdir()
    (tmp_path / "lambda/functions.json").write_text(json.dumps(settings), encoding="utf-8")
    after = costs.pipelines(tmp_path)
    assert after[0].lines[0].amount == pytest.approx(2 * before[0].lines[0].amount)
    assert after[1:] == before[1:]


def test_the_alarms_are_those_of_the_configuration() -> None:
    """Each function has those of its module, and a pipeline those of its own files."""
    text = (ROOT / "terraform/modules/function_alarms/main.tf").read_text(encoding="utf-8")
    assert len(re.findall(r"^    (\w+) = \{$", text, re.MULTILINE)) == 3
    # The depth of the one queue, three ends of an execution, and three alarms of the data.
    own = (ROOT / "terraform/stacks/region_report/alarms.tf").read_text(encoding="utf-8")
    ends = len(re.findall(r"^    [\w-]+ = \{$", own, re.MULTILINE))
    others = own.count('resource "aws_cloudwatch_metric_alarm"') - 1
    others += own.count('source = "../../modules/heartbeat_alarm"')
    (alarms,) = (one for one in costs.region_report(ROOT).lines if one.price == "Alarms")
    assert alarms.amount == 3 * 5 + 1 + ends + others
