"""Executions of Step Functions state machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from triggers.polling import Polling

type Clients = Callable[[str], Any]
"""Creates a boto3 client for a service, as in `clients("lambda")`."""

RUNNING: Final = "RUNNING"

SUCCEEDED: Final = "SUCCEEDED"


@dataclass(frozen=True)
class Execution:
    """The state of an execution.

    Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html

    Attributes
    ----------
    status
        Such as `RUNNING`, `SUCCEEDED` or `FAILED`.
    output
        JSON text; empty unless the execution succeeded.
    error, cause
        Name of the error and its explanation; empty unless the execution failed.
    """

    arn: str
    status: str
    output: str
    error: str = ""
    cause: str = ""

    @property
    def reason(self) -> str:
        """The status, with the error and its cause if there are any."""
        return ": ".join(part for part in (self.status, self.error, self.cause) if part)


def start_execution(
    clients: Clients, state_machine_arn: str, input_text: str, name: str | None = None
) -> str:
    """Start an execution.

    Parameters
    ----------
    input_text
        JSON text.
    name
        Unique name of the execution. By default, Step Functions chooses it.

    Returns
    -------
    str
        ARN of the execution.
    """
    named = {"name": name} if name else {}
    started = clients("stepfunctions").start_execution(
        stateMachineArn=state_machine_arn, input=input_text, **named
    )
    return str(started["executionArn"])


def describe_execution(clients: Clients, arn: str) -> Execution:
    """Return the current state of an execution."""
    found = clients("stepfunctions").describe_execution(executionArn=arn)
    return Execution(
        arn,
        found["status"],
        found.get("output", ""),
        found.get("error", ""),
        found.get("cause", ""),
    )


def wait_for_execution(clients: Clients, arn: str, polling: Polling) -> Execution:
    """Wait until an execution has ended, successfully or not.

    Raises
    ------
    InvocationError
        It did not end in time.
    """
    execution = Execution(arn, RUNNING, "")

    def has_ended() -> bool:
        nonlocal execution
        execution = describe_execution(clients, arn)
        return execution.status != RUNNING

    polling.wait_for(has_ended, f"the execution {arn} did not end")
    return execution
