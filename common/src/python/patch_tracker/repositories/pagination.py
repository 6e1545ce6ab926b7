"""Opaque tokens that mark where the next page of a list starts.

A token identifies its list, so that a token of another list is rejected. It contains only keys of
that list and no secrets.
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
    """A page of a list. `token` requests the next page; None at the end."""

    items: tuple[T, ...]
    token: str | None = None


def encode_token(query: tuple[str, ...], position: Item) -> str:
    """Create a token.

    Parameters
    ----------
    query
        Identifies the list. The token is valid only for the same query.
    position
        JSON values that describe where to continue.
    """
    content = json.dumps([_fingerprint(query), position], separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_token(query: tuple[str, ...], token: str) -> Item:
    """Return the position in a token.

    Raises
    ------
    InvalidTokenError
        If the token is damaged or belongs to another query.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        fingerprint, position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        fingerprint, position = None, None
    if fingerprint != _fingerprint(query) or not _is_position(position):
        raise InvalidTokenError(
            "the pagination token is damaged or belongs to another list: start with the first page"
        )
    return dict(position)


def _is_position(position: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(position, dict) and all(
        isinstance(value, str | int) or (isinstance(value, dict) and _is_position(value))
        for value in position.values()
    )


def _fingerprint(query: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(query).encode()).hexdigest()[:12]
