"""The errors that applications raise, written for the person who is stuck.

Each carries a message of one line (what failed, where, what to do) and a context of JSON values
for the log. `transient` says whether trying the same again later may help.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

type JsonValue = str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None


def _to_json(value: object) -> JsonValue:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return [*sorted(str(item) for item in value)]
    return str(value)


class ApplicationError(Exception):
    """Base of every error that an application raises on purpose.

    Parameters
    ----------
    message
        What failed, where, and what to do.
    context
        Details for the log. Values that JSON does not know are kept as their text.

    Attributes
    ----------
    transient : bool
        Whether the same call may succeed later: a default of the class, which an instance may
        override where it knows better.
    """

    transient: bool = False

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context: dict[str, JsonValue] = {
            name: _to_json(value) for name, value in context.items()
        }

    def __str__(self) -> str:
        """Return the message on one line."""
        return " ".join(self.message.split())


class InvalidEventError(ApplicationError):
    """The event of a function is not valid; sending it again cannot help."""


class ConfigurationError(ApplicationError):
    """Something is set wrongly; only the person who set it can help."""


class UsageError(ConfigurationError):
    """A command or its input is wrong; the message says how to call it correctly."""


class DataSourceError(ApplicationError):
    """A source of data could not be read."""


class ProcessingError(ApplicationError):
    """Data that was read could not be processed."""


class ReportError(ApplicationError):
    """A report could not be made or written."""


class CircuitOpenError(ApplicationError):
    """A call was refused without being made, because the service behind it keeps failing.

    Trying again at once is pointless by intent, so it is not transient; its context has
    `service` and `retry_in_seconds`.
    """


def cause_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error`, then what caused it, and so on to the root.

    Follows `__cause__`, and `__context__` unless it was suppressed by `raise … from None`.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        implicit = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or implicit


def describe_error(error: BaseException) -> list[dict[str, Any]]:
    """Return the chain of causes as JSON values, the error itself first.

    Returns
    -------
    list of dict
        Each with `type` and `message`; `context` and `notes` where there are any.
    """
    described = []
    for link in cause_chain(error):
        entry: dict[str, Any] = {"type": type(link).__name__, "message": str(link)}
        if isinstance(link, ApplicationError) and link.context:
            entry["context"] = link.context
        if notes := getattr(link, "__notes__", None):
            entry["notes"] = [str(note) for note in notes]
        described.append(entry)
    return described
