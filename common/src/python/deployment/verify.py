"""Whether what was deployed is there and well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    import boto3


ALARMS_A_CALL: Final = 100

type Client = Any
"""A client of boto3 for which there are no types here."""


@dataclass
class Examination:
    """What was looked at, and what it is like.

    Attributes
    ----------
    looked_at
        How many things of each kind, with what was found right of them.
    faults
        What is wrong, each in one line.
    notes
        What somebody should know although it is no fault.
    """

    looked_at: dict[str, tuple[int, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return what was looked at as text for people."""
        width = max(map(len, self.looked_at), default=0)
        return "\n".join(
            f"  {kind:<{width}}  {number:>3}  {good}"
            for kind, (number, good) in self.looked_at.items()
        )


def examine(
    changes: Iterable[Mapping[str, Any]],
    session: boto3.Session,
    now: dt.datetime | None = None,
    *,
    just_run: bool = False,
) -> Examination:
    """Look at the resources of a stack.

    Parameters
    ----------
    changes
        `resource_changes` of a plan that changes nothing: it names everything that there is.
    session
        Credentials and region; needs to read only.
    now
        The clock's time by default.
    just_run
        What schedules start has run a moment ago: an alarm that rang until then, because nothing
        happened, is looked at once an hour.
    """
    resources: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        # A source of data has nothing before.
        if values := change["change"]["before"]:
            resources.setdefault(change["type"], []).append(values)
    found = Examination()

    def looked_at(kind: str, resource: str, good: str) -> list[Mapping[str, Any]]:
        there = resources.get(resource, [])
        if there:
            found.looked_at[kind] = len(there), good
        return there

    functions = session.client("lambda")
    for alias in looked_at("functions", "aws_lambda_alias", "active, and had by their alias"):
        found.faults += _of_function(functions, alias["function_name"], alias["name"])
    state_machines = session.client("stepfunctions")
    for machine in looked_at("state machines", "aws_sfn_state_machine", "active"):
        found.faults += _of_state_machine(state_machines, machine["arn"])
    tables = session.client("dynamodb")
    for table in looked_at("tables", "aws_dynamodb_table", "active, with their indexes"):
        found.faults += _of_table(tables, table["name"])
    s3 = session.client("s3")
    for bucket in looked_at("buckets", "aws_s3_bucket", "there, private, with versions"):
        found.faults += _of_bucket(s3, bucket["bucket"])
    for schedule in looked_at("schedules", "aws_scheduler_schedule", "as they were deployed"):
        if schedule["state"] != "ENABLED":
            found.notes.append(f"the schedule {schedule['name']} is off, and starts nothing")
    for one in looked_at("subscriptions", "aws_sns_topic_subscription", "there"):
        if one.get("pending_confirmation"):
            found.notes.append(f"{one['endpoint']} has not confirmed yet to be told of anything")
    if resources.get("aws_cloudwatch_metric_alarm") and not found.looked_at.get("subscriptions"):
        found.notes.append("nobody is told of alarms: set `alarm_email_addresses`")
    alarms = looked_at("alarms", "aws_cloudwatch_metric_alarm", "there, and none rings")
    names = [one["alarm_name"] for one in alarms]
    client, moment = session.client("cloudwatch"), now or dt.datetime.now(dt.UTC)
    _look_at_alarms(found, client, names, moment, just_run=just_run)
    return found


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


def _of_table(client: Client, name: str) -> Iterator[str]:
    try:
        table = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        yield f"the table {name} cannot be had: {error}"
        return
    if table["TableStatus"] != "ACTIVE":
        yield f"the table {name} is {table['TableStatus']}"
    for index in table.get("GlobalSecondaryIndexes", []):
        if index["IndexStatus"] != "ACTIVE":
            yield f"the index {index['IndexName']} of {name} is {index['IndexStatus']}"


def _of_bucket(client: Client, name: str) -> Iterator[str]:
    try:
        versioning = client.get_bucket_versioning(Bucket=name).get("Status")
        blocked = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        yield f"the bucket {name} cannot be had, or is not private: {error}"
        return
    if versioning != "Enabled":
        yield f"the bucket {name} keeps no versions"
    if not all(blocked.values()):
        yield f"the bucket {name} is not private"


def _look_at_alarms(
    examination: Examination,
    client: Client,
    names: Sequence[str],
    now: dt.datetime,
    *,
    just_run: bool,
) -> None:
    for some in batched(sorted(names), ALARMS_A_CALL):
        found = {one["AlarmName"]: one for one in _described(client, some)}
        for name in some:
            if name not in found:
                examination.faults.append(f"the alarm {name} is missing")
            elif found[name]["StateValue"] == "ALARM":
                breaching = found[name].get("TreatMissingData") == "breaching"
                if breaching and just_run:
                    examination.notes.append(f"the alarm {name} rings, and should end in an hour")
                elif breaching and _is_young(found[name], now):
                    examination.notes.append(
                        f"the alarm {name} rings: nothing has happened since it was made or changed"
                    )
                else:
                    reason = found[name].get("StateReason", "no reason")
                    examination.faults.append(f"the alarm {name} rings: {reason}")


def _is_young(alarm: Mapping[str, Any], now: dt.datetime) -> bool:
    """Whether an alarm that rings when nothing happens is too young for anything to happen."""
    stats = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    period = max([alarm.get("Period", 0), *(one["Period"] for one in stats)])
    window = dt.timedelta(seconds=period * alarm["EvaluationPeriods"])
    age = now - alarm["AlarmConfigurationUpdatedTimestamp"]
    return bool(age < window)


def _described(client: Client, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("describe_alarms").paginate(AlarmNames=list(names))
    for page in pages:
        yield from page["MetricAlarms"]
