"""Tables in two columns for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Lay out names and values in two columns; a value may have several lines."""
    width = max(len(name) for name, _ in rows)
    lines = [title, "-" * len(title)]
    for name, value in rows:
        first, *more = value.splitlines() or [""]
        lines.append(f"{name:<{width}}  {first}")
        lines.extend(f"{'':<{width}}  {line}" for line in more)
    return "\n".join(lines)
