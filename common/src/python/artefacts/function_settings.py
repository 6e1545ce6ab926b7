"""Settings of all functions, from the file that Terraform reads too: `lambda/functions.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lambda_core.errors import UsageError


class FunctionSettings(BaseModel):
    """How one function runs on Lambda.

    Attributes
    ----------
    layers
        Names of its layers, in the order in which Lambda unpacks them.
    environment
        Its variables, but for those that name what was deployed, such as buckets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory_mb: int = Field(ge=128, le=10_240)
    timeout_seconds: int = Field(ge=1, le=900)
    ephemeral_storage_mb: int = Field(default=512, ge=512, le=10_240)
    layers: tuple[str, ...] = Field(default=(), max_length=5)
    environment: dict[str, str] = {}


type Pipelines = dict[str, dict[str, FunctionSettings]]
"""By pipeline, and in it by function."""

_ADAPTER: TypeAdapter[Pipelines] = TypeAdapter(Pipelines)


def read_settings(path: Path) -> Pipelines:
    """Read the file.

    Raises
    ------
    UsageError
        If it is missing or wrong; says where.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing, which holds the settings of all functions") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where}: {first['msg']}") from error


def settings_of(
    function: str, pipelines: Mapping[str, Mapping[str, FunctionSettings]]
) -> FunctionSettings:
    """Return the settings of a function, in whatever pipeline it is.

    Raises
    ------
    UsageError
        If there is no such function; names those that there are.
    """
    functions = {name: one for pipeline in pipelines.values() for name, one in pipeline.items()}
    if function not in functions:
        known = ", ".join(sorted(functions))
        raise UsageError(f"there is no function {function!r}; the functions are: {known}")
    return functions[function]
