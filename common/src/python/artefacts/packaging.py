"""Packages the functions of a pipeline if their packages in `dist` are missing or outdated.

Pants detects what is up to date, but takes many seconds. So this module records the digests of all
inputs and packages, and runs Pants only if a digest has changed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from artefacts.errors import PackagingError
from artefacts.function_settings import FunctionSettings
from artefacts.repository import Artefacts

TOOLS = ("build-support/bootstrap", "build-support/lambda", "pants-plugins", "pants.toml")
"""Files that influence every package."""

LAYER_INPUTS = (*TOOLS, "3rdparty/python", "lambda/layers")

FUNCTION_INPUTS = (*TOOLS, "common/src/python", "lambda")

IGNORED_FOLDERS = frozenset({".terraform", "__pycache__", "test", "events"})
"""Names of folders that do not influence packages."""

TERRAFORM_FILES = (".hcl", ".tf", ".tfstate", ".tfstate.backup", ".tfvars")
"""Endings of the names of Terraform's files, which do not influence packages."""

RECORDS_FOLDER = Path("dist/local-cloud")


class _Record(BaseModel):
    """Digests of inputs and packages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: str
    outputs: str


@dataclass(frozen=True)
class _Group:
    """Packages that are built from the same inputs: the targets, and the file of each."""

    record: Path
    inputs: Sequence[Path]
    targets: Mapping[str, Path]

    def state(self) -> _Record:
        """Return the current digests; raises FileNotFoundError if a package is missing."""
        return _Record(inputs=_digest(_files(self.inputs)), outputs=_digest(self.targets.values()))

    def is_current(self) -> bool:
        """Whether the packages exist and were built from the current inputs."""
        try:
            return _Record.model_validate_json(self.record.read_bytes()) == self.state()
        except (FileNotFoundError, ValidationError):
            return False


def packaged(root: Path, architecture: str, functions: Mapping[str, FunctionSettings]) -> Artefacts:
    """Return the packages of functions and their layers; build those that are not up to date.

    Parameters
    ----------
    root
        Folder of the repository.
    architecture
        Architecture of the layers: `x86_64` or `arm64`.

    Raises
    ------
    PackagingError
        Pants failed; it has printed the cause on standard error.
    """
    folder = root / "dist"
    layers = sorted({layer for settings in functions.values() for layer in settings.layers})
    groups = (
        _Group(
            root / RECORDS_FOLDER / f"layers-{'-'.join(layers)}.json",
            [root / name for name in LAYER_INPUTS],
            {
                f"lambda/layers:{layer}-{architecture}": folder
                / f"layers/{architecture}/{layer}.zip"
                for layer in layers
            },
        ),
        _Group(
            root / RECORDS_FOLDER / f"functions-{'-'.join(sorted(functions))}.json",
            [root / name for name in FUNCTION_INPUTS],
            {
                f"{_package(root, name)}:lambda": folder / f"functions/{name}.zip"
                for name in functions
            },
        ),
    )
    outdated = [group for group in groups if not group.is_current()]
    if outdated:
        # Digests from before the build: if a file changes during it, the next run builds again.
        before = [_digest(_files(group.inputs)) for group in outdated]
        _run_pants(root, [target for group in outdated for target in group.targets])
        for group, inputs in zip(outdated, before, strict=True):
            _write(group.record, _Record(inputs=inputs, outputs=_digest(group.targets.values())))
    return Artefacts(folder, architecture)


def _package(root: Path, function: str) -> str:
    """Return the folder of a function's own Python package."""
    (found,) = (root / "lambda" / function / "src/python").glob("*_lambda/")
    return found.relative_to(root).as_posix()


def _run_pants(root: Path, targets: list[str]) -> None:
    pants = str(root / "bin/pants")
    command = [pants, "--no-pantsd", "--no-dynamic-ui", "--level=warn", "package"]
    result = subprocess.run(  # noqa: S603 - the project's own script
        [*command, *targets], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    )
    if result.returncode:
        raise PackagingError("Pants could not package the functions; the cause is above")


def _write(path: Path, record: _Record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in a single step, because another process may read it at the same time.
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(record.model_dump_json(), encoding="utf-8")
    new.replace(path)


def _files(inputs: Iterable[Path]) -> Iterator[Path]:
    for start in inputs:
        if start.is_file():
            yield start
            continue
        for folder, folders, names in os.walk(start):
            folders[:] = sorted(set(folders) - IGNORED_FOLDERS)
            for name in sorted(names):
                if not name.endswith(TERRAFORM_FILES):
                    yield Path(folder, name)


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content} {path}\n".encode())
    return digest.hexdigest()
