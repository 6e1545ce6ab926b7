"""Opaque tokens: where a list goes on, for whoever asked for its beginning.

A token says which list it is of, so that one of another list is refused instead of giving wrong
rows. It holds keys of the caller's own list only, nothing secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from patch_tracker.repositories.errors import InvalidTokenError
from patch_tracker.repositories.table import Item


@dataclass(frozen=True, slots=True)
class Page[T]:
    """A part of a list; `token` asks for the next one, and is None at the end."""

    items: tuple[T, ...]
    token: str | None = None


def encode_token(question: tuple[str, ...], place: Item) -> str:
    """Make a token.

    Parameters
    ----------
    question
        What was asked: a token is good for the same question only.
    place
        JSON values that say where to go on.
    """
    content = json.dumps([_mark(question), place], separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_token(question: tuple[str, ...], token: str) -> Item:
    """Return the place of a token.

    Raises
    ------
    InvalidTokenError
        It is none, or of another question.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        mark, place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        mark, place = None, None
    if mark != _mark(question) or not _is_place(place):
        raise InvalidTokenError(
            "the pagination token is damaged, or of another list: ask for the first page again"
        )
    return dict(place)


def _is_place(place: Any) -> bool:  # noqa: ANN401 - whatever JSON there is
    return isinstance(place, dict) and all(
        isinstance(value, str | int) or (isinstance(value, dict) and _is_place(value))
        for value in place.values()
    )


def _mark(question: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(question).encode()).hexdigest()[:12]
