"""From the bytes of an event file to an event, or to the reason why it is none."""

from __future__ import annotations

import codecs
import json
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from event_log.models import VisitEvent

_MOST_ERRORS: Final = 20


class Reason(StrEnum):
    """Why an object was refused."""

    TOO_LARGE = "too_large"
    """It is larger than an event file may be."""
    ENCODING = "encoding"
    """It is not UTF-8."""
    JSON = "json"
    """It is no JSON, or is nested too deeply."""
    DUPLICATE_FIELD = "duplicate_field"
    """A field is there twice: which one counts cannot be known."""
    SCHEMA = "schema"
    """It breaks a rule of `VisitEvent`."""
    UNREADABLE = "unreadable"
    """S3 refuses to hand it out as a request for it is made here, such as one with a customer's
    key."""
    GROUP = "group"
    """Its study is too long to be part of a checkpoint's key."""


class RefusedError(ValueError):
    """The content is no event; `errors` say why without quoting it."""

    def __init__(self, reason: Reason, errors: tuple[str, ...]) -> None:
        super().__init__(f"{reason}: {'; '.join(errors)}")
        self.reason = reason
        self.errors = errors


def parse_event(content: bytes) -> VisitEvent:
    """Read the content of an event file.

    A UTF-8 byte order mark is skipped.

    Raises
    ------
    RefusedError
        It is no event.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte {error.start} cannot be decoded"
        raise RefusedError(Reason.ENCODING, (message,)) from None
    try:
        event = VisitEvent.model_validate_json(content)
    except ValidationError as error:
        reason, errors = explain(error)
        # Not chained: the error holds the content.
        raise RefusedError(reason, errors) from None
    _refuse_duplicates(content)
    return event


def explain(error: ValidationError) -> tuple[Reason, tuple[str, ...]]:
    """Return what is wrong, a line each, without any value."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    reason = Reason.JSON if problems[0]["type"] == "json_invalid" else Reason.SCHEMA
    return reason, tuple(
        ": ".join([*(str(part) for part in problem["loc"]), problem["msg"]])
        for problem in problems[:_MOST_ERRORS]
    )


def _refuse_duplicates(content: bytes) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            raise RefusedError(Reason.DUPLICATE_FIELD, ("a field is there more than once",))

    # Numbers stay text: how long one may be was decided by the other parser.
    json.loads(content, object_pairs_hook=check, parse_int=str, parse_float=str)
