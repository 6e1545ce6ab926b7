"""A deployment to the local cloud, and its pipeline run there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aws_ssm_fetcher import console
from aws_ssm_fetcher.outputs.publish import staging_folder
from aws_ssm_fetcher.pipeline import Options, RunResult
from deployment.stacks import Stack
from local_cloud.clone import CODE_FOLDER
from local_cloud.deploy import REGION, RegionReport, clients_of
from local_cloud.functions import FunctionOptions
from local_cloud.region_report import execute
from local_cloud.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server, snapshot_day, snapshot_label
from local_cloud.surroundings import forget_accounts

OUTPUT_DIR: Final = Path("dist/region-report")


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


def run_region_report(endpoint: str, outputs: Mapping[str, Any]) -> RunResult:
    """Start the deployed pipeline in the local cloud, show its states, and fetch its reports."""
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
