"""Update the JSON schemas of the stages' contracts in the documentation.

    python -m aws_ssm_fetcher.stages.schemas docs/region-report-lambda.md

This replaces every schema on the page with the current one. A test fails if the page is outdated.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from aws_ssm_fetcher.stages.contracts import (
    ExecutionInput,
    FetchRequest,
    OrchestratorRequest,
    OrchestratorResult,
    StageRequest,
    StageResult,
)
from aws_ssm_fetcher.stages.generate import Manifest
from aws_ssm_fetcher.stages.pointer import Pointer

MODELS: Final[tuple[type[BaseModel], ...]] = (
    ExecutionInput,
    FetchRequest,
    StageRequest,
    StageResult,
    OrchestratorRequest,
    OrchestratorResult,
    Manifest,
    Pointer,
)
"""The models whose schemas the page must contain."""

_BLOCK: Final = re.compile(r"(<!-- schema: (\w+) -->\n)```json\n.*?\n```\n", re.DOTALL)


def with_current_schemas(page: str) -> str:
    """Return the page with the schema of each model below its marker `<!-- schema: Name -->`.

    Raises
    ------
    ValueError
        If the page does not have exactly one marker, followed by a block of JSON, per model.
    """
    models = {model.__name__: model for model in MODELS}
    found = [match[2] for match in _BLOCK.finditer(page)]
    if sorted(found) != sorted(models):
        raise ValueError(
            f"the page must have exactly one schema of each of {', '.join(sorted(models))}"
        )

    def current(match: re.Match[str]) -> str:
        return f"{match[1]}```json\n{_schema(models[match[2]])}\n```\n"

    return _BLOCK.sub(current, page)


def main(arguments: Sequence[str]) -> None:
    """Update the schemas of the page whose path is the first argument."""
    page = Path(arguments[0])
    page.write_text(with_current_schemas(page.read_text(encoding="utf-8")), encoding="utf-8")


def _schema(model: type[BaseModel]) -> str:
    return json.dumps(_without_prose(model.model_json_schema()), indent=2, ensure_ascii=False)


def _without_prose(schema: object) -> object:
    """Leave out titles and docstrings, because the page has its own explanations."""
    if isinstance(schema, list):
        return [_without_prose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        # A property may be called `title`, but then its value is not text.
        key: _without_prose(value)
        for key, value in schema.items()
        if not (key in {"title", "description"} and isinstance(value, str))
    }


if __name__ == "__main__":
    main(sys.argv[1:])
