"""Packages the functions of a pipeline where what is in `dist` is missing or outdated.

Pants itself knows by content what is up to date, but takes many seconds to say so. So the digests
of what went in and of what came out are kept beside the packages, and Pants is asked only where
they do not fit.
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
"""What decides how anything is packaged."""

LAYER_INPUTS = (*TOOLS, "3rdparty/python", "lambda/layers")

FUNCTION_INPUTS = (*TOOLS, "common/src/python", "lambda")

LEFT_OUT = frozenset({".terraform", "__pycache__", "test", "events"})
"""Folders of no consequence to packages."""

TERRAFORM_FILES = (".hcl", ".tf", ".tfstate", ".tfstate.backup", ".tfvars")
"""Endings of files of Terraform, which are not packaged either."""

MARKS = Path("dist/local-cloud")


class _Mark(BaseModel):
    """What was packaged, from what: digests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: str
    outputs: str


@dataclass(frozen=True)
class _Group:
    """Packages that are made from the same inputs: each target and the file that comes of it."""

    mark: Path
    inputs: Sequence[Path]
    targets: Mapping[str, Path]

    def state(self) -> _Mark:
        """Return the digests as they are now; raises FileNotFoundError where a package is not."""
        return _Mark(inputs=_digest(_files(self.inputs)), outputs=_digest(self.targets.values()))

    def fits(self) -> bool:
        """Whether the packages are those of the inputs."""
        try:
            return _Mark.model_validate_json(self.mark.read_bytes()) == self.state()
        except (FileNotFoundError, ValidationError):
            return False


def packaged(root: Path, architecture: str, functions: Mapping[str, FunctionSettings]) -> Artefacts:
    """Return the packages of functions and of their layers, made anew where that is needed.

    Parameters
    ----------
    root
        Folder of the clone.
    architecture
        For which the layers are: `x86_64` or `arm64`.

    Raises
    ------
    PackagingError
        If Pants fails; it has said why on standard error.
    """
    folder = root / "dist"
    layers = sorted({layer for one in functions.values() for layer in one.layers})
    groups = (
        _Group(
            root / MARKS / f"layers-{'-'.join(layers)}.json",
            [root / name for name in LAYER_INPUTS],
            {
                f"lambda/layers:{layer}-{architecture}": folder
                / f"layers/{architecture}/{layer}.zip"
                for layer in layers
            },
        ),
        _Group(
            root / MARKS / f"functions-{'-'.join(sorted(functions))}.json",
            [root / name for name in FUNCTION_INPUTS],
            {
                f"{_package(root, name)}:lambda": folder / f"functions/{name}.zip"
                for name in functions
            },
        ),
    )
    outdated = [group for group in groups if not group.fits()]
    if outdated:
        # What is edited meanwhile is of the next run: the digests are of what was there before.
        before = [_digest(_files(group.inputs)) for group in outdated]
        _run_pants(root, [target for group in outdated for target in group.targets])
        for group, inputs in zip(outdated, before, strict=True):
            _write(group.mark, _Mark(inputs=inputs, outputs=_digest(group.targets.values())))
    return Artefacts(folder, architecture)


def _package(root: Path, function: str) -> str:
    """Return the folder of a function's own package, the only one beside what it shares."""
    (found,) = (root / "lambda" / function / "src/python").glob("*_lambda/")
    return found.relative_to(root).as_posix()


def _run_pants(root: Path, targets: list[str]) -> None:
    pants = str(root / "bin/pants")
    command = [pants, "--no-pantsd", "--no-dynamic-ui", "--level=warn", "package"]
    done = subprocess.run(  # noqa: S603 - the project's own script
        [*command, *targets], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise PackagingError("the functions could not be packaged: Pants says why, above")


def _write(path: Path, mark: _Mark) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step: a run beside this one may read it.
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(mark.model_dump_json(), encoding="utf-8")
    new.replace(path)


def _files(inputs: Iterable[Path]) -> Iterator[Path]:
    for start in inputs:
        if start.is_file():
            yield start
            continue
        for folder, folders, names in os.walk(start):
            folders[:] = sorted(set(folders) - LEFT_OUT)
            names = sorted(name for name in names if not name.endswith(TERRAFORM_FILES))
            yield from (Path(folder, name) for name in names)


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content} {path}\n".encode())
    return digest.hexdigest()
