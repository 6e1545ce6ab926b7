"""What is in the local cloud at this moment, read from moto's backends for the status page."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local_cloud.lambda_runtime.lambda_service import LambdaService, PastInvocation

LATEST = 50
"""How many messages, executions, objects and items are shown of each kind."""

type Backend = Any
"""Of moto; nothing describes what is in it."""


@dataclass(frozen=True)
class Bucket:
    """A bucket and its latest objects: key, bytes, time."""

    name: str
    objects: int
    bytes: int
    latest: tuple[tuple[str, int, dt.datetime], ...]


@dataclass(frozen=True)
class Table:
    """A DynamoDB table and some of its items, each as JSON."""

    name: str
    items: int
    some: tuple[str, ...]


@dataclass(frozen=True)
class Function:
    """A function, its size in MB and seconds, and its latest invocations."""

    name: str
    memory_mb: int
    timeout_seconds: int
    layers: tuple[str, ...]
    invocations: tuple[PastInvocation, ...]


@dataclass
class StateRun:
    """One visit of an execution to a state.

    Attributes
    ----------
    errors
        Names of the errors of its attempts.
    outcome
        `running`, `passed`, or `failed`.
    """

    name: str
    entered: dt.datetime
    left: dt.datetime | None = None
    errors: list[str] = field(default_factory=list)
    outcome: str = "running"


@dataclass(frozen=True)
class Execution:
    """An execution of a state machine."""

    arn: str
    name: str
    machine: str
    status: str
    started: dt.datetime
    ended: dt.datetime | None
    states: tuple[StateRun, ...]
    input: str
    output: str
    error: str


@dataclass(frozen=True)
class Alarm:
    """A CloudWatch alarm."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class Topic:
    """An SNS topic and its latest messages: subject, text."""

    name: str
    messages: int
    latest: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Queue:
    """An SQS queue."""

    name: str
    waiting: int


@dataclass(frozen=True)
class Snapshot:
    """Everything at one moment; the latest first where there is a time."""

    buckets: tuple[Bucket, ...]
    tables: tuple[Table, ...]
    functions: tuple[Function, ...]
    executions: tuple[Execution, ...]
    alarms: tuple[Alarm, ...]
    topics: tuple[Topic, ...]
    queues: tuple[Queue, ...]


def snapshot(service: LambdaService) -> Snapshot:
    """Read the state of this process's moto."""
    return Snapshot(
        buckets=tuple(sorted(_buckets(), key=lambda one: one.name)),
        tables=tuple(sorted(_tables(), key=lambda one: one.name)),
        functions=tuple(sorted(_functions(service), key=lambda one: one.name)),
        executions=tuple(sorted(_executions(), key=lambda one: one.started, reverse=True)),
        alarms=tuple(sorted(_alarms(), key=lambda one: one.name)),
        topics=tuple(sorted(_topics(), key=lambda one: one.name)),
        queues=tuple(sorted(_queues(), key=lambda one: one.name)),
    )


def _backends(all_backends: Backend) -> Iterator[Backend]:
    """Return what exists in any account and region; the copies keep concurrent changes out."""
    for regions in list(all_backends.values()):
        yield from list(regions.values())


def _buckets() -> Iterator[Bucket]:
    from moto.s3.models import FakeKey, s3_backends

    for backend in _backends(s3_backends):
        for bucket in list(backend.buckets.values()):
            keys = [one for one in list(bucket.keys.values()) if isinstance(one, FakeKey)]
            keys.sort(key=lambda one: one.last_modified, reverse=True)
            latest = tuple((one.name, one.size, _utc(one.last_modified)) for one in keys[:LATEST])
            yield Bucket(bucket.name, len(keys), sum(one.size for one in keys), latest)


def _tables() -> Iterator[Table]:
    from moto.dynamodb.models import dynamodb_backends

    for backend in _backends(dynamodb_backends):
        for name, table in list(backend.tables.items()):
            items = list(table.all_items())
            some = (json.dumps(one.to_json()["Attributes"]) for one in items[:LATEST])
            yield Table(name, len(items), tuple(some))


