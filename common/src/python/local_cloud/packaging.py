"""Packages the functions of the region report where what is in `dist` is missing or outdated.

Pants itself knows by content what is up to date, but takes many seconds to say so. So the digests
of what went in and of what came out are kept beside the packages, and Pants is asked only where
they do not fit.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from local_cloud.clone import Artefacts
from local_cloud.errors import PackagingError
from local_cloud.function_settings import FunctionSettings

INPUTS = (
    "3rdparty/python",
    "build-support/bootstrap",
    "build-support/lambda",
    "common/src/python",
    "lambda",
    "pants-plugins",
    "pants.toml",
)
"""What the packages are made from."""

LEFT_OUT = frozenset({"__pycache__", "test", "events"})
"""Folders in them that are not."""

MARK = Path("dist/local-cloud/packaged.json")


class _Mark(BaseModel):
    """What was packaged, from what: digests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: str
    outputs: str


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
    layers = sorted({layer for one in functions.values() for layer in one.layers})
    folder = root / "dist"
    outputs = [
        *(folder / "functions" / f"{name}.zip" for name in functions),
        *(folder / "layers" / architecture / f"{layer}.zip" for layer in layers),
    ]
    inputs = _digest(_files(root))
    if not _fits(root / MARK, inputs, outputs):
        _run_pants(
            root,
            [
                *(f"lambda/{name}/src/python/{name}_lambda:lambda" for name in functions),
                *(f"lambda/layers:{layer}-{architecture}" for layer in layers),
            ],
        )
        _write(root / MARK, _Mark(inputs=inputs, outputs=_digest(outputs)))
    return Artefacts(folder, architecture)


def _fits(mark: Path, inputs: str, outputs: Iterable[Path]) -> bool:
    try:
        kept = _Mark.model_validate_json(mark.read_bytes())
        return kept == _Mark(inputs=inputs, outputs=_digest(outputs))
    except (FileNotFoundError, ValidationError):
        return False


def _run_pants(root: Path, targets: list[str]) -> None:
    pants = str(root / "bin/pants")
    command = [pants, "--no-pantsd", "--no-dynamic-ui", "--level=warn", "package"]
    done = subprocess.run(  # noqa: S603 - the project's own script
        [*command, *targets], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise PackagingError(
            "the functions could not be packaged: Pants says why, above; or make the report "
            "without packages, with --in-process"
        )


def _write(path: Path, mark: _Mark) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step: a run beside this one may read it.
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(mark.model_dump_json(), encoding="utf-8")
    new.replace(path)


def _files(root: Path) -> Iterator[Path]:
    for name in INPUTS:
        start = root / name
        if start.is_file():
            yield start
            continue
        for folder, folders, names in os.walk(start):
            folders[:] = sorted(set(folders) - LEFT_OUT)
            yield from (Path(folder, one) for one in sorted(names))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content} {path}\n".encode())
    return digest.hexdigest()
