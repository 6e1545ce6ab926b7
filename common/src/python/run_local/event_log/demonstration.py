"""The event log on the local cloud: `run-local.sh event-log`.

The packaged function runs twice: on the first event files, and again after more have arrived. Its
results are then compared with the objects that S3 lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from artefacts.function_settings import FunctionSettings, read_settings
from artefacts.packaging import packaged
from artefacts.repository import CODE_FOLDER, SETTINGS_FILE, architecture, repository_root
from command_line.output_folder import writing_into
from command_line.stages import StageDisplay
from event_log.monthly_report import MonthlyReport, monthly_report
from event_log.monthly_report_files import write_report
from local_cloud.clients import Clients, clients_of
from local_cloud.errors import ExecutionError
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from run_local.deployer import Deployer
from run_local.event_log.event_files import EventFile, Kind, Rounds
from run_local.invocation import invoke, response_of

PIPELINE: Final = "event_log_checkpoint"

FUNCTION: Final = "event_log_checkpoint"

CHECKPOINT_KEY: Final = "checkpoints/events.parquet"

REJECTED_KEY: Final = "checkpoints/_events.rejected.parquet"

CHECKPOINT_FILE: Final = "checkpoint.parquet"

REJECTED_FILE: Final = "rejected.parquet"

PREFIX: Final = "logs/"

_UPLOADS: Final = 8
"""Concurrent uploads; more do not make the local server faster."""


@dataclass(frozen=True)
class Run:
    """One run of the function.

    Attributes
    ----------
    response
        The function's response.
    seconds, peak_mb
        Its duration and memory.
    """

    response: dict[str, Any]
    seconds: float
    peak_mb: int


@dataclass(frozen=True)
class Demonstration:
    """Input and results of the demonstration.

    Attributes
    ----------
    rounds
        The event files.
    runs
        Both runs of the function.
    listed
        Number of object versions that S3 lists at the end.
    checkpoint, rejected
        Events and rejected files.
    report
        The report on the checkpoint.
    files
        Paths of the written files.
    """

    rounds: Rounds
    runs: tuple[Run, Run]
    listed: int
    checkpoint: pl.DataFrame
    rejected: pl.DataFrame
    report: MonthlyReport
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Deployed:
    """The deployed function and its buckets.

    Attributes
    ----------
    source, target
        Buckets of event files and of checkpoints.
    function
        The function's name, or the ARN of its alias.
    """

    clients: Clients
    source: str
    target: str
    function: str


def demonstrate(rounds: Rounds, output_dir: Path, display: StageDisplay) -> Demonstration:
    """Package, deploy and run the function, and write the results.

    Raises
    ------
    ArtefactError, LocalCloudError
        If the function cannot be packaged or run, failed, or did not account for every object.
    ReportError
        If the output folder is not writable.
    """
    root = repository_root()
    with writing_into(output_dir):
        # Report an unusable folder before anything else is done.
        output_dir.mkdir(parents=True, exist_ok=True)
    settings = read_settings(root / SETTINGS_FILE)[PIPELINE][FUNCTION]
    python = lambda_runtime_python()
    with display.stage("Packaging the function"):
        artefacts = packaged(root, architecture(), {FUNCTION: settings})
    with ExitStack() as stack:
        with display.stage("Starting the local cloud"):
            cloud = stack.enter_context(
                moto_server(functions=FunctionOptions(python, root / CODE_FOLDER))
            )
        deployer = Deployer(clients_of(cloud), artefacts)
        return run_both_rounds(deployer, settings, rounds, output_dir, display)


def run_both_rounds(
    deployer: Deployer,
    settings: FunctionSettings,
    rounds: Rounds,
    output_dir: Path,
    display: StageDisplay,
) -> Demonstration:
    """Deploy the function and run it; see `demonstrate`."""
    with display.stage("Deploying the function"):
        deployed = _deploy(deployer, settings)
    return run_deployed(deployed, rounds, output_dir, display)


def run_deployed(
    deployed: Deployed, rounds: Rounds, output_dir: Path, display: StageDisplay
) -> Demonstration:
    """Run the deployed function; see `demonstrate`."""
    first = _round("First run", deployed, rounds.first, display)
    second = _round("Second run", deployed, rounds.second, display)
    contents = {
        CHECKPOINT_FILE: _content(deployed, CHECKPOINT_KEY),
        REJECTED_FILE: _content(deployed, REJECTED_KEY),
    }
    with display.stage("Writing the report"), writing_into(output_dir):
        for name, content in contents.items():
            (output_dir / name).write_bytes(content)
        report = monthly_report(pl.scan_parquet(output_dir / CHECKPOINT_FILE))
        written = write_report(report, output_dir, dt.datetime.now(dt.UTC))
    shown = Demonstration(
        rounds=rounds,
        runs=(first, second),
        listed=_count_versions(deployed),
        checkpoint=pl.read_parquet(contents[CHECKPOINT_FILE]),
        rejected=pl.read_parquet(contents[REJECTED_FILE]),
        report=report,
        files=(*(output_dir / name for name in contents), *written),
    )
    if wrong := imbalances(shown):
        raise ExecutionError(f"the numbers of objects and rows differ: {'; '.join(wrong)}")
    return shown


def imbalances(shown: Demonstration) -> list[str]:
    """Return the numbers that should be equal but differ, as text."""
    balance = shown.runs[-1].response["balance"]
    parts = {name: count for name, count in balance.items() if name != "listed"}
    found = {
        "objects listed by the function and by S3": (balance["listed"], shown.listed),
        "listed objects and their results": (balance["listed"], sum(parts.values())),
        "rows reported by the function and in the checkpoint": (
            balance["in_checkpoint"],
            shown.checkpoint.height,
        ),
        "rejected files reported by the function and on record": (
            balance["rejected"],
            shown.rejected.height,
        ),
    }
    if shown.rounds.generated:
        for name, kinds in FATES.items():
            expected = sum(map(shown.rounds.count, kinds))
            found[f"{name} generated and found"] = (expected, balance[name])
    return [
        f"{what}: {first:,} and {second:,}"
        for what, (first, second) in found.items()
        if first != second
    ]


FATES: Final = {
    "in_checkpoint": (Kind.EVENT, Kind.LATE, Kind.REWRITTEN),
    "duplicates": (Kind.REPEATED,),
    "filtered": (Kind.PRACTICE,),
    "rejected": (Kind.BROKEN,),
    "other_names": (Kind.OTHER,),
    "archived": (),
    "gone": (),
    "failed": (),
    "unsaved": (),
    "deferred": (),
}
"""Expected results of generated files."""


def _deploy(deployer: Deployer, settings: FunctionSettings) -> Deployed:
    source, target = deployer.bucket("events"), deployer.bucket("checkpoints")
    # Without versions, a file that is rewritten between two runs would be lost.
    deployer.clients("s3").put_bucket_versioning(
        Bucket=source, VersioningConfiguration={"Status": "Enabled"}
    )
    variables = {
        "SOURCE_BUCKET": source,
        "CHECKPOINT_BUCKET": target,
        "CHECKPOINT_KEY": CHECKPOINT_KEY,
        "PREFIX": PREFIX,
    }
    deployer.function(FUNCTION, settings, variables)
    return Deployed(deployer.clients, source, target, deployer.function_name(FUNCTION))


def _round(
    title: str, deployed: Deployed, files: Sequence[EventFile], display: StageDisplay
) -> Run:
    with display.stage(f"{title}: storing event files") as progress:
        s3 = deployed.clients("s3")

        def put(file: EventFile) -> None:
            s3.put_object(Bucket=deployed.source, Key=f"{PREFIX}{file.key}", Body=file.read())

        with ThreadPoolExecutor(_UPLOADS) as pool:
            for done, _ in enumerate(pool.map(put, files), start=1):
                progress(done, len(files))
    with display.stage(f"{title}: running the function"):
        result = invoke(deployed.clients, deployed.function, b"{}")
    return Run(response_of(FUNCTION, result), result.duration_ms / 1000, result.peak_mb)


def _count_versions(deployed: Deployed) -> int:
    pages = deployed.clients("s3").get_paginator("list_object_versions")
    return sum(
        len(page.get("Versions", ()))
        for page in pages.paginate(Bucket=deployed.source, Prefix=PREFIX)
    )


def _content(deployed: Deployed, key: str) -> bytes:
    response = deployed.clients("s3").get_object(Bucket=deployed.target, Key=key)
    content: bytes = response["Body"].read()
    return content
