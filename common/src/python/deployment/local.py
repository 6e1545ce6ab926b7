"""A deployment to the local cloud, and its pipeline run there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aws_ssm_fetcher import console
from aws_ssm_fetcher.cli import COMPLETE, finish
from aws_ssm_fetcher.outputs.publish import staging_folder
from aws_ssm_fetcher.pipeline import Options, RunResult
from deployment.stacks import Stack
from local_cloud.clone import CODE_FOLDER
from local_cloud.deploy import REGION, Clients, RegionReport, clients_of
from local_cloud.errors import ExecutionError
from local_cloud.event_checkpoint import Deployed, run_deployed
from local_cloud.event_checkpoint_files import made_up
from local_cloud.event_checkpoint_view import show
from local_cloud.functions import FunctionOptions
from local_cloud.region_report import ended, execute
from local_cloud.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server, snapshot_day, snapshot_label
from local_cloud.surroundings import forget_accounts

OUTPUT_DIR: Final = Path("dist/region-report")

EVENT_LOG_DIR: Final = Path("dist/event-checkpoint")

EVENT_FILES: Final = 300

SECONDS_BETWEEN_LOOKS: Final = 0.5


@contextmanager
def local_account(stack: Stack) -> Iterator[str]:
    """Start a local cloud and make it the account of this process; yields its endpoint."""
    forget_accounts()
    options = FunctionOptions(lambda_runtime_python(), stack.root / CODE_FOLDER)
    with moto_server(functions=options) as endpoint:
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            # Terraform's state has no part in names of hosts, which the local cloud does not have.
            "AWS_S3_USE_PATH_STYLE": "true",
        }
        yield endpoint


def local_variables(stack: Stack) -> Mapping[str, object]:
    """Return what a stack's variables are in the local cloud."""
    if stack.name == "github_oidc":
        return {"repository": "some-owner/some-name"}
    if stack.name != "region_report":
        return {"deletable": True}
    day = snapshot_day()
    return {
        "deletable": True,
        "extra_environment": {
            # What is blank counts as not set: the launch dates are those that the project brings.
            "RSS_URL": "",
            "SOURCE_AS_OF": day.isoformat() if day else "",
            "SOURCE_LABEL": snapshot_label(),
            "SSM_MAX_TPS": "10000",
        },
    }


def run_pipeline(
    stack: Stack, endpoint: str, outputs: Mapping[str, Any], *, thorough: bool = False
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
    if not stack.functions():
        return COMPLETE
    if stack.name == "event_log_checkpoint":
        return _run_event_log(endpoint, outputs, thorough=thorough)
    result = _run_region_report(endpoint, outputs)
    if thorough:
        # Once more: from the cache.
        result = _run_region_report(endpoint, outputs)
    return finish(result)


def _run_event_log(endpoint: str, outputs: Mapping[str, Any], *, thorough: bool) -> int:
    clients = clients_of(endpoint)
    deployed = Deployed(
        clients,
        outputs["source_bucket"],
        outputs["checkpoint_bucket"],
        outputs["functions"]["event_log_checkpoint"],
    )
    EVENT_LOG_DIR.mkdir(parents=True, exist_ok=True)
    show(run_deployed(deployed, made_up(EVENT_FILES), EVENT_LOG_DIR, console.stages()), sys.stdout)
    if thorough:
        with console.stages().stage("The backfill"):
            _backfill(clients, outputs["backfill_arn"])
    return COMPLETE


def _backfill(clients: Clients, state_machine: str) -> None:
    started = clients("stepfunctions").start_execution(stateMachineArn=state_machine, input="{}")
    arn = started["executionArn"]
    while (execution := ended(clients, arn)).status == "RUNNING":
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if execution.status != "SUCCEEDED":
        raise ExecutionError(f"the backfill ended as {execution.status}: {execution.cause}")


def _run_region_report(endpoint: str, outputs: Mapping[str, Any]) -> RunResult:
    deployed = RegionReport(
        bucket=outputs["bucket"],
        functions=outputs["functions"],
        state_machine_arn=outputs["state_machine_arn"],
        success_topic_arn=outputs["topics"]["success"],
        failure_topic_arn=outputs["topics"]["failure"],
    )
    options = Options(output_dir=OUTPUT_DIR)
    with staging_folder(options.output_dir) as staging:
        return execute(clients_of(endpoint), deployed, options, console.stages(), staging)
