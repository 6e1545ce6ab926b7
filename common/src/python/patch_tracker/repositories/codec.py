"""Models as values of items, and back: text that is the same for the same content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from patch_tracker.mail.dates import from_iso, iso
from patch_tracker.models import Person, ReplySummary, Sentiment, StatusChange, Trailer


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


def reply_entry(reply: ReplySummary) -> str:
    """Return what a patch keeps of a reply, as a member of a set."""
    return dump(
        [
            iso(reply.timestamp),
            reply.message_id,
            person_value(reply.author),
            reply.sentiment.value,
            int(reply.review),
            trailer_values(reply.trailers),
        ]
    )


def replies_of(entries: Iterable[str]) -> tuple[ReplySummary, ...]:
    """Read the replies of a patch, oldest first."""
    found = []
    for entry in entries:
        time, message_id, author, sentiment, review, trailers = json.loads(entry)
        found.append(
            ReplySummary(
                from_iso(time),
                message_id,
                person_of(author),
                Sentiment(sentiment),
                bool(review),
                trailers_of(trailers),
            )
        )
    return tuple(sorted(found))


def change_entry(change: StatusChange) -> str:
    """Return a change of status, as a member of a set."""
    return dump([change.server_date, change.event, change.before, change.after, change.actor])


def changes_of(entries: Iterable[str]) -> tuple[StatusChange, ...]:
    """Read the changes of a patch's status, oldest first."""
    return tuple(sorted(StatusChange(*json.loads(entry)) for entry in entries))
