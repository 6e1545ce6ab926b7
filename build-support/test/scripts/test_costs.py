from __future__ import annotations

import json
import re
from pathlib import Path

import costs
import pytest
from scripts.script_clone import ROOT

PAGE = (ROOT / "docs/costs.md").read_text(encoding="utf-8")
FUNCTIONS = json.loads((ROOT / "lambda/functions.json").read_text(encoding="utf-8"))


def rows(title: str) -> list[list[str]]:
    """Return the rows of the table below a title."""
    (part,) = re.findall(rf"^## {title}\n\n(.*?)(?:\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines()[2:]]


def prices() -> dict[str, float]:
    """Return the prices of the page by their names."""
    return {
        re.sub(r"\[(.*)\].*", r"\1", name): float(dollars) for name, dollars, *_ in rows("Prices")
    }


def test_the_page_is_what_the_figures_give() -> None:
    assert costs.written(PAGE, costs.tables(ROOT)) == PAGE, "run: python build-support/ci/costs.py"


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= 90


def test_the_fixed_costs_add_up() -> None:
    price = prices()
    table = rows("Fixed costs of a month")
    assert len(table) == 3
    for title, alarms, dashboards, keys, dollars in table:
        expected = (
            int(alarms) * price["Alarms"]
            + int(dashboards) * price["Dashboards"]
            + int(keys) * price["KMS keys"]
        )
        assert float(dollars) == pytest.approx(expected, abs=0.0051), title


def test_the_requests_add_up() -> None:
    price = prices()
    table = rows("Requests of 1,000 runs")
    assert len(table) == 3
    for title, _, requests, dollars in table:
        counted = [part.split(" × ") for part in requests.split(", ")]
        expected = 1000 * sum(int(count) * price[name] for count, name in counted)
        assert float(dollars) == pytest.approx(expected, abs=0.0051), title


def test_compute_time_is_charged_by_memory_storage_and_architecture() -> None:
    price = prices()
    settings = {name: own for part in FUNCTIONS.values() for name, own in part.items()}
    table = rows("Compute time")
    assert {row[0].strip("`") for row in table} == settings.keys()
    for name, memory, x86, arm, most in table:
        own = settings[name.strip("`")]
        assert float(memory) == pytest.approx(own["memory_mb"] / 1024, abs=0.0051)
        storage = (own["ephemeral_storage_mb"] - 512) / 1024 * price["Lambda ephemeral storage"]
        for dollars, architecture in ((x86, "x86_64"), (arm, "arm64")):
            second = own["memory_mb"] / 1024 * price[f"Lambda {architecture}"] + storage
            assert float(dollars) == pytest.approx(1000 * second, abs=0.000051)
        assert float(most) == pytest.approx(own["timeout_seconds"] * float(x86) / 1000, abs=0.0001)


def test_a_function_with_more_memory_costs_more(tmp_path: Path) -> None:
    settings = json.loads(json.dumps(FUNCTIONS))
    settings["region_report"]["processor"]["memory_mb"] *= 2
    (tmp_path / "lambda").mkdir()
    (tmp_path / "lambda/functions.json").write_text(json.dumps(settings), encoding="utf-8")
    before, after = costs.functions(ROOT), costs.functions(tmp_path)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    ((old, new),) = changed
    assert new.name == "processor"
    assert new.dollars("x86_64", 10) == pytest.approx(2 * old.dollars("x86_64", 10))


def instances(block: str, configuration: str, functions: int) -> int:
    """Return how many instances of a resource or module a block of Terraform creates.

    A map in `locals` counts its keys, a set its elements. Every block that is named `functions` has
    an instance for each function.
    """
    each = re.search(r"^  for_each\s*= (.*)$", block, re.MULTILINE)
    if each is None:
        return 1
    if literal := re.search(r"toset\(\[(.*?)\]\)", each[1]):
        return literal[1].count('"') // 2
    name = each[1].rpartition(".")[2]
    if name == "functions":
        return functions
    (body,) = re.findall(rf"^  {name} = \{{\n(.*?)^  \}}", configuration, re.MULTILINE | re.DOTALL)
    return len(re.findall(r"^    [\w-]+\s*= ", body, re.MULTILINE))


def passed_functions(block: str, functions: int) -> int:
    """Return how many functions a block of Terraform passes to a module: those it names, or all."""
    passed = re.search(r"^  functions = \{\n(.*?)^  \}", block, re.MULTILINE | re.DOTALL)
    if passed is None or passed[1].lstrip().startswith("for "):
        return functions
    return len(re.findall(r"^    \(?[\w.]+\)?\s*= ", passed[1], re.MULTILINE))


def alarm_metrics(folder: Path, functions: int) -> int:
    """Count the metrics in all alarms of a stack or module, those of its modules included."""
    configuration = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.tf"))
    count = 0
    for block in re.findall(
        r'^((?:resource "aws_cloudwatch_metric_alarm"|module) "\w+" \{\n.*?^\})',
        configuration,
        re.MULTILINE | re.DOTALL,
    ):
        if source := re.search(r'^  source\s*= "(\..*)"$', block, re.MULTILINE):
            passed = passed_functions(block, functions)
            metrics = alarm_metrics((folder / source[1]).resolve(), passed)
        else:
            metrics = len(re.findall(r"^ +metric_name\s*=", block, re.MULTILINE))
        if metrics:
            count += metrics * instances(block, configuration, functions)
    return count


@pytest.mark.parametrize("pipeline", costs.PIPELINES, ids=lambda pipeline: str(pipeline.key))
def test_the_alarms_are_those_of_the_configuration(pipeline: costs.Pipeline) -> None:
    counted = alarm_metrics(ROOT / "terraform/stacks" / pipeline.key, len(FUNCTIONS[pipeline.key]))
    assert pipeline.alarm_metrics == counted, (
        f"set alarm_metrics of {pipeline.key} to {counted} in build-support/ci/costs.py"
    )


@pytest.mark.parametrize("pipeline", costs.PIPELINES, ids=lambda pipeline: str(pipeline.key))
def test_each_stack_has_one_dashboard_and_one_key(pipeline: costs.Pipeline) -> None:
    folder = ROOT / "terraform/stacks" / pipeline.key
    configuration = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.tf"))
    assert configuration.count('source = "../../modules/dashboard"') == 1
    assert configuration.count('source = "../../modules/encryption_key"') == 1
