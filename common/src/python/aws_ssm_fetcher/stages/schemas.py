"""The JSON schemas of the stages' contracts, written into the page that explains them.

    python -m aws_ssm_fetcher.stages.schemas docs/region-report-lambda.md

writes every schema of the page anew from the models. A test fails where the page is not current.
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
"""What the page must have a schema of."""

_BLOCK: Final = re.compile(r"(<!-- schema: (\w+) -->\n)```json\n.*?\n```\n", re.DOTALL)


def with_current_schemas(page: str) -> str:
    """Return the page with the schema of each model below its marker `<!-- schema: Name -->`.

    Raises
    ------
    ValueError
        A model has no marker with a block of JSON below it, or a marker names no model.
    """
    models = {model.__name__: model for model in MODELS}
    found = [match[2] for match in _BLOCK.finditer(page)]
    if sorted(found) != sorted(models):
        raise ValueError(f"the page must have one schema of each of {', '.join(sorted(models))}")

    def current(match: re.Match[str]) -> str:
        return f"{match[1]}```json\n{_schema(models[match[2]])}\n```\n"

    return _BLOCK.sub(current, page)


def main(arguments: Sequence[str]) -> None:
    """Write the schemas of the named page anew."""
    page = Path(arguments[0])
    page.write_text(with_current_schemas(page.read_text(encoding="utf-8")), encoding="utf-8")


def _schema(model: type[BaseModel]) -> str:
    return json.dumps(_without_prose(model.model_json_schema()), indent=2, ensure_ascii=False)


def _without_prose(schema: object) -> object:
    """Leave out titles and docstrings, which the page says better."""
    if isinstance(schema, list):
        return [_without_prose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        # A property may be called `title`; an annotation is text.
        key: _without_prose(value)
        for key, value in schema.items()
        if not (key in {"title", "description"} and isinstance(value, str))
    }


if __name__ == "__main__":
    main(sys.argv[1:])
