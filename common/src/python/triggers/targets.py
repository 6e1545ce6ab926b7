"""The functions and state machines that schedules start."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import Any, Final

from triggers.errors import InvocationError
from triggers.executions import SUCCEEDED, Clients, start_execution, wait_for_execution
from triggers.polling import Polling

_FUNCTION: Final = ":function:"

_LONGEST_FUNCTION_SECONDS: Final = 900
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_LOG_DELAY_SECONDS: Final = 120
"""How long it may take to start a function, and then to make its log available."""

_CLOCK_DIFFERENCE_SECONDS: Final = 300
"""How much the clocks of this machine and of AWS may differ."""

_FAILURES: Final = ("Runtime exited", "Status: error", "Status: timeout", "Task timed out")
"""How Lambda itself reports a failure in a function's log."""


@dataclass(frozen=True)
class Target:
    """What a schedule starts.

    Attributes
    ----------
    schedule
        Name of the schedule.
    arn
        ARN of the state machine, or of the function's alias.
    input
        Input of the function or execution, as JSON text.
    """

    schedule: str
    arn: str
    input: str

    @property
    def function(self) -> str | None:
        """Name of the function; None for a state machine."""
        return function_name(self.arn)


def function_name(arn: str) -> str | None:
    """Return the name of the function in an ARN; None if the ARN is not that of a function.

    Examples
    --------
    >>> function_name("arn:aws:lambda:us-east-1:123456789012:function:fetch:live")
    'fetch'
    """
    return arn.partition(_FUNCTION)[2].partition(":")[0] or None


def invoke_target(target: Target, clients: Clients, polling: Polling) -> None:
    """Start a target as its schedule would, and wait until it has succeeded.

    A function is invoked asynchronously, so that Lambda also sends the result to its destinations.

    Raises
    ------
    InvocationError
        The target failed, or did not end in time. A function has failed if it logged an error or if
        Lambda ended it. (Every function of this project logs an error before it fails.)
    """
    if target.function is None:
        arn = start_execution(clients, target.arn, target.input)
        execution = wait_for_execution(clients, arn, polling)
        if execution.status != SUCCEEDED:
            raise InvocationError(
                f"the execution {arn} of the schedule {target.schedule} ended with status "
                f"{execution.reason}"
            )
        return
    _invoke_function(target, f"/aws/lambda/{target.function}", clients, polling)


def _invoke_function(target: Target, log_group: str, clients: Clients, polling: Polling) -> None:
    logs = clients("logs")
    since = int((time.time() - _CLOCK_DIFFERENCE_SECONDS) * 1000)
    response = clients("lambda").invoke(
        FunctionName=target.arn, InvocationType="Event", Payload=target.input.encode()
    )
    request_id = str(response["ResponseMetadata"]["RequestId"])
    lines: list[str] = []

    def has_ended() -> bool:
        lines[:] = _log_lines(logs, log_group, since, request_id)
        return any(line.startswith("REPORT ") for line in lines)

    longest = float(_LONGEST_FUNCTION_SECONDS + _LOG_DELAY_SECONDS)
    replace(polling, timeout_seconds=min(polling.timeout_seconds, longest)).wait_for(
        has_ended,
        f"the function {target.function} of the schedule {target.schedule} did not report its end "
        f"in the log group {log_group}",
    )
    if failures := [line for line in lines if _reports_failure(line)]:
        raise InvocationError(
            f"the function {target.function} of the schedule {target.schedule} failed: "
            f"{failures[0]}"
        )


def _log_lines(logs: Any, group: str, since: int, request_id: str) -> list[str]:  # noqa: ANN401 - of boto3
    """Return the log lines that contain the ID of a request."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=since, filterPattern=f'"{request_id}"'
    )
    try:
        lines = [str(event["message"]).strip() for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        # The function's first run creates the log group.
        return []
    return [line for line in lines if request_id in line]


def _reports_failure(line: str) -> bool:
    """Whether the function logged an error, or Lambda reported a failure."""
    if any(words in line for words in _FAILURES):
        return True
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("level") == "ERROR"
