"""Converts models to values of items and back. Equal models give equal values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from patch_tracker.models import Person, StatusChange, Trailer


def dump(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return compact JSON, which is the same for equal values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def person_value(person: Person) -> list[str]:
    """Convert a person to a value of an item."""
    return [person.email, person.name]


def person_of(value: Sequence[str]) -> Person:
    """Convert the value of an item to a person."""
    return Person(value[0], value[1])


def trailer_values(trailers: Iterable[Trailer]) -> list[list[str]]:
    """Convert trailers to a value of an item."""
    return [
        [trailer.tag, trailer.person.email, trailer.person.name, "own" if trailer.verified else ""]
        for trailer in trailers
    ]


def trailers_of(values: Iterable[Sequence[str]]) -> tuple[Trailer, ...]:
    """Convert the value of an item to trailers."""
    return tuple(Trailer(tag, Person(email, name), bool(own)) for tag, email, name, own in values)


def change_entry(change: StatusChange) -> str:
    """Convert a change of status to a member of a set."""
    return dump([change.server_date, change.event, change.before, change.after, change.actor])


def changes_of(entries: Iterable[str]) -> tuple[StatusChange, ...]:
    """Convert members of a set to changes of status, oldest first."""
    return tuple(sorted(StatusChange(*json.loads(entry)) for entry in entries))
