"""Measure the cold start of each function, with the zip and the layers that are deployed.

Each function starts as in the local cloud: with AWS's runtime client, the packages of the Lambda
runtime, the function and its layers, and nothing else. It is ready when it requests its first
invocation. For comparison, the benchmark also starts a function that does nothing, and each
function with layers without bytecode. It prints the medians of the wall-clock seconds until ready,
the CPU seconds and the peak memory, and then the import time of each package, including its
submodules.

    bin/pants package lambda::
    bin/pants run benchmarks/cold_start.py -- [--runs N] [FUNCTION…]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import resource
import shutil
import statistics
import sys
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from artefacts.function_settings import FunctionSettings, read_settings, settings_of
from artefacts.repository import Artefacts, architecture, repository_root
from lambda_core.errors import ApplicationError
from local_cloud.lambda_runtime.code_store import CodeStore
from local_cloud.lambda_runtime.function_process import FunctionProcess, FunctionSpec, Host
from local_cloud.lambda_runtime.reaper import Reaper
from local_cloud.lambda_runtime.runtime_api import Ready
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python

HANDLER = "lambda_function.handler"
TIME_LIMIT_SECONDS = 60
TOP = 10
WIDTH = 30


@dataclass(frozen=True)
class Start:
    """The cost of a start, from the command to the first request for an invocation."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


class Starter:
    """Starts functions, each in a new process."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def start(self, spec: FunctionSpec) -> Start:
        """Start a function and stop it."""
        before = _cpu_of_children()
        begin = time.perf_counter()
        _, seconds, peak_mb = self._run(spec, begin)
        return Start(seconds, _cpu_of_children() - before, peak_mb)

    def import_seconds(self, spec: FunctionSpec) -> dict[str, float]:
        """Return the import time of each package; measuring makes all imports slower."""
        measured = replace(spec, environment={**spec.environment, "PYTHONPROFILEIMPORTTIME": "1"})
        lines, _, _ = self._run(measured, time.perf_counter())
        found: dict[str, float] = {}
        for line in lines:
            # import time:  own microseconds | including nested imports | indented name
            fields = line.removeprefix("import time:").split("|")
            if len(fields) == 3 and fields[0].strip().isdigit():
                package = fields[2].strip().partition(".")[0]
                found[package] = found.get(package, 0) + int(fields[0]) / 1e6
        return found

    def _run(self, spec: FunctionSpec, begin: float) -> tuple[list[str], float, float]:
        process = FunctionProcess(spec, self._host, "benchmark")
        try:
            message = process.wait(time.monotonic() + TIME_LIMIT_SECONDS)
            seconds = time.perf_counter() - begin
            process.exceeds_memory()
            lines = process.new_lines()
            if not isinstance(message, Ready):
                raise SystemExit("\n".join([*lines, f"{spec.name} did not start: {message}"]))
            return lines, seconds, process.peak_mb
        finally:
            process.close()


def spec_of(
    name: str, settings: FunctionSettings, artefacts: Artefacts, store: CodeStore
) -> FunctionSpec:
    """Return the specification of a packaged function."""
    layers = [artefacts.layer(layer) for layer in settings.layers]
    return FunctionSpec(
        name=name,
        arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        handler=HANDLER,
        code=store.unpacked(_by_digest([artefacts.function(name)])),
        layers=store.unpacked(_by_digest(layers)),
        environment={"AWS_DEFAULT_REGION": "us-east-1", **settings.environment},
        memory_mb=settings.memory_mb,
    )


def spec_of_nothing(store: CodeStore) -> FunctionSpec:
    """Return the specification of a function that imports nothing."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("lambda_function.py", "def handler(event, context): pass\n")
    return FunctionSpec(
        name="nothing",
        arn="arn:aws:lambda:us-east-1:123456789012:function:nothing",
        handler=HANDLER,
        code=store.unpacked(_by_digest([content.getvalue()])),
        layers=store.unpacked({}),
    )


def without_bytecode(spec: FunctionSpec, folder: Path) -> FunctionSpec:
    """Return the same function with layers without bytecode."""
    layers = folder / spec.name
    shutil.copytree(
        spec.layers,
        layers,
        copy_function=os.link,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return replace(spec, layers=layers)


def _by_digest(archives: list[bytes]) -> dict[str, bytes]:
    return {hashlib.sha256(archive).hexdigest(): archive for archive in archives}


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _median(starts: list[Start]) -> Start:
    return Start(
        statistics.median(start.seconds for start in starts),
        statistics.median(start.cpu_seconds for start in starts),
        statistics.median(start.peak_mb for start in starts),
    )


def measure(names: list[str], runs: int) -> None:
    """Start the named functions, or all of them, and print the medians."""
    root = repository_root()
    pipelines = read_settings(root / "lambda/functions.json")
    names = names or [name for functions in pipelines.values() for name in functions]
    artefacts = Artefacts(root / "dist", architecture())
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        store = CodeStore(folder / "code")
        (folder / "run").mkdir()
        host = Host(lambda_runtime_python(), folder / "run", Reaper(folder / "run"))
        starter = Starter(host)
        specs = [spec_of(name, settings_of(name, pipelines), artefacts, store) for name in names]
        plain_specs = [without_bytecode(spec, folder / "plain") for spec in specs]

        nothing = spec_of_nothing(store)
        floors: list[Start] = []
        starts: dict[str, list[Start]] = {name: [] for name in names}
        plain: dict[str, list[Start]] = {name: [] for name in names}
        for _ in range(runs):
            floors.append(starter.start(nothing))
            for spec in specs:
                starts[spec.name].append(starter.start(spec))
            for spec in plain_specs:
                plain[spec.name].append(starter.start(spec))
        imports = {spec.name: starter.import_seconds(spec) for spec in specs}
        host.reaper.close()

    floor = _median(floors)
    print(f"{'':{WIDTH}}  ready s  CPU s  peak MB  CPU / nothing  without bytecode: CPU s  ratio")
    print(f"{'a function that does nothing':{WIDTH}}{_columns(floor)}")
    for name in names:
        start, other = _median(starts[name]), _median(plain[name])
        print(
            f"{name:{WIDTH}}{_columns(start)}{start.cpu_seconds / floor.cpu_seconds:>15.1f}"
            f"{other.cpu_seconds:>25.2f}{start.cpu_seconds / other.cpu_seconds:>7.2f}"
        )
    for name, packages in imports.items():
        print(f"\nimports of {name}: {sum(packages.values()):.2f} s")
        for package in sorted(packages, key=packages.__getitem__, reverse=True)[:TOP]:
            print(f"  {package:{WIDTH - 2}}{packages[package]:>9.3f}")


def _columns(start: Start) -> str:
    return f"{start.seconds:>9.2f}{start.cpu_seconds:>7.2f}{start.peak_mb:>9.0f}"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("functions", nargs="*", help="functions to start; all by default")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    try:
        measure(options.functions, options.runs)
    except ApplicationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
