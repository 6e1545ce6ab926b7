"""Asynchronous invocations in the local cloud: targets of schedules, and events that fail.

Schedules do not run in the local cloud. So the proof starts each target with the input that
EventBridge would send. It also sends events that no function accepts, and checks that they reach
the dead-letter queue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from local_cloud.clients import Clients
from triggers.polling import Polling
from triggers.targets import Target, function_name

POLLING: Final = Polling(interval_seconds=0.5, timeout_seconds=180.0)

INVALID_EVENT: Final = ["not a valid event"]
"""Every valid event is an object. An unknown field would not make an event invalid for all
functions, because some ignore it."""

ATTEMPTS: Final = 3
"""How often Lambda tries an asynchronous invocation."""


def scheduled_targets(clients: Clients) -> list[Target]:
    """Return the targets of all enabled schedules in the account."""
    scheduler = clients("scheduler")
    found = []
    for page in scheduler.get_paginator("list_schedules").paginate():
        for entry in page["Schedules"]:
            schedule = scheduler.get_schedule(Name=entry["Name"])
            if schedule["State"] == "ENABLED":
                target = schedule["Target"]
                found.append(Target(entry["Name"], target["Arn"], target["Input"]))
    return found


def completed_runs(clients: Clients, function: str) -> int:
    """Return how often a function has run, successfully or not."""
    logs = clients("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    try:
        return sum(
            event["message"].startswith("REPORT ") for page in pages for event in page["events"]
        )
    except logs.exceptions.ResourceNotFoundException:
        return 0


def check_dead_letters(clients: Clients, functions: Mapping[str, str], queue_url: str) -> int:
    """Send an invalid event to each function that has a dead-letter queue.

    Parameters
    ----------
    functions
        Names of the functions in the account, by their names in `lambda/functions.json`.
    queue_url
        URL of the dead-letter queue.

    Returns
    -------
    int
        Number of functions checked. Each event was tried three times, and is in the queue.

    Raises
    ------
    InvocationError
        An event did not reach the queue.
    """
    waiting = set()
    for name in functions.values():
        if not _failure_destination(clients, name):
            continue
        clients("lambda").invoke(
            FunctionName=name,
            Qualifier="live",
            InvocationType="Event",
            Payload=json.dumps(INVALID_EVENT).encode(),
        )
        waiting.add(name)
    checked = len(waiting)

    def all_found() -> bool:
        waiting.difference_update(_functions_in_queue(clients, queue_url))
        return not waiting

    POLLING.wait_for(all_found, f"a failed event did not reach {queue_url}")
    return checked


def _failure_destination(clients: Clients, function: str) -> str | None:
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


def _functions_in_queue(clients: Clients, queue_url: str) -> Iterator[str]:
    """Yield the functions whose invalid event is in the queue, after three attempts."""
    response = clients("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    for message in response.get("Messages", []):
        record = json.loads(message["Body"])
        context = record.get("requestContext", {})
        failed = record.get("requestPayload") == INVALID_EVENT
        if failed and context["approximateInvokeCount"] == ATTEMPTS:
            yield str(function_name(context["functionArn"]))
