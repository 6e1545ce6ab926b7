"""Checks that the resources of a stack exist and work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from deployment.errors import DeploymentError

if TYPE_CHECKING:
    import boto3


ALARMS_PER_CALL: Final = 100

type Client = Any
"""A boto3 client for which no types are installed here."""

type Resources = Mapping[str, Sequence[Mapping[str, Any]]]
"""Attributes of the resources in the state, by type of resource."""


@dataclass(frozen=True)
class CheckedKind:
    """The result for all resources of one kind.

    Attributes
    ----------
    kind
        Such as `functions`.
    number
        How many resources were checked.
    expectation
        What the result says if there are no problems, such as `active`.
    problems
        The problems, one line each.
    """

    kind: str
    number: int
    expectation: str
    problems: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        """The expectation, or the number of problems."""
        if not self.problems:
            return f"OK: {self.expectation}"
        return f"FAILED: {len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"


@dataclass
class Examination:
    """What was checked, and the results.

    Attributes
    ----------
    checked
        Results for each kind of resource.
    notes
        What the user should know although it is not a problem.
    """

    checked: list[CheckedKind] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All problems, one line each."""
        return [problem for checked in self.checked for problem in checked.problems]

    def table(self) -> str:
        """Return the results as a readable table.

        Examples
        --------
        >>> print(Examination([CheckedKind("functions", 3, "active")]).table())
        Resource   Number  Result
        ---------  ------  ----------
        functions       3  OK: active
        """
        header = ("Resource", "Number", "Result")
        rows = [(checked.kind, str(checked.number), checked.result) for checked in self.checked]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        rule = ("-" * widths[0], "-" * widths[1], "-" * widths[2])
        return "\n".join(
            f"{kind:<{widths[0]}}  {number:>{widths[1]}}  {result}"
            for kind, number, result in (header, rule, *rows)
        )

    def require_healthy(self) -> None:
        """Check that there are no problems.

        Raises
        ------
        DeploymentError
            There are problems; the message lists them.
        """
        if self.problems:
            raise DeploymentError(f"the deployed stack has problems: {'; '.join(self.problems)}")


def examine(
    changes: Iterable[Mapping[str, Any]],
    session: boto3.Session,
    now: dt.datetime | None = None,
    *,
    just_run: bool = False,
) -> Examination:
    """Check the resources of a stack. This only reads.

    Parameters
    ----------
    changes
        `resource_changes` of a plan that changes nothing: it names all resources of the stack.
    session
        Credentials and region.
    now
        Current time in UTC. By default, the clock's.
    just_run
        The targets of the schedules have just run. An alarm on missing runs may stay active for up
        to an hour after that, because CloudWatch evaluates it hourly.
    """
    resources = _by_type(changes)
    found = Examination()

    def check(
        kind: str,
        resource_type: str,
        expectation: str,
        problems_of: Callable[[Mapping[str, Any]], Iterable[str]],
    ) -> None:
        if present := resources.get(resource_type):
            problems = tuple(problem for values in present for problem in problems_of(values))
            found.checked.append(CheckedKind(kind, len(present), expectation, problems))

    functions, s3 = session.client("lambda"), session.client("s3")
    state_machines, tables = session.client("stepfunctions"), session.client("dynamodb")
    check(
        "functions",
        "aws_lambda_alias",
        "active, and callable by their alias",
        lambda alias: _function_problems(functions, alias["function_name"], alias["name"]),
    )
    check(
        "state machines",
        "aws_sfn_state_machine",
        "active",
        lambda machine: _state_machine_problems(state_machines, machine["arn"]),
    )
    check(
        "tables",
        "aws_dynamodb_table",
        "active, with their indexes",
        lambda table: _table_problems(tables, table["name"]),
    )
    check(
        "buckets",
        "aws_s3_bucket",
        "private, and versioned",
        lambda bucket: _bucket_problems(s3, bucket["bucket"]),
    )
    # Terraform's plan has just compared these with the configuration.
    check("schedules", "aws_scheduler_schedule", "as configured", lambda _: ())
    check("subscriptions", "aws_sns_topic_subscription", "as configured", lambda _: ())
    found.notes += _notes(resources)
    if alarms := resources.get("aws_cloudwatch_metric_alarm"):
        names = [alarm["alarm_name"] for alarm in alarms]
        problems = _check_alarms(
            found.notes,
            session.client("cloudwatch"),
            names,
            now or dt.datetime.now(dt.UTC),
            just_run=just_run,
        )
        found.checked.append(CheckedKind("alarms", len(names), "not active", tuple(problems)))
    return found


