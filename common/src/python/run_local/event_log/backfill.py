"""The backfill of the event log checkpoint on the local cloud: its functions and state machine."""

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
    """What the definition is told beside ARNs and buckets.

    Attributes
    ----------
    max_items_per_batch
        Event files that one child reads; Step Functions hands it less where their names are long.
    max_concurrency
        Children at a time.
    tolerated_failure_percentage
        Of children; what they leave is read by the run after the merge.
    retry_interval_seconds
        Before the first retry of a state; it doubles with each.
    execution_timeout_seconds
        For an execution in all.
    """

    max_items_per_batch: int = 800
    max_concurrency: int = 40
    tolerated_failure_percentage: int = 10
    retry_interval_seconds: int = 2
    execution_timeout_seconds: int = 28_800


@dataclass(frozen=True)
class Backfill:
    """What was deployed, by which it can be used."""

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
    """Fill in the definition; `buckets` are the source's and the checkpoints'."""
    values: dict[str, object] = {
        **vars(settings),
        **{f"{name}_arn": arn for name, arn in arns.items()},
        **{
            f"{name}_timeout_seconds": one.timeout_seconds + TASK_MARGIN_SECONDS
            for name, one in functions.items()
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
        Of the definition.
    variables
        Of both functions, over those of the deployment.
    """
    source, target = deployer.bucket("events"), deployer.bucket("checkpoints")
    shared = {
        "SOURCE_BUCKET": source,
        "CHECKPOINT_BUCKET": target,
        "CHECKPOINT_KEY": CHECKPOINT_KEY,
        "PREFIX": PREFIX,
        **(variables or {}),
    }
    arns = {name: deployer.function(name, one, shared) for name, one in functions.items()}
    text = definition(file.read_text(encoding="utf-8"), functions, arns, (source, target), settings)
    return Backfill(source, target, deployer.state_machine("event-log-backfill", text))
