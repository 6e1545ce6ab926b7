"""Where things are in a clone of the repository."""

from __future__ import annotations

import platform
from pathlib import Path

from artefacts.errors import ArtefactMissingError
from lambda_core.errors import UsageError

SETTINGS_FILE = Path("lambda/functions.json")

CODE_FOLDER = Path("dist/local-cloud/code")
"""Unpacked functions and layers, kept for the next run."""

BUILD_COMMAND = "bin/pants package ::"

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""What machines call themselves, and what Lambda calls them."""


def repository_root() -> Path:
    """Return the folder of the clone that this module is part of.

    Raises
    ------
    UsageError
        If it is part of none.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / "pants.toml").is_file():
            return folder
    raise UsageError("this works in a clone of the repository only")


def architecture() -> str:
    """Return this machine's architecture as Lambda names it.

    Raises
    ------
    UsageError
        If Lambda does not know it.
    """
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UsageError(f"Lambda knows no machine such as this one, {machine}; it knows {known}")
    return ARCHITECTURES[machine]


class Artefacts:
    """What Pants packaged: `functions/NAME.zip` and `layers/ARCHITECTURE/NAME.zip`."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self._folder = folder
        self.architecture = architecture

    def function(self, name: str) -> bytes:
        """Return the zip of a function.

        Raises
        ------
        ArtefactMissingError
            If it was not packaged.
        """
        return _read(self._folder / "functions" / f"{name}.zip")

    def layer(self, name: str) -> bytes:
        """Return the zip of a layer for this architecture.

        Raises
        ------
        ArtefactMissingError
            If it was not packaged.
        """
        return _read(self._folder / "layers" / self.architecture / f"{name}.zip")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtefactMissingError(f"{path} is missing: build it with {BUILD_COMMAND}") from error
