"""Paths in the repository, and the packages that Pants builds there."""

from __future__ import annotations

import platform
from pathlib import Path

from artefacts.errors import ArtefactMissingError
from lambda_core.errors import UsageError

SETTINGS_FILE = Path("lambda/functions.json")

CODE_FOLDER = Path("dist/local-cloud/code")
"""Unpacked functions and layers, reused by the next run."""

BUILD_COMMAND = "bin/pants package ::"

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""Lambda's names of architectures, by the names that operating systems use."""


def repository_root() -> Path:
    """Return the root folder of the repository that contains this module.

    Raises
    ------
    UsageError
        This module is not in a checkout of the repository.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / "pants.toml").is_file():
            return folder
    raise UsageError("this command works only in a checkout of the repository")


def architecture() -> str:
    """Return Lambda's name for this machine's architecture: `x86_64` or `arm64`.

    Raises
    ------
    UsageError
        Lambda does not support the architecture.
    """
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UsageError(
            f"Lambda does not support this machine's architecture, {machine}; it supports: {known}"
        )
    return ARCHITECTURES[machine]


class Artefacts:
    """Packages that Pants built: `functions/NAME.zip` and `layers/ARCHITECTURE/NAME.zip`."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self._folder = folder
        self.architecture = architecture

    def function(self, name: str) -> bytes:
        """Return the content of a function's zip file.

        Raises
        ------
        ArtefactMissingError
            The package does not exist.
        """
        return _read(self._folder / "functions" / f"{name}.zip")

    def layer(self, name: str) -> bytes:
        """Return the content of a layer's zip file for this architecture.

        Raises
        ------
        ArtefactMissingError
            The package does not exist.
        """
        return _read(self._folder / "layers" / self.architecture / f"{name}.zip")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtefactMissingError(f"{path} is missing; build it with: {BUILD_COMMAND}") from error
