"""Parses the content of an event file into an event, or explains why it is rejected."""

from __future__ import annotations

import codecs
import json
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from event_log.models import VisitEvent

_MAX_ERRORS: Final = 20


class Reason(StrEnum):
    """Why an object was rejected."""

    TOO_LARGE = "too_large"
    """It is larger than `MAX_EVENT_BYTES`."""
    ENCODING = "encoding"
    """It is not UTF-8."""
    JSON = "json"
    """It is not JSON, or is nested too deeply."""
    DUPLICATE_FIELD = "duplicate_field"
    """A field occurs twice, so its value is ambiguous."""
    SCHEMA = "schema"
    """It breaks a rule of `VisitEvent`."""
    UNREADABLE = "unreadable"
    """S3 does not return it to requests like ours, for example because it is encrypted with a
    customer-provided key."""
    GROUP = "group"
    """Its study is too long for the key of a checkpoint."""


class RejectedError(ValueError):
    """The content is not a valid event; `errors` explain why without quoting it."""

    def __init__(self, reason: Reason, errors: tuple[str, ...]) -> None:
        super().__init__(f"{reason}: {'; '.join(errors)}")
        self.reason = reason
        self.errors = errors


def parse_event(content: bytes) -> VisitEvent:
    """Parse the content of an event file.

    A UTF-8 byte order mark is skipped.

    Raises
    ------
    RejectedError
        The content is not a valid event.

    Examples
    --------
    >>> parse_event(b"{")
    Traceback (most recent call last):
    event_log.event_file.RejectedError: json: Invalid JSON: EOF while parsing an object at line 1 \
column 1
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte {error.start} cannot be decoded"
        raise RejectedError(Reason.ENCODING, (message,)) from None
    try:
        event = VisitEvent.model_validate_json(content)
    except ValidationError as error:
        reason, errors = explain(error)
        # Not chained, because the original error contains the content.
        raise RejectedError(reason, errors) from None
    _reject_duplicates(content)
    return event


def explain(error: ValidationError) -> tuple[Reason, tuple[str, ...]]:
    """Return the reason and one line per problem, without any value."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    reason = Reason.JSON if problems[0]["type"] == "json_invalid" else Reason.SCHEMA
    return reason, tuple(
        ": ".join([*(str(part) for part in problem["loc"]), problem["msg"]])
        for problem in problems[:_MAX_ERRORS]
    )


def _reject_duplicates(content: bytes) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            raise RejectedError(Reason.DUPLICATE_FIELD, ("a field occurs more than once",))

    # Numbers stay strings: Pydantic has already limited their length.
    json.loads(content, object_pairs_hook=check, parse_int=str, parse_float=str)
