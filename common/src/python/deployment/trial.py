"""Starts what a deployed stack's schedules start, and waits for the end of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config

from deployment.errors import DeploymentError

if TYPE_CHECKING:
    import boto3

_SECONDS_BETWEEN_LOOKS: Final = 2.0

_LONGEST_FUNCTION_SECONDS: Final = 900
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


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
    """Return what schedules start, each target once: by the first schedule that starts it.

    Parameters
    ----------
    changes
        `resource_changes` of a plan that changes nothing.
    """
    found: dict[str, Start] = {}
    schedules = [
        one["change"]["before"] for one in changes if one["type"] == "aws_scheduler_schedule"
    ]
    for schedule in sorted(schedules, key=lambda one: str(one["name"])):
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
    if ":function:" not in start.arn:
        _execute(start, session.client("stepfunctions"))
        return
    # Started once, and waited for as long as it may take: another attempt would be a second run.
    config = Config(read_timeout=_LONGEST_FUNCTION_SECONDS + 10, retries={"total_max_attempts": 1})
    answer = session.client("lambda", config=config).invoke(
        FunctionName=start.arn, Payload=start.input.encode()
    )
    if answer.get("FunctionError"):
        told = answer["Payload"].read().decode("utf-8", "replace")
        raise DeploymentError(f"what {start.schedule} starts failed: {told}")


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
