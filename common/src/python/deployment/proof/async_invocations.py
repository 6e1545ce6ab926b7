"""What happens without anybody who waits for it, tried in the local cloud.

Schedules do not fire there, so each target is started with what EventBridge would send; and an
event that no function can take has to end where somebody finds it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from local_cloud.clients import Clients
from local_cloud.errors import ExecutionError
from run_local.region_report import ended

PATIENCE_SECONDS: Final = 180.0

SECONDS_BETWEEN_LOOKS: Final = 0.5

NO_EVENT: Final = ["nothing that a function can be asked"]
"""No object, as every event is one: a field that is unknown is ignored by some functions."""

_FUNCTION: Final = ":function:"


@dataclass(frozen=True)
class Target:
    """What a schedule starts.

    Attributes
    ----------
    schedule
        Name of the schedule.
    arn
        The function's alias, or the state machine.
    input
        What it is started with, as text.
    """

    schedule: str
    arn: str
    input: str

    @property
    def function(self) -> str | None:
        """Name of the function; None where it is a state machine."""
        return self.arn.partition(_FUNCTION)[2].partition(":")[0] or None


def targets(clients: Clients) -> list[Target]:
    """Return the targets of all schedules that are enabled, as they were deployed."""
    scheduler = clients("scheduler")
    found = []
    for page in scheduler.get_paginator("list_schedules").paginate():
        for one in page["Schedules"]:
            schedule = scheduler.get_schedule(Name=one["Name"])
            if schedule["State"] == "ENABLED":
                target = schedule["Target"]
                found.append(Target(one["Name"], target["Arn"], target["Input"]))
    return found


def fire(clients: Clients, target: Target) -> None:
    """Start a schedule's target as EventBridge does, and wait for its end.

    Raises
    ------
    ExecutionError
        It failed, or did not end.
    """
    if target.function is None:
        _execute(clients, target)
        return
    known = len(reports(clients, target.function)), len(list(errors(clients, target.function)))
    clients("lambda").invoke(
        FunctionName=target.arn, InvocationType="Event", Payload=target.input.encode()
    )
    wait_for(
        lambda: len(reports(clients, target.function)) > known[0],
        f"{target.function} did not end, which the schedule {target.schedule} starts",
    )
    if failures := list(errors(clients, target.function))[known[1] :]:
        raise ExecutionError(f"{target.function} failed: {failures[-1]}")


def reports(clients: Clients, function: str | None) -> list[str]:
    """Return the lines with which Lambda closes each run of a function."""
    return [line for line in _log(clients, f"/aws/lambda/{function}") if line.startswith("REPORT ")]


def errors(clients: Clients, function: str | None) -> Iterator[str]:
    """Yield what a function logged as an error, and how Lambda ended it."""
    for line in _log(clients, f"/aws/lambda/{function}"):
        if "Task timed out" in line or "Runtime exited" in line:
            yield line
        if not line.startswith("{"):
            continue
        told = json.loads(line)
        if told.get("level") == "ERROR":
            yield str(told.get("message"))


def buried(clients: Clients, functions: Mapping[str, str], queue_url: str) -> int:
    """Send each function that has a place for failed events one that it cannot take.

    Parameters
    ----------
    functions
        Their names, by what they are called in `lambda/functions.json`.
    queue_url
        The place.

    Returns
    -------
    int
        How many functions were tried: each event was tried three times, and found in the queue.

    Raises
    ------
    ExecutionError
        An event is not found.
    """
    waiting = set()
    for name in functions.values():
        if not _destination(clients, name):
            continue
        clients("lambda").invoke(
            FunctionName=name,
            Qualifier="live",
            InvocationType="Event",
            Payload=json.dumps(NO_EVENT).encode(),
        )
        waiting.add(name)
    tried = len(waiting)

    def all_found() -> bool:
        waiting.difference_update(_found(clients, queue_url))
        return not waiting

    wait_for(all_found, f"an event that failed is not in {queue_url}")
    return tried


def wait_for(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so.

    Raises
    ------
    ExecutionError
        It is not so after three minutes.
    """
    patience = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > patience:
            raise ExecutionError(f"{otherwise} within {PATIENCE_SECONDS:.0f} s")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _execute(clients: Clients, target: Target) -> None:
    started = clients("stepfunctions").start_execution(
        stateMachineArn=target.arn, input=target.input
    )
    arn = started["executionArn"]
    wait_for(
        lambda: ended(clients, arn).status != "RUNNING",
        f"the execution that the schedule {target.schedule} starts did not end",
    )
    if (execution := ended(clients, arn)).status != "SUCCEEDED":
        raise ExecutionError(
            f"what the schedule {target.schedule} starts ended as {execution.status}: "
            f"{execution.cause}"
        )


def _log(clients: Clients, group: str) -> list[str]:
    logs = clients("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [str(event["message"]) for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def _destination(clients: Clients, function: str) -> str | None:
    try:
        config: Any = clients("lambda").get_function_event_invoke_config(
            FunctionName=function, Qualifier="live"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    return str(destination) if destination else None


def _found(clients: Clients, queue_url: str) -> Iterator[str]:
    """Yield the functions of which the queue holds an event that was tried three times."""
    queue = clients("sqs")
    answer = queue.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    for message in answer.get("Messages", []):
        told = json.loads(message["Body"])
        context = told.get("requestContext", {})
        if told.get("requestPayload") == NO_EVENT and context["approximateInvokeCount"] == 3:
            yield context["functionArn"].partition(_FUNCTION)[2].partition(":")[0]
