"""Starts what a deployed stack's schedules start, and waits for the end of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployment.errors import DeploymentError

if TYPE_CHECKING:
    import boto3

_SECONDS_BETWEEN_LOOKS: Final = 2.0

_LONGEST_FUNCTION_SECONDS: Final = 900
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_WORDS_OF_FAILURE: Final = (
    '"The invocation failed',
    "Runtime exited",
    "Status: error",
    "Status: timeout",
    "Task timed out",
)
"""Those of `lambda_core.observability`, and those of Lambda."""

_LOGS_TAKE_SECONDS: Final = 120
"""How long it may take until it starts, and until its log can be read."""

_CLOCKS_DIFFER_SECONDS: Final = 300

_FUNCTION: Final = ":function:"


@dataclass(frozen=True)
class Start:
    """What a schedule starts.

    Attributes
    ----------
    schedule
        Name of the schedule.
    arn
        The state machine, or the function by its alias.
    input
        What it is started with, as text.
    """

    schedule: str
    arn: str
    input: str


def starts(changes: Iterable[Mapping[str, Any]]) -> list[Start]:
    """Return what schedules that are on start, each target once: by the first that starts it.

    Parameters
    ----------
    changes
        `resource_changes` of a plan that changes nothing.
    """
    found: dict[str, Start] = {}
    schedules = [
        one["change"]["before"] for one in changes if one["type"] == "aws_scheduler_schedule"
    ]
    enabled = [one for one in schedules if one["state"] == "ENABLED"]
    for schedule in sorted(enabled, key=lambda one: str(one["name"])):
        (target,) = schedule["target"]
        found.setdefault(
            target["arn"], Start(schedule["name"], target["arn"], target["input"] or "{}")
        )
    return list(found.values())


def run(start: Start, session: boto3.Session) -> None:
    """Start something, and wait until it ended well.

    Raises
    ------
    DeploymentError
        It did not.
    """
    if _FUNCTION not in start.arn:
        _execute(start, session.client("stepfunctions"))
        return
    _invoke(start, session)


def _invoke(start: Start, session: boto3.Session) -> None:
    """Start a function as its schedule does, so that it also hands on to others what it found."""
    logs = session.client("logs")
    since = int((time.time() - _CLOCKS_DIFFER_SECONDS) * 1000)
    answer = session.client("lambda").invoke(
        FunctionName=start.arn, InvocationType="Event", Payload=start.input.encode()
    )
    request = answer["ResponseMetadata"]["RequestId"]
    group = f"/aws/lambda/{start.arn.partition(_FUNCTION)[2].partition(':')[0]}"
    patience = time.monotonic() + _LONGEST_FUNCTION_SECONDS + _LOGS_TAKE_SECONDS
    while time.monotonic() < patience:
        lines = _lines(logs, group, since, request)
        if any(line.startswith("REPORT ") for line in lines):
            if failures := [line for line in lines if _tells_failure(line)]:
                raise DeploymentError(f"what {start.schedule} starts failed: {failures[0]}")
            return
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    raise DeploymentError(
        f"what {start.schedule} starts did not end within {_LONGEST_FUNCTION_SECONDS} s, or did "
        f"not write so into {group}"
    )


def _lines(logs: Any, group: str, since: int, request: str) -> list[str]:  # noqa: ANN401 - of boto3
    """Return the lines of one invocation."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=since, filterPattern=f'"{request}"'
    )
    try:
        lines = [str(event["message"]).strip() for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        # A first run makes it.
        return []
    return [line for line in lines if request in line]


def _tells_failure(line: str) -> bool:
    """Whether a line says that its invocation failed, by the function or by Lambda."""
    return any(words in line for words in _WORDS_OF_FAILURE)


def _execute(start: Start, client: Any) -> None:  # noqa: ANN401 - of boto3
    arn = client.start_execution(stateMachineArn=start.arn, input=start.input)["executionArn"]
    for execution in _looks(client, arn):
        if execution["status"] == "RUNNING":
            continue
        if execution["status"] != "SUCCEEDED":
            why = ": ".join(execution[part] for part in ("error", "cause") if execution.get(part))
            raise DeploymentError(
                f"the execution {arn} that {start.schedule} starts is {execution['status']}"
                f"{f': {why}' if why else ''}"
            )
        return


def _looks(client: Any, arn: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - of boto3
    """Yield what an execution is like, again and again; its own timeout ends it at last."""
    while True:
        yield client.describe_execution(executionArn=arn)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