def _by_type(changes: Iterable[Mapping[str, Any]]) -> Resources:
    resources: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        # A data source has no values before the plan.
        if values := change["change"]["before"]:
            resources.setdefault(change["type"], []).append(values)
    return resources


def _notes(resources: Resources) -> Iterator[str]:
    for schedule in resources.get("aws_scheduler_schedule", ()):
        if schedule["state"] != "ENABLED":
            yield f"the schedule {schedule['name']} is disabled and starts nothing"
    subscriptions = resources.get("aws_sns_topic_subscription", ())
    for subscription in subscriptions:
        if subscription.get("pending_confirmation"):
            yield (
                f"{subscription['endpoint']} receives no alarms until it confirms its subscription"
            )
    if resources.get("aws_cloudwatch_metric_alarm") and not subscriptions:
        yield "nobody receives alarms; set `alarm_email_addresses`"


def _function_problems(client: Client, name: str, alias: str) -> Iterator[str]:
    try:
        found = client.get_function_configuration(FunctionName=name, Qualifier=alias)
    except ClientError as error:
        yield f"the function {name} cannot be read by its alias {alias}: {error}"
        return
    if found["State"] != "Active":
        reason = found.get("StateReason", "AWS gives no reason")
        yield f"the function {name} is {found['State']}: {reason}"
    if found.get("LastUpdateStatus", "Successful") != "Successful":
        reason = found.get("LastUpdateStatusReason", "AWS gives no reason")
        yield f"the last update of the function {name} is {found['LastUpdateStatus']}: {reason}"


def _state_machine_problems(client: Client, arn: str) -> Iterator[str]:
    try:
        status = client.describe_state_machine(stateMachineArn=arn)["status"]
    except ClientError as error:
        yield f"the state machine {arn} cannot be read: {error}"
        return
    if status != "ACTIVE":
        yield f"the state machine {arn} is {status}"


def _table_problems(client: Client, name: str) -> Iterator[str]:
    try:
        table = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        yield f"the table {name} cannot be read: {error}"
        return
    if table["TableStatus"] != "ACTIVE":
        yield f"the table {name} is {table['TableStatus']}"
    for index in table.get("GlobalSecondaryIndexes", []):
        if index["IndexStatus"] != "ACTIVE":
            yield f"the index {index['IndexName']} of {name} is {index['IndexStatus']}"


def _bucket_problems(client: Client, name: str) -> Iterator[str]:
    try:
        versioning = client.get_bucket_versioning(Bucket=name).get("Status")
        blocked = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        yield f"the bucket {name} cannot be read, or is not private: {error}"
        return
    if versioning != "Enabled":
        yield f"the bucket {name} is not versioned"
    if not all(blocked.values()):
        yield f"the bucket {name} is not private"


def _check_alarms(
    notes: list[str],
    client: Client,
    names: Sequence[str],
    now: dt.datetime,
    *,
    just_run: bool,
) -> Iterator[str]:
    """Yield the problems of alarms; append to the notes."""
    for some in batched(sorted(names), ALARMS_PER_CALL):
        found = {alarm["AlarmName"]: alarm for alarm in _described(client, some)}
        for name in some:
            if name not in found:
                yield f"the alarm {name} is missing"
                continue
            alarm = found[name]
            if alarm["StateValue"] != "ALARM":
                continue
            breaching = alarm.get("TreatMissingData") == "breaching"
            if breaching and just_run:
                notes.append(f"the alarm {name} is active, and should end within an hour")
            elif breaching and _is_new(alarm, now):
                notes.append(
                    f"the alarm {name} is active: nothing has run since it was created or changed"
                )
            else:
                reason = alarm.get("StateReason", "AWS gives no reason")
                yield f"the alarm {name} is active: {reason}"


def _is_new(alarm: Mapping[str, Any], now: dt.datetime) -> bool:
    """Whether an alarm on missing runs is newer than the period within which a run must happen."""
    stats = [metric["MetricStat"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
    period = max([alarm.get("Period", 0), *(stat["Period"] for stat in stats)])
    window = dt.timedelta(seconds=period * alarm["EvaluationPeriods"])
    age = now - alarm["AlarmConfigurationUpdatedTimestamp"]
    return bool(age < window)


def _described(client: Client, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("describe_alarms").paginate(AlarmNames=list(names))
    for page in pages:
        yield from page["MetricAlarms"]