def _functions(service: LambdaService) -> Iterator[Function]:
    from moto.awslambda.models import lambda_backends

    past = service.past_invocations()
    for backend in _backends(lambda_backends):
        for one in list(backend.list_functions()):
            own = [call for call in past if call.function == one.function_name]
            yield Function(
                name=one.function_name,
                memory_mb=one.memory_size,
                timeout_seconds=one.timeout,
                layers=tuple(layer["Arn"].split(":layer:")[1] for layer in one.layers),
                invocations=tuple(own[:LATEST]),
            )


def _executions() -> Iterator[Execution]:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    for backend in _backends(stepfunctions_parser_backends):
        for machine in list(backend.state_machines):
            for one in list(machine.executions)[-LATEST:]:
                yield _execution(machine.name, one)


def _execution(machine: str, one: Backend) -> Execution:
    status = str(one.status)
    return Execution(
        arn=one.execution_arn,
        name=one.name,
        machine=machine,
        status=status,
        started=_utc(one.start_date),
        ended=_utc(one.stop_date) if one.stop_date else None,
        states=tuple(state_runs(list(one.to_history_output()["events"]), status == "RUNNING")),
        input=one.execution_input,
        output=json.dumps(one.output) if one.output is not None else "",
        error=": ".join(filter(None, (one.error, one.cause))),
    )


def state_runs(events: list[dict[str, Any]], running: bool) -> list[StateRun]:
    """Make the visits to states out of the events of an execution's history.

    Format: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    """
    by_id = {event["id"]: event for event in events}
    runs: dict[int, StateRun] = {}
    for event in events:
        entered = event.get("stateEnteredEventDetails")
        if entered:
            runs[event["id"]] = StateRun(entered["name"], _utc(event["timestamp"]))
            continue
        run = _run_of(event, by_id, runs)
        if run is None:
            continue
        if event.get("stateExitedEventDetails"):
            run.left, run.outcome = _utc(event["timestamp"]), "passed"
        details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails")
        if details:
            run.errors.append(str(details.get("error", "")))
    for run in runs.values():
        if run.outcome == "running" and not running:
            run.outcome = "failed"
    return list(runs.values())


def _run_of(
    event: dict[str, Any], by_id: dict[int, dict[str, Any]], runs: dict[int, StateRun]
) -> StateRun | None:
    """Return the visit to which an event belongs: events name the one before them."""
    exited = event.get("stateExitedEventDetails")
    if exited:
        # The events of a Parallel or Map state's branches lie between its own.
        own = [run for run in runs.values() if run.name == exited["name"] and run.left is None]
        return own[-1] if own else None
    current: dict[str, Any] | None = event
    while current is not None and current["id"] not in runs:
        current = by_id.get(current.get("previousEventId", 0))
    return runs[current["id"]] if current else None


def _alarms() -> Iterator[Alarm]:
    from moto.cloudwatch.models import cloudwatch_backends

    for backend in _backends(cloudwatch_backends):
        for one in list(backend.alarms.values()):
            yield Alarm(one.name, str(one.state_value), str(one.state_reason or ""))


def _topics() -> Iterator[Topic]:
    from moto.sns.models import sns_backends

    for backend in _backends(sns_backends):
        for one in list(backend.topics.values()):
            sent = list(reversed(one.sent_notifications))
            latest = tuple((subject or "", text) for _, text, subject, *_ in sent[:LATEST])
            yield Topic(one.name, len(sent), latest)


def _queues() -> Iterator[Queue]:
    from moto.sqs.models import sqs_backends

    for backend in _backends(sqs_backends):
        for one in list(backend.queues.values()):
            yield Queue(one.name, int(one.approximate_number_of_messages))


def _utc(moment: dt.datetime | str) -> dt.datetime:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
