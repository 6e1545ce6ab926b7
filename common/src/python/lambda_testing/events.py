"""Sample events of functions, which lie beside their code as JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def sample_events(folder: Path) -> dict[str, dict[str, Any]]:
    """Read all events of a folder by the names of their files.

    Raises
    ------
    FileNotFoundError
        There are none: a test of no event would pass whatever they are.
    """
    events = {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    if not events:
        raise FileNotFoundError(f"there is no event in {folder}")
    return events
