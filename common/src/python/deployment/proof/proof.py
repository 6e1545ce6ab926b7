"""What must hold of a stack that was deployed to the local cloud and whose pipeline has run."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deployment.deploy import Deployment
from deployment.errors import DeploymentError
from deployment.proof.github_roles import PERMISSIONS, provider_actions, refused
from deployment.proof.metrics import unseen
from deployment.proof.notifications import fail_and_hear, ring_all
from deployment.proof.permissions import (
    compare,
    missed_without,
    needed,
    permissions_of,
    recorded_calls,
)
from deployment.proof.rollback import go_back
from deployment.stacks import PRODUCTION, Stack
from local_cloud.clients import clients_of
from local_cloud.recorder import Call


def prove(deployment: Deployment, endpoint: str, outputs: Mapping[str, Any]) -> None:
    """Check the stack, and destroy it; that of production, that it is not destroyed.

    Raises
    ------
    DeploymentError
        If a second plan would change something, something is missing or broken, an alarm looks at
        a metric that nobody emits, or is not heard, a role allows less than its function called or
        more, an earlier version cannot be had back, GitHub's roles allow less than Terraform
        called, or something is left after all was destroyed.
    ExecutionError
        If an alarm or a failed execution is not heard of.
    """
    deployment.verify()
    _tell("a second plan is empty, and what was deployed is there and well")
    clients = clients_of(endpoint)
    if quiet := unseen(clients):
        raise DeploymentError("alarms that never ring:\n  " + "\n  ".join(quiet))
    _tell("alarms and dashboards look at metrics that there are")
    if alarms := ring_all(clients):
        _tell(f"each of {alarms} alarms is heard by who listens to its topic")
    if topics := outputs.get("topics"):
        fail_and_hear(clients, outputs["state_machine_arn"], topics["failure"])
        _tell("an execution that fails is heard of")
    if functions := outputs.get("functions"):
        _prove_roles(deployment, functions, recorded_calls(endpoint))
        versions = go_back(deployment, functions)
        _tell(f"each of {versions} functions can go back to its earlier version")
        _prove_github_roles(deployment.stack)
    if deployment.stack.environment == PRODUCTION:
        if not deployment.refuses_to_go():
            raise DeploymentError("Terraform would destroy production")
        _tell("Terraform refuses to destroy production")
        return
    deployment.destroy()
    if left := _left(deployment):
        raise DeploymentError(f"destroying leaves {', '.join(left)}")
    _tell("destroying leaves nothing")


def _prove_roles(
    deployment: Deployment, functions: Mapping[str, str], calls: Sequence[Call]
) -> None:
    iam = deployment.session.client("iam")
    # A function's role has the function's name.
    permissions = {name: permissions_of(name, iam) for name in functions.values()}
    if wrong := list(compare(permissions, calls).lines()):
        raise DeploymentError("roles and functions do not fit:\n  " + "\n  ".join(wrong))
    _tell(f"each of {len(permissions)} roles allows what its function called, and no more")
    used = needed(permissions, calls)
    if unmissed := [one for one in used if not missed_without(one, permissions, calls)]:
        told = [f"{one.action} on {one.resource} of {who}" for who, one in unmissed]
        raise DeploymentError("nobody would miss:\n  " + "\n  ".join(told))
    _tell(f"each of {len(used)} permissions that were used would be missed")


def _prove_github_roles(stack: Stack) -> None:
    policies = (stack.root / PERMISSIONS).read_text(encoding="utf-8")
    with provider_log(stack).open(encoding="utf-8", errors="replace") as log:
        called = provider_actions(log)
    if lacking := list(refused(called, policies)):
        raise DeploymentError("GitHub could not deploy it:\n  " + "\n  ".join(lacking))
    _tell(f"GitHub's roles may do what Terraform needs of {len(called)} actions")


def provider_log(stack: Stack) -> Path:
    """Return where Terraform's provider says what it calls, while a stack is proved."""
    return stack.data_folder / "provider.log"


def log_settings(stack: Stack) -> Mapping[str, str]:
    """Return the variables that have the provider say so, from an empty log on."""
    log = provider_log(stack)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return {"TF_LOG_PROVIDER": "DEBUG", "TF_LOG_PATH": str(log)}


def _left(deployment: Deployment) -> list[str]:
    """Name what is there beside the bucket of states."""
    client = deployment.session.client
    found = [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    found = [name for name in found if not name.startswith("terraform-state-")]
    found += [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]]
    found += [one["name"] for one in client("stepfunctions").list_state_machines()["stateMachines"]]
    found += [one["RoleName"] for one in client("iam").list_roles()["Roles"]]
    found += [one["Arn"] for one in client("iam").list_policies(Scope="Local")["Policies"]]
    providers = client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    found += [one["Arn"] for one in providers]
    found += [one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]]
    found += [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]]
    found += [one["TopicArn"] for one in client("sns").list_topics()["Topics"]]
    found += client("sqs").list_queues().get("QueueUrls", [])
    found += client("dynamodb").list_tables()["TableNames"]
    return found


def _tell(what: str) -> None:
    print(f"Proved: {what}.", file=sys.stderr)
