"""Deploys the backfill of the event log to the local cloud: functions and state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artefacts.function_settings import FunctionSettings
from run_local.deployer import TASK_MARGIN_SECONDS, Deployer, render
from run_local.event_log.demonstration import CHECKPOINT_KEY, PREFIX

DEFINITION_FILE: Final = Path("terraform/stacks/event_log_checkpoint/backfill.asl.json")


@dataclass(frozen=True)
class BackfillSettings:
    """Settings of the state machine.

    Attributes
    ----------
    max_items_per_batch
        Event files per child; Step Functions passes fewer if their names are long.
    max_concurrency
        Children that run at the same time.
    tolerated_failure_percentage
        Percentage of children that may fail; the run after the merge reads their files.
    retry_interval_seconds
        Pause before the first retry of a state; it doubles with each retry.
    execution_timeout_seconds
        Longest duration of an execution.
    """

    max_items_per_batch: int = 800
    max_concurrency: int = 40
    tolerated_failure_percentage: int = 10
    retry_interval_seconds: int = 2
    execution_timeout_seconds: int = 28_800


@dataclass(frozen=True)
class Backfill:
    """The deployed backfill."""

    source: str
    target: str
    state_machine_arn: str


def definition(
    text: str,
    functions: Mapping[str, FunctionSettings],
    arns: Mapping[str, str],
    buckets: tuple[str, str],
    settings: BackfillSettings,
) -> str:
    """Fill in the definition; `buckets` are those of event files and of checkpoints."""
    values: dict[str, object] = {
        **vars(settings),
        **{f"{name}_arn": arn for name, arn in arns.items()},
        **{
            f"{name}_timeout_seconds": function.timeout_seconds + TASK_MARGIN_SECONDS
            for name, function in functions.items()
        },
        "source_bucket": buckets[0],
        "checkpoint_bucket": buckets[1],
        "prefix": PREFIX,
    }
    return render(text, values)


def deploy_backfill(
    deployer: Deployer,
    functions: Mapping[str, FunctionSettings],
    file: Path,
    settings: BackfillSettings,
    variables: Mapping[str, str] | None = None,
) -> Backfill:
    """Deploy both functions, their buckets and the state machine.

    Parameters
    ----------
    functions
        Settings of both functions, by name.
    file
        File with the definition.
    variables
        Environment variables of both functions; they override those of the deployment.
    """
    source, target = deployer.bucket("events"), deployer.bucket("checkpoints")
    shared = {
        "SOURCE_BUCKET": source,
        "CHECKPOINT_BUCKET": target,
        "CHECKPOINT_KEY": CHECKPOINT_KEY,
        "PREFIX": PREFIX,
        **(variables or {}),
    }
    arns = {name: deployer.function(name, function, shared) for name, function in functions.items()}
    text = definition(file.read_text(encoding="utf-8"), functions, arns, (source, target), settings)
    return Backfill(source, target, deployer.state_machine("event-log-backfill", text))
