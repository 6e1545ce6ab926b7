"""Documents and schemas agree with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from aws_ssm_fetcher.stages import stage_run
from aws_ssm_fetcher.stages.contracts import StageName
from aws_ssm_fetcher.stages.schemas import MODELS, main, schema_files

ROOT = Path(__file__).parents[5]
PAGE = (ROOT / "docs/region-report-lambda.md").read_text(encoding="utf-8")
SCHEMAS = ROOT / "docs/schemas"
FUNCTIONS: dict[str, Any] = json.loads((ROOT / "lambda/functions.json").read_text())[
    "region_report"
]


def test_the_schemas_are_those_of_the_models() -> None:
    stored = {file.name: file.read_text(encoding="utf-8") for file in SCHEMAS.glob("*.json")}
    assert stored == schema_files(), (
        "delete files of models that no longer exist, then run: "
        "python -m aws_ssm_fetcher.stages.schemas docs/schemas"
    )


def test_the_command_writes_every_schema(tmp_path: Path) -> None:
    main([str(tmp_path / "schemas")])
    written = {file.name: file.read_text() for file in (tmp_path / "schemas").iterdir()}
    assert written == schema_files()


def test_a_schema_describes_a_contract_and_contains_no_prose() -> None:
    schema = json.loads(schema_files()["Pointer.json"])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Pointer"
    assert schema["required"][0] == "execution_id"
    assert schema["properties"]["prefix"] == {"type": "string"}
    assert "description" not in schema


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_the_page_explains_each_contract_with_an_example(model: type[BaseModel]) -> None:
    _, title, rest = PAGE.partition(f"\n### {model.__name__}\n")
    assert title, "the page has no section about this contract"
    section = rest.partition("\n### ")[0]
    assert f"](schemas/{model.__name__}.json)" in section
    (example,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    model.model_validate_json(example)


def test_the_metrics_are_those_of_the_code() -> None:
    documented = set(
        re.findall(r"^([A-Z]\w+) {2,}(?:Seconds|Count) ", stage_run.__doc__ or "", re.M)
    )
    section = PAGE.partition("## Metrics and log fields")[2].partition("\nEvery line")[0]
    on_the_page = {
        name
        for row in section.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([A-Z]\w+)`", row.split("|")[1])
    }
    assert documented == on_the_page
    assert len(documented) == 11


def test_every_function_has_its_settings() -> None:
    assert list(FUNCTIONS) == [stage.value for stage in StageName]
    for name, settings in FUNCTIONS.items():
        assert (
            settings["environment"]["POWERTOOLS_METRICS_NAMESPACE"] == stage_run.METRICS_NAMESPACE
        )
        assert settings["layers"][0] == "powertools", name
        assert settings["timeout_seconds"] <= 900


def test_memory_timeouts_and_layers() -> None:
    assert {
        name: (f["memory_mb"], f["timeout_seconds"], f["layers"][1:])
        for name, f in FUNCTIONS.items()
    } == {
        "data_fetcher": (1024, 900, ["http"]),
        "processor": (3008, 900, ["data_processing"]),
        "json_csv_generator": (512, 300, []),
        "excel_generator": (1024, 300, ["excel"]),
        "report_orchestrator": (512, 300, []),
    }
