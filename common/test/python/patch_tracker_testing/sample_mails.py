"""Real mail that is not part of the project: tests that read it are skipped where it is not."""

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
    """Return a file of the real mail, or skip the test."""
    for place in _places():
        if (path := place / "mail" / name).exists():
            return path
    pytest.skip(f"there is no real mail here: set SHARED_DATA_DIR to the folder of mail/{name}")


def read_json(name: str) -> Any:  # noqa: ANN401 - whatever is in the file
    """Read a JSON file."""
    return json.loads(require(name).read_text())


def read_mails(name: str) -> list[Mail]:
    """Read all mails of a gzipped mbox."""
    return [parse_mail(raw) for raw in mails_of_bytes(require(name).read_bytes())]
