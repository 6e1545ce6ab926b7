"""Settings from environment variables and command-line options, with errors that name them.

This module uses plain Pydantic. pydantic-settings would add about 0.15 s and 5.5 MB to each cold
start, and its errors name a field where the reader knows a variable.

Settings that come from the environment only are subclasses of `EnvironmentSettings`. Settings with
further sources are a Pydantic dataclass that uses `read_environment` and `build_settings`, as
`aws_ssm_fetcher.core.config.Config` does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, get_args

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from lambda_core.errors import ConfigurationError
from lambda_core.redaction import MASK, is_secret_name

_SHOWN_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value for a setting, and how an error message describes it.

    Attributes
    ----------
    source
        The variable or option that gave the value, such as `CACHE_HOURS` or `--cache-hours`.
    value
        The value, which may be text that has yet to be converted.
    shown
        What the user wrote, if that is not `value`.
    expected
        What the user may write, if that is not the description of the field.
    """

    source: str
    value: object
    shown: str | None = None
    expected: str | None = None


class EnvironmentSettings(BaseModel):
    """Base class of immutable settings that are read from the environment.

    A field `cache_hours` is read from `CACHE_HOURS`, or from the variable that its
    `validation_alias` names. Give each field a `description` of the values it accepts, because
    error messages show it. Other environment variables are ignored.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Upload(EnvironmentSettings):
    ...     part_size: int = Field(default=8, ge=5, description="megabytes, at least 5")
    >>> Upload.from_environment({"PART_SIZE": "16"})
    Upload(part_size=16)
    >>> Upload.from_environment({"PART_SIZE": "1"})
    Traceback (most recent call last):
    lambda_core.errors.ConfigurationError: PART_SIZE is '1' (expected: megabytes, at least 5)
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Parameters
        ----------
        environ
            The variables; `os.environ` by default. A blank variable counts as not set, because
            deployment tools often cannot leave a variable out.

        Raises
        ------
        ConfigurationError
            Names every variable that is missing or wrong, its value (never a secret) and what is
            expected.
        """
        return build_settings(cls, read_environment(cls, environ))


def read_environment(
    settings: type[Any], environ: Mapping[str, str] | None = None
) -> dict[str, GivenValue]:
    """Return the values that environment variables give to the fields of `settings`.

    Parameters
    ----------
    settings
        A Pydantic model or dataclass.
    environ
        The variables; `os.environ` by default. A blank variable counts as not set.
    """
    variables = os.environ if environ is None else environ
    return {
        name: GivenValue(variable, value)
        for name, field in _fields(settings).items()
        if (value := variables.get(variable := _variable(name, field), "")).strip()
    }


def build_settings[S](settings: type[S], given: Mapping[str, GivenValue]) -> S:
    """Convert and check the values, and return the settings.

    Parameters
    ----------
    settings
        A Pydantic model or dataclass that accepts its fields by name.
    given
        The values by field; a field that is not listed keeps its default.

    Raises
    ------
    ConfigurationError
        Names the source of every wrong value, the value (never a secret) and what is expected.
        Its context lists the sources as `settings`.
    """
    values = {name: setting.value for name, setting in given.items()}
    try:
        return TypeAdapter(settings).validate_python(values, strict=False)
    except ValidationError as error:
        # Not chained: the original error may quote a secret.
        raise _explain(settings, given, error) from None


def _fields(settings: type[Any]) -> dict[str, FieldInfo]:
    fields: dict[str, FieldInfo] = settings.__pydantic_fields__
    return fields


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else name.upper()


def _explain(
    settings: type[Any], given: Mapping[str, GivenValue], error: ValidationError
) -> ConfigurationError:
    fields = _fields(settings)
    # Pydantic names a field by its alias, if it has one.
    names = {_variable(name, field): name for name, field in fields.items()}
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        key = str(detail["loc"][0]) if detail["loc"] else ""
        name = names.get(key, key)
        if name not in fields:
            # A check of the project that compares several fields.
            problems.setdefault("", str(detail["msg"]))
            continue
        field = fields[name]
        setting = given.get(name, GivenValue(_variable(name, field), None))
        problems.setdefault(setting.source, _explain_field(setting, field, dict(detail)))
    return ConfigurationError(
        "; ".join(problems.values()), settings=[source for source in problems if source]
    )


def _explain_field(setting: GivenValue, field: FieldInfo, detail: dict[str, Any]) -> str:
    expected = setting.expected or field.description
    hint = f" (expected: {expected})" if expected else ""
    if detail["type"] == "missing":
        return f"{setting.source} is not set{hint}"
    if is_secret_name(setting.source) or _holds_secret(field):
        # Pydantic's message about a custom check may quote the value.
        reason = "the value is not valid" if detail["type"] == "value_error" else detail["msg"]
        return f"{setting.source} is {MASK}{hint or f': {reason}'}"
    text = str(setting.value) if setting.shown is None else setting.shown
    shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f"{setting.source} is {shown!r}{hint or f': {detail["msg"]}'}"


def _holds_secret(field: FieldInfo) -> bool:
    kinds = {field.annotation, *get_args(field.annotation)}
    return bool(kinds & {SecretStr, SecretBytes})
