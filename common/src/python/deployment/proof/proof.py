"""What `--prove` checks after a stack was deployed to the local cloud and its pipeline ran."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deployment.deploy import Deployment
from deployment.errors import DeploymentError
from deployment.proof.github_roles import PERMISSIONS, missing_permissions, provider_actions
from deployment.proof.metrics import unemitted_metrics
from deployment.proof.notifications import check_alarms, check_failure_message
from deployment.proof.permissions import (
    compare,
    is_required,
    permissions_of,
    recorded_calls,
    used_permissions,
)
from deployment.proof.rollback import roll_back
from deployment.stacks import PRODUCTION, Stack
from local_cloud.clients import clients_of
from local_cloud.recorder import Call


def prove(deployment: Deployment, endpoint: str, outputs: Mapping[str, Any]) -> None:
    """Check the stack, and destroy it. In production, check that Terraform refuses to destroy it.

    Raises
    ------
    DeploymentError
        A second plan is not empty; a resource is missing or broken; an alarm uses a metric that
        nothing emits; a function's role has too few or too many permissions; a function cannot
        return to an earlier version; GitHub's roles have too few permissions; or destroying the
        stack leaves something behind.
    ExecutionError, InvocationError
        An alarm or the report of a failed execution was not delivered.
    """
    deployment.verify().require_healthy()
    _report("a second plan is empty, and all deployed resources work")
    clients = clients_of(endpoint)
    if unemitted := unemitted_metrics(clients):
        raise DeploymentError("; ".join(unemitted))
    _report("alarms and dashboards use metrics that are emitted")
    if alarms := check_alarms(clients):
        _report(f"each of {alarms} alarms is delivered to the subscribers of its topic")
    if topics := outputs.get("topics"):
        check_failure_message(clients, outputs["state_machine_arn"], topics["failure"])
        _report("a failed execution is reported")
    if functions := outputs.get("functions"):
        _prove_roles(deployment, functions, recorded_calls(endpoint))
        versions = roll_back(deployment, functions)
        _report(f"each of {versions} functions can return to its earlier version")
        _prove_github_roles(deployment.stack)
    if deployment.stack.environment == PRODUCTION:
        if not deployment.terraform_refuses_to_destroy():
            raise DeploymentError("Terraform does not refuse to destroy production")
        _report("Terraform refuses to destroy production")
        return
    deployment.destroy()
    if remaining := _remaining(deployment):
        raise DeploymentError(f"destroying the stack leaves {', '.join(remaining)}")
    _report("destroying the stack leaves nothing behind")


def _prove_roles(
    deployment: Deployment, functions: Mapping[str, str], calls: Sequence[Call]
) -> None:
    iam = deployment.session.client("iam")
    # A role has the same name as its function.
    permissions = {name: permissions_of(name, iam) for name in functions.values()}
    if differences := list(compare(permissions, calls).lines()):
        raise DeploymentError(
            "permissions and calls of functions differ: " + "; ".join(differences)
        )
    _report(f"each of {len(permissions)} roles allows what its function called, and nothing else")
    used = used_permissions(permissions, calls)
    optional = [
        f"{allowed.action} on {allowed.resource} of {caller}"
        for caller, allowed in used
        if not is_required((caller, allowed), permissions, calls)
    ]
    if optional:
        raise DeploymentError(
            "these permissions are not required, because others allow the same calls: "
            + "; ".join(optional)
        )
    _report(f"each of {len(used)} permissions that were used is required")


def _prove_github_roles(stack: Stack) -> None:
    policies = (stack.root / PERMISSIONS).read_text(encoding="utf-8")
    with provider_log(stack).open(encoding="utf-8", errors="replace") as log:
        called = provider_actions(log)
    if missing := list(missing_permissions(called, policies)):
        raise DeploymentError(
            f"GitHub could not deploy {stack.name}; correct {PERMISSIONS}: " + "; ".join(missing)
        )
    _report(f"GitHub's roles allow the {len(called)} actions that Terraform used")


def provider_log(stack: Stack) -> Path:
    """Return the file in which Terraform's AWS provider logs its calls."""
    return stack.data_folder / "provider.log"


def log_settings(stack: Stack) -> Mapping[str, str]:
    """Delete an earlier log, and return the environment variables that turn the log on."""
    log = provider_log(stack)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return {"TF_LOG_PROVIDER": "DEBUG", "TF_LOG_PATH": str(log)}


def _remaining(deployment: Deployment) -> list[str]:
    """Name all resources in the account other than the state bucket."""
    client = deployment.session.client
    found = [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    found = [name for name in found if not name.startswith("terraform-state-")]
    found += [each["FunctionName"] for each in client("lambda").list_functions()["Functions"]]
    machines = client("stepfunctions").list_state_machines()["stateMachines"]
    found += [each["name"] for each in machines]
    found += [each["RoleName"] for each in client("iam").list_roles()["Roles"]]
    found += [each["Arn"] for each in client("iam").list_policies(Scope="Local")["Policies"]]
    providers = client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    found += [each["Arn"] for each in providers]
    alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
    found += [each["AlarmName"] for each in alarms]
    found += [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]]
    found += [each["TopicArn"] for each in client("sns").list_topics()["Topics"]]
    found += client("sqs").list_queues().get("QueueUrls", [])
    found += client("dynamodb").list_tables()["TableNames"]
    return found


def _report(what: str) -> None:
    print(f"Proved: {what}.", file=sys.stderr)
