"""What must hold of a stack that was deployed to the local cloud and whose pipeline has run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from deployment.deploy import Deployment
from deployment.errors import DeploymentError
from deployment.permissions import compare, permissions_of, recorded_calls


def prove(deployment: Deployment, endpoint: str, outputs: Mapping[str, Any]) -> None:
    """Check the stack, and destroy it.

    Raises
    ------
    DeploymentError
        If a second plan would change something, something is missing or broken, a role allows less
        than its function called or more, or something is left after all was destroyed.
    """
    deployment.verify()
    _tell("a second plan is empty, and what was deployed is there and well")
    if functions := outputs.get("functions"):
        iam = deployment.session.client("iam")
        # A function's role has the function's name.
        permissions = {name: permissions_of(name, iam) for name in functions.values()}
        calls = recorded_calls(endpoint)
        if wrong := list(compare(permissions, calls).lines()):
            raise DeploymentError("roles and functions do not fit:\n  " + "\n  ".join(wrong))
        _tell(f"each of {len(permissions)} roles allows what its function called, and no more")
    deployment.destroy()
    if left := _left(deployment):
        raise DeploymentError(f"destroying leaves {', '.join(left)}")
    _tell("destroying leaves nothing")


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
