"""Measure the region report with its functions and state machine, on one machine.

A run does what `run-local.sh region-report` does after its packages are built: it starts the local
cloud, deploys the packages, executes the state machine and publishes the reports in a folder. The
benchmark prints wall-clock seconds, and CPU seconds of the client (the command), the server (moto,
in place of AWS) and the functions. Our own CPU time is that of client and functions.

    bin/pants run benchmarks/state_machine.py -- [--runs N]
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from artefacts.function_settings import read_settings
from artefacts.packaging import packaged
from artefacts.repository import (
    CODE_FOLDER,
    SETTINGS_FILE,
    Artefacts,
    architecture,
    repository_root,
)
from run_local.region_report import DEFINITION_FILE, PIPELINE

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds, and CPU seconds by process, including imports."""

    wall: float
    client: float
    server: float
    functions: float

    @property
    def own(self) -> float:
        """CPU seconds without those of moto."""
        return self.client + self.functions


def run_once() -> Cost:
    """Start a local cloud, deploy, execute and publish; return the cost."""
    from aws_ssm_fetcher.outputs.publish import staging_folder
    from aws_ssm_fetcher.pipeline import Options
    from command_line.stages import PlainStages
    from local_cloud.clients import clients_of
    from local_cloud.functions import FunctionOptions
    from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
    from local_cloud.server import moto_server
    from run_local.deployer import Deployer
    from run_local.region_report import execute

    root = repository_root()
    settings = read_settings(root / SETTINGS_FILE)[PIPELINE]
    started = time.monotonic()
    artefacts = Artefacts(root / "dist", architecture())
    options = FunctionOptions(lambda_runtime_python(), root / CODE_FOLDER)
    with tempfile.TemporaryDirectory() as folder, moto_server(functions=options) as cloud:
        clients = clients_of(cloud)
        deployed = Deployer(clients, artefacts).region_report(
            settings,
            root / DEFINITION_FILE,
            variables={"RSS_URL": "", "SSM_MAX_TPS": "10000", "SOURCE_LABEL": "benchmark"},
        )
        report = Options(output_dir=Path(folder) / "report")
        with staging_folder(report.output_dir) as staging:
            execute(clients, deployed, report, PlainStages(io.StringIO()), staging)
        wall = time.monotonic() - started
        server = max(children(os.getpid()), key=lambda pid: sum(cpu_seconds(pid)))
        server_own, ended = cpu_seconds(server)
        running = sum(sum(cpu_seconds(pid)) for pid in descendants(server))
    return Cost(wall, time.process_time(), server_own, running + ended)


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the CPU seconds of a process, and those of its children that have ended.

    Format: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    own, ended = (sum(map(int, fields[at : at + 2])) / TICKS for at in (11, 13))
    return own, ended


def children(pid: int) -> Iterator[int]:
    """Yield the running child processes of a process."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (thread / "children").read_text(encoding="ascii").split())


def descendants(pid: int) -> Iterator[int]:
    """Yield the children, their children, and so on."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def _child(connection: Connection) -> None:
    # The CPU time of this process is the cost of the client.
    connection.send(asdict(run_once()))


def main() -> None:
    """Measure and print each run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()

    root = repository_root()
    # No run has to build packages then.
    packaged(root, architecture(), read_settings(root / SETTINGS_FILE)[PIPELINE])
    costs: list[Cost] = []
    context = multiprocessing.get_context("spawn")
    for _ in range(args.runs):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(theirs,))
        process.start()
        theirs.close()
        # A dictionary, because the child cannot unpickle a class of this file under Pants.
        costs.append(Cost(**ours.recv()))
        process.join()
    print(f"{'':<8}{'wall s':>8}{'own CPU s':>11}{'client':>8}{'functions':>11}{'moto':>7}")
    for number, cost in enumerate(costs, 1):
        _line(f"run {number}", cost)
    names = Cost.__dataclass_fields__
    medians = (statistics.median(getattr(cost, name) for cost in costs) for name in names)
    _line("median", Cost(*medians))


def _line(title: str, cost: Cost) -> None:
    print(
        f"{title:<8}{cost.wall:>8.1f}{cost.own:>11.1f}{cost.client:>8.1f}"
        f"{cost.functions:>11.1f}{cost.server:>7.1f}"
    )


if __name__ == "__main__":
    main()
