"""JSON schemas of the contracts between stages, as files for people who call the functions.

    python -m aws_ssm_fetcher.stages.schemas docs/schemas

writes one file per model. A test fails if a file and its model differ.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

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
"""The models that have a schema file."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_files() -> dict[str, str]:
    """Return the text of each schema file, by file name.

    >>> sorted(schema_files())[:2]
    ['ExecutionInput.json', 'FetchRequest.json']
    """
    return {f"{model.__name__}.json": _schema(model) for model in MODELS}


def main(arguments: Sequence[str]) -> None:
    """Write every schema to the folder that the first argument names."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text, encoding="utf-8")


def _schema(model: type[BaseModel]) -> str:
    schema = _without_prose(model.model_json_schema())
    titled = {"$schema": _DIALECT, "title": model.__name__, **schema}
    return json.dumps(titled, indent=2, ensure_ascii=False) + "\n"


def _without_prose(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Leave out titles and docstrings: docs/region-report-lambda.md explains the fields."""
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
