"""What is written down beside the code says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aws_ssm_fetcher.stages import stage_run
from aws_ssm_fetcher.stages.contracts import StageName
from aws_ssm_fetcher.stages.schemas import MODELS, with_current_schemas

ROOT = Path(__file__).parents[5]
PAGE = (ROOT / "docs/region-report-lambda.md").read_text(encoding="utf-8")
FUNCTIONS: dict[str, Any] = json.loads((ROOT / "lambda/functions.json").read_text())[
    "region_report"
]


def test_the_schemas_are_those_of_the_models() -> None:
    assert with_current_schemas(PAGE) == PAGE, (
        "run: python -m aws_ssm_fetcher.stages.schemas docs/region-report-lambda.md"
    )
    for model in MODELS:
        assert f"\n### {model.__name__}\n" in PAGE


def test_a_page_without_a_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="one schema of each of ExecutionInput, FetchRequest"):
        with_current_schemas(PAGE.replace("<!-- schema: Pointer -->", ""))


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
