"""Invokes a function and reads what Lambda reports about the invocation."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambda_core.errors import UsageError
from local_cloud.clients import Clients
from local_cloud.errors import ExecutionError

_REPORT = re.compile(
    r"^REPORT RequestId: (?P<request>\S+)\tDuration: (?P<duration>[\d.]+) ms\t"
    r".*\tMemory Size: (?P<memory>\d+) MB\tMax Memory Used: (?P<peak>\d+) MB"
    r"(?:\tInit Duration: (?P<init>[\d.]+) ms)?",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Result:
    """The result of an invocation. Times are in milliseconds, memory is in MB.

    Attributes
    ----------
    payload
        The response as JSON, or the error if `failed`.
    log
        All lines that the function logged during this invocation.
    init_ms
        Duration of the cold start; None if the function was warm.
    """

    payload: bytes
    failed: bool
    log: tuple[str, ...]
    duration_ms: float
    init_ms: float | None
    peak_mb: int
    memory_mb: int


def invoke(clients: Clients, name: str, event: bytes) -> Result:
    """Invoke a function and wait for its response.

    Parameters
    ----------
    name
        The function's name in the account.
    event
        The event as JSON.

    Raises
    ------
    UsageError
        If the server is not a local cloud of this project.
    """
    response = clients("lambda").invoke(FunctionName=name, Payload=event, LogType="Tail")
    tail = base64.b64decode(response["LogResult"]).decode("utf-8", "replace")
    report = _REPORT.search(tail)
    if report is None:
        raise UsageError(
            "the server is not a local cloud of this project: the function's log has no REPORT "
            "line; start one with run-local.sh up"
        )
    return Result(
        payload=response["Payload"].read(),
        failed="FunctionError" in response,
        log=_whole_log(clients, f"/aws/lambda/{name}", report["request"]),
        duration_ms=float(report["duration"]),
        init_ms=float(report["init"]) if report["init"] else None,
        peak_mb=int(report["peak"]),
        memory_mb=int(report["memory"]),
    )


def response_of(function: str, result: Result) -> dict[str, Any]:
    """Return the response of a function that must succeed.

    Raises
    ------
    ExecutionError
        If it failed; gives the function's own error.
    """
    response: dict[str, Any] = json.loads(result.payload)
    if result.failed:
        raise ExecutionError(
            f"the function {function} failed: {response.get('errorType')}: "
            f"{response.get('errorMessage')}"
        )
    return response


def _whole_log(clients: Clients, group: str, request: str) -> tuple[str, ...]:
    """Return the log lines of one invocation; `LogType=Tail` returns only the last 4 kB."""
    logs = clients("logs")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    for stream in streams:
        lines: list[str] = []
        within = False
        for line in _lines(logs, group, stream["logStreamName"]):
            within = within or line.startswith(f"START RequestId: {request} ")
            if within:
                lines.append(line)
            if line.startswith(f"REPORT RequestId: {request}\t"):
                return tuple(lines)
    return ()


def _lines(logs: Any, group: str, stream: str) -> Iterator[str]:  # noqa: ANN401 - a client
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True, **token
        )
        yield from (event["message"] for event in page["events"])
        if not page["events"] or page["nextForwardToken"] == token.get("nextToken"):
            return
        token = {"nextToken": page["nextForwardToken"]}
