"""Whether what was deployed is there and well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    import boto3


ALARMS_A_CALL: Final = 100

type Client = Any
"""A client of boto3 for which there are no types here."""


def faults(changes: Iterable[Mapping[str, Any]], session: boto3.Session) -> Iterator[str]:
    """Yield what is wrong with the resources of a stack, each in one line.

    Parameters
    ----------
    changes
        `resource_changes` of a plan that changes nothing: it names everything that there is.
    session
        Credentials and region; needs to read only.
    """
    resources: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        # A source of data has nothing before.
        if values := change["change"]["before"]:
            resources.setdefault(change["type"], []).append(values)
    functions = session.client("lambda")
    for alias in resources.get("aws_lambda_alias", []):
        yield from _of_function(functions, alias["function_name"], alias["name"])
    state_machines = session.client("stepfunctions")
    for machine in resources.get("aws_sfn_state_machine", []):
        yield from _of_state_machine(state_machines, machine["arn"])
    alarms = [one["alarm_name"] for one in resources.get("aws_cloudwatch_metric_alarm", [])]
    cloudwatch = session.client("cloudwatch")
    for names in batched(sorted(alarms), ALARMS_A_CALL):
        yield from _of_alarms(cloudwatch, names)


def unconfirmed(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the mail addresses that have not agreed to be told of anything."""
    return sorted(
        change["change"]["before"]["endpoint"]
        for change in changes
        if change["type"] == "aws_sns_topic_subscription"
        and (change["change"]["before"] or {}).get("pending_confirmation")
    )


def _of_function(client: Client, name: str, alias: str) -> Iterator[str]:
    try:
        found = client.get_function_configuration(FunctionName=name, Qualifier=alias)
    except ClientError as error:
        yield f"the function {name} cannot be had by {alias}: {error}"
        return
    if found["State"] != "Active":
        yield f"the function {name} is {found['State']}: {found.get('StateReason', 'no reason')}"
    if found.get("LastUpdateStatus", "Successful") != "Successful":
        yield (
            f"the last change of the function {name} is {found['LastUpdateStatus']}: "
            f"{found.get('LastUpdateStatusReason', 'no reason')}"
        )


def _of_state_machine(client: Client, arn: str) -> Iterator[str]:
    try:
        status = client.describe_state_machine(stateMachineArn=arn)["status"]
    except ClientError as error:
        yield f"the state machine {arn} cannot be had: {error}"
        return
    if status != "ACTIVE":
        yield f"the state machine {arn} is {status}"


def _of_alarms(client: Client, names: Sequence[str]) -> Iterator[str]:
    found = {one["AlarmName"]: one for one in _described(client, names)}
    for name in names:
        if name not in found:
            yield f"the alarm {name} is missing"
        elif found[name]["StateValue"] == "ALARM":
            yield f"the alarm {name} rings: {found[name].get('StateReason', 'no reason')}"


def _described(client: Client, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("describe_alarms").paginate(AlarmNames=list(names))
    for page in pages:
        yield from page["MetricAlarms"]
