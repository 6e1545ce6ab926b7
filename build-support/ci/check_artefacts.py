"""Print the size of each artefact, and find what Lambda would reject or fail to import.

    python3.12 build-support/ci/check_artefacts.py [DIST] --runtime PYTHON

DIST is the folder with the zips that `bin/pants package lambda::` builds. PYTHON is the interpreter
of an environment with only the packages of the Lambda runtime;
`build-support/bootstrap/lambda-runtime.sh` prints it. `lambda/functions.json` lists the layers of
each function. The exit code is 1 if

- an artefact is missing, or its content would differ in the next build (times in the zip);
- a function with its layers is larger, unzipped, than Lambda allows;
- the zip of a function is too large to contain only code;
- a layer contains a package of the Lambda runtime, or cannot be imported without another layer;
- a function cannot be imported with its layers.

Layers for another architecture are measured, but not imported.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

MEGABYTE = 1_000_000
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_LIMIT = 250 * MEGABYTE
# Our own limit: a function contains only code, and its packages are in layers.
FUNCTION_LIMIT = 1 * MEGABYTE

ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}
HANDLER = "lambda_function"
IN_THE_RUNTIME = ("boto3", "botocore", "s3transfer")
LAYER_MODULES = {
    "data_processing": ("polars", "pydantic"),
    "excel": ("openpyxl",),
    "http": ("feedparser", "requests"),
    "powertools": (
        "aws_lambda_powertools.logging",
        "aws_lambda_powertools.metrics",
        "aws_lambda_powertools.tracing",
        "aws_lambda_powertools.utilities.parser",
        "pydantic",
    ),
}
IMPORT = "import importlib, sys; sys.path[:0] = sys.argv[2:]; importlib.import_module(sys.argv[1])"
EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Artefact:
    """A zip to deploy."""

    path: Path
    zipped: int
    unzipped: int
    top_level: frozenset[str]
    has_times: bool

    @classmethod
    def read(cls, path: Path, top: str) -> Artefact:
        """Read a zip; `top` is the folder from which Python imports."""
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        return cls(
            path=path,
            zipped=path.stat().st_size,
            unzipped=sum(entry.file_size for entry in entries),
            top_level=frozenset(
                entry.filename.removeprefix(top).partition("/")[0] for entry in entries
            ),
            has_times=any(entry.date_time != EARLIEST_TIME for entry in entries),
        )


@dataclass(frozen=True)
class Artefacts:
    """All zips, and the layers of each function.

    Attributes
    ----------
    functions
        By name.
    layers
        By architecture and name.
    layers_of
        Names of layers by function.
    missing
        Paths of zips that do not exist.
    """

    functions: dict[str, Artefact]
    layers: dict[tuple[str, str], Artefact]
    layers_of: dict[str, tuple[str, ...]]
    missing: tuple[Path, ...]

    @classmethod
    def read(cls, dist: Path, settings: Path) -> Artefacts:
        """Read the zips that the function settings require."""
        layers_of = {
            name: tuple(function["layers"])
            for functions in json.loads(settings.read_text(encoding="utf-8")).values()
            for name, function in functions.items()
        }
        function_paths = {name: dist / "functions" / f"{name}.zip" for name in layers_of}
        layer_paths = {
            (architecture, layer): dist / "layers" / architecture / f"{layer}.zip"
            for architecture in sorted(set(ARCHITECTURES.values()))
            for layer in sorted({layer for layers in layers_of.values() for layer in layers})
        }
        return cls(
            functions={
                name: Artefact.read(path, "")
                for name, path in function_paths.items()
                if path.exists()
            },
            layers={
                key: Artefact.read(path, "python/")
                for key, path in layer_paths.items()
                if path.exists()
            },
            layers_of=layers_of,
            missing=tuple(
                path
                for path in (*function_paths.values(), *layer_paths.values())
                if not path.exists()
            ),
        )

    @property
    def architectures(self) -> list[str]:
        """The architectures that have layers."""
        return sorted({architecture for architecture, _ in self.layers})

    def total(self, function: str, architecture: str) -> int:
        """Return the unzipped size of a function with its layers, in bytes."""
        keys = [(architecture, layer) for layer in self.layers_of[function]]
        layers = [self.layers[key] for key in keys if key in self.layers]
        return self.functions[function].unzipped + sum(layer.unzipped for layer in layers)


def tables(artefacts: Artefacts) -> Iterator[str]:
    """Yield the lines of both tables."""
    named = {f"layers/{'/'.join(key)}": layer for key, layer in artefacts.layers.items()}
    named |= {f"functions/{name}": function for name, function in artefacts.functions.items()}
    width = max((len(name) for name in named), default=0)
    yield f"{'':{width}}  {'zip':>10}  {'unzipped':>11}"
    for name, artefact in named.items():
        yield f"{name:{width}}  {kilobytes(artefact.zipped)}  {megabytes(artefact.unzipped)}"
    columns = "".join(f"  {architecture:>11}" for architecture in artefacts.architectures)
    yield ""
    yield f"{'with its layers, unzipped':{width}}{columns}"
    for name in artefacts.functions:
        sizes = "".join(
            f"  {megabytes(artefacts.total(name, architecture))}"
            for architecture in artefacts.architectures
        )
        yield f"{name:{width}}{sizes}"
    yield f"{'limit of Lambda':{width}}  {megabytes(UNZIPPED_LIMIT)}"


def kilobytes(size: int) -> str:
    """Return a size as text of ten characters."""
    return f"{size / 1000:>7,.0f} kB"


def megabytes(size: int) -> str:
    """Return a size as text of eleven characters."""
    return f"{size / MEGABYTE:>8,.1f} MB"


def faults_of_content(artefacts: Artefacts) -> Iterator[str]:
    """Yield the faults that can be found without importing anything."""
    for path in artefacts.missing:
        yield f"{path} is missing; build it with `bin/pants package lambda::`"
    for artefact in (*artefacts.functions.values(), *artefacts.layers.values()):
        if artefact.has_times:
            yield f"{artefact.path} contains files with times, so each build differs"
    for layer in artefacts.layers.values():
        for name in sorted(layer.top_level.intersection(IN_THE_RUNTIME)):
            yield f"{layer.path} contains {name}, which the Lambda runtime provides"
    for name, function in artefacts.functions.items():
        if function.zipped > FUNCTION_LIMIT:
            yield (
                f"{function.path} has {kilobytes(function.zipped).strip()}; the limit is"
                f" {kilobytes(FUNCTION_LIMIT).strip()}. Move packages to a layer."
            )
        for architecture in artefacts.architectures:
            total = artefacts.total(name, architecture)
            if total > UNZIPPED_LIMIT:
                yield (
                    f"{name} has {megabytes(total).strip()} unzipped with its layers on"
                    f" {architecture}; Lambda allows {megabytes(UNZIPPED_LIMIT).strip()}"
                )


def faults_of_imports(artefacts: Artefacts, runtime: Path, architecture: str) -> Iterator[str]:
    """Yield the functions and layers that cannot be imported in the Lambda runtime."""
    with TemporaryDirectory() as folder:
        layers = {
            name: unpack(layer.path, Path(folder) / "layers" / name) / "python"
            for (of, name), layer in artefacts.layers.items()
            if of == architecture
        }
        for name, path in layers.items():
            if name not in LAYER_MODULES:
                yield f"add the modules of layer {name} to LAYER_MODULES in {Path(__file__).name}"
            for module in LAYER_MODULES.get(name, ()):
                yield from fault_of_import(f"the layer {name} alone", module, [path], runtime)
        for name, function in artefacts.functions.items():
            code = unpack(function.path, Path(folder) / "functions" / name)
            paths = [layers[layer] for layer in artefacts.layers_of[name] if layer in layers]
            yield from fault_of_import(f"the function {name}", HANDLER, [code, *paths], runtime)


def unpack(path: Path, folder: Path) -> Path:
    """Unpack a zip and return the folder."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def fault_of_import(
    subject: str, module: str, path: Sequence[Path], runtime: Path
) -> Iterator[str]:
    """Import a module in a new interpreter; yield the fault if that fails."""
    done = subprocess.run(  # noqa: S603 - the Lambda runtime and our own code
        [str(runtime), "-I", "-B", "-c", IMPORT, module, *map(str, path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        # Lambda sets it too.
        env={"AWS_DEFAULT_REGION": "eu-central-1"},
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        yield f"{subject} cannot import {module}: {lines[-1]}"


def main(arguments: Sequence[str]) -> int:
    """Print the tables and the faults; the exit code is 1 if there are any."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dist", nargs="?", type=Path, default=Path("dist"))
    parser.add_argument("--settings", type=Path, default=Path("lambda/functions.json"))
    parser.add_argument("--runtime", type=Path, required=True)
    options = parser.parse_args(arguments)

    artefacts = Artefacts.read(options.dist, options.settings)
    print("\n".join(tables(artefacts)))
    architecture = ARCHITECTURES[platform.machine()]
    faults = list(faults_of_content(artefacts))
    if platform.system() == "Linux":
        faults += faults_of_imports(artefacts, options.runtime, architecture)
    else:
        print("\nNothing was imported, because the artefacts run only on Linux.")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
