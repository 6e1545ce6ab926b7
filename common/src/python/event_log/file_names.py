"""Names of event files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from event_log.models import ACTIONS

_NAME: Final = re.compile(
    rf"log-(?:{'|'.join(ACTIONS)})-[0-9]{{8}}"
    # Legacy names end after the day. In current names, all three labels may contain hyphens.
    r"(?:-[0-9]{6}-[0-9]+-.+-.+-.+)?\.json",
    re.DOTALL,
)


def is_event_file(key: str, prefix: str) -> bool:
    """Whether a key is a prefix followed by the name of an event file.

    A participant ID may contain any printable character, including `/`. Everything after the prefix
    is therefore the name, not a folder.

    Examples
    --------
    >>> is_event_file("logs/log-submit-20240115-093000-42-ingest-form-110001-01.json", "logs/")
    True
    >>> is_event_file("logs/notes.txt", "logs/")
    False
    """
    return _NAME.fullmatch(key.removeprefix(prefix).removeprefix("/")) is not None


def keys_since(prefix: str, day: dt.date) -> Iterator[tuple[str, str]]:
    """Yield, for each action, a prefix and the key after which its files since `day` are listed.

    Within one action, names sort by time.
    """
    for action in ACTIONS:
        start = f"{folder(prefix)}log-{action}-"
        yield start, f"{start}{day:%Y%m%d}"


def folder(prefix: str) -> str:
    """Return the prefix, with a final `/` unless it is empty."""
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
