"""Deploys a stack to a local cloud, and runs its pipeline there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import boto3

from artefacts.repository import CODE_FOLDER, architecture
from command_line.command import COMPLETE
from command_line.stages import stage_display
from deployment.deploy import Deployment
from deployment.proof.async_invocations import POLLING, check_dead_letters, scheduled_targets
from deployment.proof.proof import log_settings, prove
from deployment.proof.stacks import LOCAL_STACKS
from deployment.stacks import PRODUCTION, Stack
from deployment.terraform import require_terraform
from lambda_core.errors import UsageError
from local_cloud.clients import REGION, Clients, clients_of
from local_cloud.environment import clear_aws_environment
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from triggers.targets import invoke_target

RETRY_DELAYS: Final = (1.0, 1.0)
"""Seconds before each retry of an asynchronous invocation. Lambda waits one and two minutes."""


def deploy_locally(
    stack: Stack, architecture_name: str | None, *, plan_only: bool, prove_it: bool
) -> int:
    """Deploy a stack to a local cloud, run its pipeline and show the result.

    Parameters
    ----------
    architecture_name
        Architecture of the functions. By default, that of this machine.
    plan_only
        Show the plan, and stop.
    prove_it
        Also run the checks of `--prove`.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    UsageError
        The stack cannot run in the local cloud.
    ApplicationError
        The deployment, the pipeline or a check failed.
    """
    require_terraform()
    if stack.name not in LOCAL_STACKS:
        raise UsageError(
            f"--local does not support {stack.name}; it supports: {', '.join(sorted(LOCAL_STACKS))}"
        )
    with ExitStack() as block:
        endpoint = block.enter_context(local_account(stack))
        local = LOCAL_STACKS[stack.name](block)
        deployment = Deployment(
            stack,
            boto3.Session(),
            architecture_name or architecture(),
            # Consent is not needed: everything disappears when this command ends.
            lambda _: stack.environment,
            # The local cloud disappears anyway, but production must be protected there too.
            local.variables(deletable=stack.environment != PRODUCTION),
            log_settings(stack) if prove_it else {},
        )
        if plan_only:
            deployment.plan()
            return COMPLETE
        outputs = deployment.apply()
        clients = clients_of(endpoint)
        code = local.run(clients, outputs)
        if prove_it:
            local.run_uncommon_paths(clients, outputs)
            _run_asynchronously(clients, outputs)
            prove(deployment, endpoint, outputs)
        return code


@contextmanager
def local_account(stack: Stack) -> Iterator[str]:
    """Start a local cloud, and use it as this process's AWS account; yields its URL."""
    clear_aws_environment()
    options = FunctionOptions(lambda_runtime_python(), stack.root / CODE_FOLDER, RETRY_DELAYS)
    with moto_server(functions=options) as endpoint:
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            # Terraform must not put the bucket into the host name: no DNS server knows that host.
            "AWS_S3_USE_PATH_STYLE": "true",
        }
        yield endpoint


def _run_asynchronously(clients: Clients, outputs: Mapping[str, Any]) -> None:
    display = stage_display()
    for target in scheduled_targets(clients):
        with display.stage(f"Running the target of the schedule {target.schedule}"):
            invoke_target(target, clients, POLLING)
    if queue := outputs.get("dead_letter_queue_url"):
        with display.stage("Sending events that always fail"):
            check_dead_letters(clients, outputs["functions"], queue)
