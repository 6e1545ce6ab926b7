"""An event as it is logged: what a file must hold to become a row."""

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
"""The column is a 32-bit integer."""

SANDBOX: Final = "sandbox-"
"""How the labels of practice projects begin, whose events are left out."""

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
    """Read a number that was logged as text; no other text, no fraction, no truth value is one."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool | float | str):
        raise ValueError("must be a whole number, or one as text")
    return value


def _utc(value: object) -> dt.datetime:
    """Read ISO 8601, and nothing else that could be taken for a time, as UTC."""
    if isinstance(value, str) and _ISO_8601.fullmatch(value):
        try:
            value = dt.datetime.fromisoformat(value.upper())
        except ValueError:
            # Its message quotes the value.
            raise ValueError("is no time that exists") from None
    if not isinstance(value, dt.datetime):
        raise ValueError("must be a time in ISO 8601")
    if value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


type NonEmpty = Annotated[str, Field(min_length=1)]


class VisitEvent(BaseModel):
    """One event of a visit's data: submitted, checked, deleted.

    Unknown fields are ignored, so that loggers may add some. Error messages never quote a value.

    Attributes
    ----------
    pipeline_adcid
        Number of the center; may come as text.
    ptid
        The participant's identifier: 1 to 10 printable, non-blank ASCII characters.
    visit_date
        A day that exists, `YYYY-MM-DD`, kept as text.
    module
        Upper-case name of the form, where the datatype is `form`, and only there.
    timestamp
        When it happened, UTC; without an offset it is taken for UTC.
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
    def _is_a_day(cls, value: str) -> str:
        try:
            if _DATE.fullmatch(value):
                dt.date.fromisoformat(value)
                return value
        except ValueError:
            pass
        raise ValueError("must be a day that exists, as YYYY-MM-DD")

    @model_validator(mode="after")
    def _module_goes_with_form(self) -> Self:
        if self.datatype == "form" and self.module is None:
            raise ValueError("module is required where the datatype is form")
        if self.datatype != "form" and self.module is not None:
            raise ValueError("module is not allowed where the datatype is not form")
        return self

    @property
    def is_practice(self) -> bool:
        """Whether it is of a practice project, whose events are left out."""
        return self.project_label.startswith(SANDBOX)
