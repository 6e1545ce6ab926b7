"""A visit event, and the rules that a file must follow to become a row."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

LARGEST_ADCID: Final = 2**31 - 1
"""The largest center ID; the column is a 32-bit integer."""

SANDBOX: Final = "sandbox-"
"""Prefix of the labels of sandbox projects, whose events are filtered out."""

_DIGITS: Final = re.compile(r"[0-9]{1,10}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_8601: Final = re.compile(r"[0-9]{4}[-0-9W]{3,6}(?:[T t][0-9:.,]+(?:[Zz]|[+\-][0-9:]+)?)?")

type Action = Literal["submit", "pass-qc", "not-pass-qc", "delete"]

type Datatype = Literal[
    "apoe",
    "biomarker",
    "dicom",
    "enrollment",
    "form",
    "genetic-availability",
    "gwas",
    "imputation",
    "scan-analysis",
]

ACTIONS: Final[tuple[str, ...]] = get_args(Action.__value__)

DATATYPES: Final[tuple[str, ...]] = get_args(Datatype.__value__)


def _integer(value: object) -> object:
    """Convert a string of digits; reject other strings, floats and booleans."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool | float | str):
        raise ValueError("must be an integer or a string of digits")
    return value


def _utc(value: object) -> dt.datetime:
    """Convert an ISO 8601 string to UTC; reject every other notation."""
    if isinstance(value, str) and _ISO_8601.fullmatch(value):
        try:
            value = dt.datetime.fromisoformat(value.upper())
        except ValueError:
            # The original message quotes the value.
            raise ValueError("is not a valid time") from None
    if not isinstance(value, dt.datetime):
        raise ValueError("must be an ISO 8601 time")
    if value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


type NonEmpty = Annotated[str, Field(min_length=1)]


class VisitEvent(BaseModel):
    """Something that happened to the data of a visit: submission, quality control, deletion.

    Unknown fields are ignored, so that programs may log additional ones. Error messages never
    quote a value.

    Attributes
    ----------
    pipeline_adcid
        The center's ID. A numeric string is converted.
    ptid
        The participant's ID: 1 to 10 printable, non-blank ASCII characters.
    visit_date
        A calendar date, `YYYY-MM-DD`, kept as a string.
    module
        Upper-case name of the form. Required if the datatype is `form`, and forbidden otherwise.
    timestamp
        When it happened, converted to UTC. A time without an offset is UTC.

    Examples
    --------
    >>> event = VisitEvent(
    ...     action="submit",
    ...     pipeline_adcid="42",
    ...     project_label="ingest-form",
    ...     center_label="alpha",
    ...     gear_name="form-transformer",
    ...     ptid="110001",
    ...     visit_date="2024-01-15",
    ...     datatype="form",
    ...     module="UDS",
    ...     timestamp="2024-01-15T10:00:00+01:00",
    ... )
    >>> event.pipeline_adcid, event.timestamp.isoformat()
    (42, '2024-01-15T09:00:00+00:00')
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    action: Action
    study: NonEmpty = "adrc"
    pipeline_adcid: Annotated[int, BeforeValidator(_integer), Field(gt=0, le=LARGEST_ADCID)]
    project_label: NonEmpty
    center_label: NonEmpty
    gear_name: NonEmpty
    ptid: Annotated[str, Field(pattern=r"^[!-~]{1,10}$")]
    visit_date: str
    visit_number: str | None = None
    datatype: Datatype
    module: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_.-]*$")] | None = None
    packet: str | None = None
    timestamp: Annotated[dt.datetime, BeforeValidator(_utc)]

    @field_validator("visit_date")
    @classmethod
    def _check_date(cls, value: str) -> str:
        try:
            if _DATE.fullmatch(value):
                dt.date.fromisoformat(value)
                return value
        except ValueError:
            pass
        raise ValueError("must be a calendar date as YYYY-MM-DD")

    @model_validator(mode="after")
    def _check_module(self) -> Self:
        if self.datatype == "form" and self.module is None:
            raise ValueError("module is required if the datatype is form")
        if self.datatype != "form" and self.module is not None:
            raise ValueError("module is not allowed unless the datatype is form")
        return self

    @property
    def is_sandbox(self) -> bool:
        """Whether the event belongs to a sandbox project, and is therefore filtered out."""
        return self.project_label.startswith(SANDBOX)
