"""Models as values of items, and back: text that is the same for the same content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from patch_tracker.models import Person, StatusChange, Trailer


def dump(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write JSON without a space that could differ."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def person_value(person: Person) -> list[str]:
    """Return a person as a value of an item."""
    return [person.email, person.name]


def person_of(value: Sequence[str]) -> Person:
    """Read a person."""
    return Person(value[0], value[1])


def trailer_values(trailers: Iterable[Trailer]) -> list[list[str]]:
    """Return trailers as a value of an item."""
    return [
        [one.tag, one.person.email, one.person.name, "own" if one.verified else ""]
        for one in trailers
    ]


def trailers_of(values: Iterable[Sequence[str]]) -> tuple[Trailer, ...]:
    """Read trailers."""
    return tuple(Trailer(tag, Person(email, name), bool(own)) for tag, email, name, own in values)


def change_entry(change: StatusChange) -> str:
    """Return a change of status, as a member of a set."""
    return dump([change.server_date, change.event, change.before, change.after, change.actor])


def changes_of(entries: Iterable[str]) -> tuple[StatusChange, ...]:
    """Read the changes of a patch's status, oldest first."""
    return tuple(sorted(StatusChange(*json.loads(entry)) for entry in entries))
