"""A deployment to the local cloud, and its pipeline run there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from artefacts.repository import CODE_FOLDER
from aws_ssm_fetcher.cli import finish
from aws_ssm_fetcher.outputs.publish import staging_folder
from aws_ssm_fetcher.outputs.run_result import RunResult
from aws_ssm_fetcher.pipeline import Options
from command_line.command import COMPLETE
from command_line.stages import stage_display
from deployment.proof.async_invocations import buried, fire, targets
from deployment.proof.patch_tracker import LocalTracker
from deployment.stacks import PRODUCTION, Stack
from local_cloud.clients import REGION, Clients, clients_of
from local_cloud.environment import clear_aws_environment
from local_cloud.errors import ExecutionError
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server, snapshot_day, snapshot_label
from run_local.deployer import RegionReport
from run_local.event_log.demonstration import Deployed, run_deployed
from run_local.event_log.event_files import made_up
from run_local.event_log.view import show
from run_local.region_report import ended, execute

OUTPUT_DIR: Final = Path("dist/region-report")

EVENT_LOG_DIR: Final = Path("dist/event-checkpoint")

EVENT_FILES: Final = 300

SECONDS_BETWEEN_LOOKS: Final = 0.5


RETRY_DELAYS: Final = (1.0, 1.0)
"""Seconds before an asynchronous invocation is tried again; Lambda takes one and two minutes."""


@dataclass(frozen=True)
class LocalAccount:
    """A local cloud that is this process's account.

    Attributes
    ----------
    endpoint
        Where it is.
    variables
        What a stack's variables are there.
    tracker
        What the patch tracker reads there; None for other stacks.
    """

    endpoint: str
    variables: Mapping[str, object]
    tracker: LocalTracker | None = None


@contextmanager
def local_account(stack: Stack) -> Iterator[LocalAccount]:
    """Start a local cloud, and what a stack needs beside it, and make it this process's account."""
    clear_aws_environment()
    options = FunctionOptions(lambda_runtime_python(), stack.root / CODE_FOLDER, RETRY_DELAYS)
    with ExitStack() as block:
        endpoint = block.enter_context(moto_server(functions=options))
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            # Terraform's state has no part in names of hosts, which the local cloud does not have.
            "AWS_S3_USE_PATH_STYLE": "true",
        }
        if stack.name == "patch_tracker":
            tracker = LocalTracker.serve(block)
            variables = {**_variables(stack), **tracker.variables()}
            yield LocalAccount(endpoint, variables, tracker)
        else:
            yield LocalAccount(endpoint, _variables(stack))


def _variables(stack: Stack) -> dict[str, object]:
    # All of it goes with the local cloud; nothing of production may be deletable before.
    deletable: dict[str, object] = {"deletable": stack.environment != PRODUCTION}
    match stack.name:
        case "github_oidc":
            return {"repository": "some-owner/some-name"}
        case "region_report":
            day = snapshot_day()
            extra = {
                # What is blank counts as not set: the launch dates are those of the project.
                "RSS_URL": "",
                "SOURCE_AS_OF": day.isoformat() if day else "",
                "SOURCE_LABEL": snapshot_label(),
                "SSM_MAX_TPS": "10000",
            }
            return {**deletable, "extra_environment": extra}
    return deletable


def run_pipeline(
    stack: Stack, account: LocalAccount, outputs: Mapping[str, Any], *, thorough: bool = False
) -> int:
    """Run what was deployed, and show what it made; returns the exit code.

    Parameters
    ----------
    thorough
        Go also the ways that a first run does not go.

    Raises
    ------
    LocalCloudError
        If it failed.
    """
    clients = clients_of(account.endpoint)
    code = COMPLETE
    match stack.name:
        case "event_log_checkpoint":
            _run_event_log(clients, outputs, thorough=thorough)
        case "patch_tracker" if account.tracker:
            account.tracker.read_and_show(clients, outputs)
            if thorough:
                account.tracker.go_rare_ways(clients, outputs)
        case "region_report":
            code = finish(_run_region_report(clients, outputs))
    if thorough:
        _start_what_starts_by_itself(clients, outputs)
    return code


def _start_what_starts_by_itself(clients: Clients, outputs: Mapping[str, Any]) -> None:
    display = stage_display()
    for target in targets(clients):
        with display.stage(f"What the schedule {target.schedule} starts"):
            fire(clients, target)
    if queue := outputs.get("dead_letter_queue_url"):
        with display.stage("Events that fail for good"):
            buried(clients, outputs["functions"], queue)


def _run_event_log(clients: Clients, outputs: Mapping[str, Any], *, thorough: bool) -> None:
    deployed = Deployed(
        clients,
        outputs["source_bucket"],
        outputs["checkpoint_bucket"],
        outputs["functions"]["event_log_checkpoint"],
    )
    EVENT_LOG_DIR.mkdir(parents=True, exist_ok=True)
    show(run_deployed(deployed, made_up(EVENT_FILES), EVENT_LOG_DIR, stage_display()), sys.stdout)
    if thorough:
        with stage_display().stage("The backfill"):
            _backfill(clients, outputs["backfill_arn"])


def _backfill(clients: Clients, state_machine: str) -> None:
    started = clients("stepfunctions").start_execution(stateMachineArn=state_machine, input="{}")
    arn = started["executionArn"]
    while (execution := ended(clients, arn)).status == "RUNNING":
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if execution.status != "SUCCEEDED":
        raise ExecutionError(f"the backfill ended as {execution.status}: {execution.cause}")


def _run_region_report(clients: Clients, outputs: Mapping[str, Any]) -> RunResult:
    deployed = RegionReport(
        bucket=outputs["bucket"],
        functions=outputs["functions"],
        state_machine_arn=outputs["state_machine_arn"],
        success_topic_arn=outputs["topics"]["success"],
        failure_topic_arn=outputs["topics"]["failure"],
    )
    options = Options(output_dir=OUTPUT_DIR)
    with staging_folder(options.output_dir) as staging:
        return execute(clients, deployed, options, stage_display(), staging)
