"""Typed settings from environment variables, with errors that name the variable.

Plain Pydantic: pydantic-settings would do the same for another tenth of a second and 9 MB at
each cold start, and tells of one field where the environment knows a variable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Self, get_args

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from lambda_core.errors import ConfigurationError
from lambda_core.redaction import MASK, is_secret_name

_SHOWN_CHARACTERS: Final = 80


class EnvironmentSettings(BaseModel):
    """Base of settings that are read from the environment; immutable.

    A field `cache_hours` is read from `CACHE_HOURS`, or from the variable that its
    `validation_alias` names. Give each field a `description`: it tells what is allowed where a
    value is refused. Variables that no field names are none of its business.
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
            The variables, `os.environ` by default. A blank one counts as not set, as deployment
            tools can often not leave a variable out.

        Raises
        ------
        ConfigurationError
            Names every variable that is missing or wrong, what it holds (never a secret) and
            what is allowed.
        """
        variables = os.environ if environ is None else environ
        given = {
            key: value
            for key, variable in _variables(cls).items()
            if (value := variables.get(variable, "")).strip()
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            # Not chained: the original may quote what must not be shown.
            raise _explain(cls, error) from None


def _variables(settings: type[BaseModel]) -> dict[str, str]:
    """Return the variable of each field, by the key under which Pydantic takes its value."""
    variables = {}
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        key, variable = (alias, alias) if isinstance(alias, str) else (name, name.upper())
        variables[key] = variable
    return variables


def _explain(settings: type[BaseModel], error: ValidationError) -> ConfigurationError:
    variables = _variables(settings)
    fields = dict(zip(variables, settings.model_fields.values(), strict=True))
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        key = str(problem["loc"][0]) if problem["loc"] else ""
        if key not in fields:
            found.setdefault("", str(problem["msg"]))
        else:
            found.setdefault(
                variables[key], _explain_field(variables[key], fields[key], dict(problem))
            )
    what = "the environment is" if len(found) == 1 else f"{len(found)} settings are"
    return ConfigurationError(
        f"{what} not set up right: {'; '.join(found.values())}",
        variables=[variable for variable in found if variable],
    )


def _explain_field(variable: str, field: FieldInfo, problem: dict[str, Any]) -> str:
    allowed = f" ({field.description})" if field.description else ""
    if problem["type"] == "missing":
        return f"{variable} is not set{allowed}"
    if is_secret_name(variable) or _holds_secret(field):
        # A validator of the project's own may quote the value in its message.
        reason = "is refused" if problem["type"] == "value_error" else problem["msg"]
        return f"{variable} is {MASK}: {reason}{allowed}"
    value = str(problem["input"])
    shown = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"
    return f"{variable} is {shown!r}: {problem['msg']}{allowed}"


def _holds_secret(field: FieldInfo) -> bool:
    kinds = {field.annotation, *get_args(field.annotation)}
    return bool(kinds & {SecretStr, SecretBytes})
