"""Real mail. It is not part of the project, so tests that need it are skipped without it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from patch_tracker.mail.mbox import mails_of_bytes
from patch_tracker.mail.message import Mail, parse_mail


def _places() -> list[Path]:
    places = [Path(folder) for folder in [os.environ.get("SHARED_DATA_DIR")] if folder]
    return places + [parent / "shared" / "data" for parent in Path(__file__).resolve().parents]


def require(name: str) -> Path:
    """Return the path of a file with real mail, or skip the test."""
    for place in _places():
        if (path := place / "mail" / name).exists():
            return path
    pytest.skip(f"no real mail found: set SHARED_DATA_DIR to the folder that contains mail/{name}")


def read_json(name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the contents of a JSON file."""
    return json.loads(require(name).read_text())


def read_mails(name: str) -> list[Mail]:
    """Return all mails of a gzipped mbox."""
    return [parse_mail(raw) for raw in mails_of_bytes(require(name).read_bytes())]
