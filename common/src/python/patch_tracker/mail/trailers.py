"""Finds trailers such as `Reviewed-by: A Name <a@example.org>`.

Their meaning is defined in https://docs.kernel.org/process/submitting-patches.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from patch_tracker.models import Person, Trailer

REVIEW_TAGS: Final = ("Reviewed-by", "Acked-by", "Tested-by")
"""Trailers by which a person confirms that a patch is right."""

_TAGS: Final = {
    tag.lower(): tag
    for tag in (
        *REVIEW_TAGS,
        "Nacked-by",
        "Signed-off-by",
        "Co-developed-by",
        "Reported-by",
        "Suggested-by",
        "Reported-and-tested-by",
        "Reviewed-and-tested-by",
    )
}
_LINE: Final = re.compile(r"^[ \t]{0,3}([A-Za-z][A-Za-z-]{3,30}):[ \t]*(.{0,400})$")
_ADDRESS: Final = re.compile(r"^(?P<name>[^<>]*?)<\s*(?P<email>[^<>\s@]+@[^<>\s]+)\s*>")
_BARE: Final = re.compile(r"^(?P<email>[^<>\s@]+@[^<>\s@]+)")

MAX_TRAILERS: Final = 100
"""More than any real mail has. Even with the longest names, they fit into an item."""


def trailers_of(lines: Iterable[str], sender: Person) -> tuple[Trailer, ...]:
    """Return the trailers in some lines of text, in order and without duplicates.

    Parameters
    ----------
    lines
        Commit message of a patch, or the unquoted lines of a reply.
    sender
        Sender of the mail. A trailer is verified only if it has the sender's address.

    Examples
    --------
    >>> [found] = trailers_of(["Acked-by: Ada <ada@example.org>"], Person("ada@example.org"))
    >>> found.tag, found.person.name, found.verified
    ('Acked-by', 'Ada', True)
    """
    found = dict.fromkeys(_parse(lines, sender))
    return tuple(found)[:MAX_TRAILERS]


def _parse(lines: Iterable[str], sender: Person) -> Iterator[Trailer]:
    pending: tuple[str, str] | None = None
    for line in lines:
        if pending is not None:
            tag, value = pending
            pending = None
            # Some mail programs wrap the address to the next line.
            if line.strip().startswith("<"):
                line = f"{tag}: {value} {line.strip()}"
        match = _LINE.match(line)
        tag_name = _TAGS.get(match[1].lower()) if match else None
        if match is None or tag_name is None:
            continue
        person = _person(match[2])
        if person is None:
            pending = (tag_name, match[2].strip())
            continue
        verified = bool(person.email) and person.email == sender.email
        for tag in _parts(tag_name):
            yield Trailer(tag, person, verified)


def _parts(tag: str) -> tuple[str, ...]:
    """Split `Reviewed-and-tested-by` into two trailers."""
    first, joined, second = tag.partition("-and-")
    if not joined:
        return (tag,)
    return (f"{first}-by", f"{second[0].upper()}{second[1:]}")


def _person(value: str) -> Person | None:
    match = _ADDRESS.match(value.strip()) or _BARE.match(value.strip())
    if match is None:
        return None
    name = match.groupdict().get("name") or ""
    return Person(match["email"].lower(), " ".join(name.strip(" \t\"'").split()))
