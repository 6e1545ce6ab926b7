"""Sample events of functions, which are JSON files next to the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def sample_events(folder: Path) -> dict[str, dict[str, Any]]:
    """Return all events of a folder by file name.

    Raises
    ------
    FileNotFoundError
        The folder has no event, so a test of all events would test nothing.
    """
    events = {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    if not events:
        raise FileNotFoundError(f"{folder} contains no events (*.json)")
    return events
