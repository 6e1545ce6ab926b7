"""Settings of all functions, from `lambda/functions.json`, which Terraform reads too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lambda_core.errors import UsageError


class FunctionSettings(BaseModel):
    """How a function runs on Lambda.

    Attributes
    ----------
    memory_mb, ephemeral_storage_mb
        In MB, within Lambda's limits.
    timeout_seconds
        Lambda ends the function after this time.
    layers
        Names of its layers, in the order in which Lambda unpacks them.
    environment
        Environment variables, except those with names of deployed resources, such as buckets.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory_mb: int = Field(ge=128, le=10_240)
    timeout_seconds: int = Field(ge=1, le=900)
    ephemeral_storage_mb: int = Field(default=512, ge=512, le=10_240)
    layers: tuple[str, ...] = Field(default=(), max_length=5)
    environment: dict[str, str] = {}


type Pipelines = dict[str, dict[str, FunctionSettings]]
"""Settings by pipeline and by function."""

_ADAPTER: TypeAdapter[Pipelines] = TypeAdapter(Pipelines)


def read_settings(path: Path) -> Pipelines:
    """Read the file.

    Raises
    ------
    UsageError
        The file is missing or invalid; the message names the first invalid setting.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing; it contains the settings of all functions") from error
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {setting}: {first['msg']}") from error


def settings_of(
    function: str, pipelines: Mapping[str, Mapping[str, FunctionSettings]]
) -> FunctionSettings:
    """Return the settings of a function of any pipeline.

    Raises
    ------
    UsageError
        The function does not exist; the message lists those that do.
    """
    functions = {
        name: settings for pipeline in pipelines.values() for name, settings in pipeline.items()
    }
    if function not in functions:
        known = ", ".join(sorted(functions))
        raise UsageError(f"there is no function {function!r}; the functions are: {known}")
    return functions[function]
