"""Names of event files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from event_log.models import ACTIONS

_NAME: Final = re.compile(
    rf"log-(?:{'|'.join(ACTIONS)})-[0-9]{{8}}"
    # The older names end with the day. In the newer ones, all three labels may hold hyphens.
    r"(?:-[0-9]{6}-[0-9]+-.+-.+-.+)?\.json",
    re.DOTALL,
)


def is_event_file(key: str, prefix: str) -> bool:
    """Whether an object directly below a prefix is named as event files are.

    A participant's identifier may hold any printable character, `/` too: what follows the prefix
    is the name as a whole, and no folder.
    """
    return _NAME.fullmatch(key.removeprefix(prefix).removeprefix("/")) is not None


def keys_since(prefix: str, day: dt.date) -> Iterator[tuple[str, str]]:
    """Yield, for each action, a prefix and the key after which its files from a day on are listed.

    Names are in the order of their time within one action.
    """
    for action in ACTIONS:
        start = f"{folder(prefix)}log-{action}-"
        yield start, f"{start}{day:%Y%m%d}"


def folder(prefix: str) -> str:
    """Return the prefix with the `/` that separates it from the names."""
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
