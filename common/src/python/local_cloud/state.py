"""What the local cloud contains at this moment, read from moto's backends for the status page.

Reading has no side effects: showing a message does not receive it, and showing an object does not
record a call.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from local_cloud.lambda_runtime.lambda_service import LambdaService, PastInvocation

LATEST = 50
"""The page shows at most this many executions of a state machine, items, and messages."""

type Backend = Any
"""An object of moto, which has no type hints."""


@dataclass(frozen=True)
class ObjectSummary:
    """An S3 object without its content; `size` is in bytes."""

    key: str
    size: int
    modified: dt.datetime


@dataclass(frozen=True)
class Bucket:
    """A bucket and all its current objects, latest first."""

    name: str
    objects: tuple[ObjectSummary, ...]

    @property
    def bytes(self) -> int:
        """Return the total size of the objects in bytes."""
        return sum(stored.size for stored in self.objects)


@dataclass(frozen=True)
class StoredObject:
    """The current version of an S3 object.

    Attributes
    ----------
    properties
        What S3 stores with the object, for example its storage class and ETag.
    metadata
        HTTP headers and user metadata (`x-amz-meta-…`), as the writer set them.
    content
        The bytes as stored; compressed content stays compressed.
    """

    bucket: str
    key: str
    modified: dt.datetime
    properties: Mapping[str, str]
    metadata: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Table:
    """A DynamoDB table: the number of its items, and up to `LATEST` of them as JSON."""

    name: str
    items: int
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Function:
    """A Lambda function and the invocations that the local cloud remembers, latest first."""

    name: str
    memory_mb: int
    timeout_seconds: int
    layers: tuple[str, ...]
    invocations: tuple[PastInvocation, ...]


@dataclass
class StateRun:
    """A visit of an execution to a state.

    Attributes
    ----------
    errors
        Names of the errors of the failed attempts.
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
class Notification:
    """A message that was published to a topic; the subject is empty if the publisher gave none."""

    subject: str
    text: str


@dataclass(frozen=True)
class Topic:
    """An SNS topic: the number of its messages, and the latest `LATEST`, latest first."""

    name: str
    messages: int
    latest: tuple[Notification, ...]


@dataclass(frozen=True)
class QueueMessage:
    """A message in a queue.

    Attributes
    ----------
    state
        `available`, `in flight` (received and not yet deleted), or `delayed`.
    received
        How many times it has been received.
    attributes
        Its message attributes, and its group if the queue is FIFO.
    """

    id: str
    state: str
    sent: dt.datetime
    received: int
    attributes: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Queue:
    """An SQS queue: the number of messages in each state, and the oldest `LATEST` messages."""

    name: str
    available: int
    in_flight: int
    delayed: int
    oldest: tuple[QueueMessage, ...]

    @property
    def messages(self) -> int:
        """Return the number of messages in all states."""
        return self.available + self.in_flight + self.delayed


@dataclass(frozen=True)
class Snapshot:
    """Everything at one moment: executions latest first, everything else by name.

    Attributes
    ----------
    executions
        The latest `LATEST` of each state machine.
    all_executions
        The number of all executions.
    """

    buckets: tuple[Bucket, ...]
    tables: tuple[Table, ...]
    functions: tuple[Function, ...]
    executions: tuple[Execution, ...]
    all_executions: int
    alarms: tuple[Alarm, ...]
    topics: tuple[Topic, ...]
    queues: tuple[Queue, ...]


def snapshot(service: LambdaService) -> Snapshot:
    """Read the state of the moto in this process.

    Parameters
    ----------
    service
        Runs the functions and remembers their invocations.
    """
    name = attrgetter("name")
    executions, all_executions = _executions()
    return Snapshot(
        buckets=tuple(sorted(_buckets(), key=name)),
        tables=tuple(sorted(_tables(), key=name)),
        functions=tuple(sorted(_functions(service), key=name)),
        executions=tuple(sorted(executions, key=attrgetter("started"), reverse=True)),
        all_executions=all_executions,
        alarms=tuple(sorted(_alarms(), key=name)),
        topics=tuple(sorted(_topics(), key=name)),
        queues=tuple(sorted(_queues(), key=name)),
    )


def find_object(bucket_name: str, key: str) -> StoredObject | None:
    """Return the current version of an object with its content; None if it does not exist."""
    from moto.s3.models import FakeKey, s3_backends

    for backend in _backends(s3_backends):
        bucket = backend.buckets.get(bucket_name)
        stored = bucket.keys.get(key) if bucket else None
        if isinstance(stored, FakeKey):
            return _stored_object(bucket_name, stored)
    return None


def _stored_object(bucket: str, stored: Backend) -> StoredObject | None:
    try:
        content = stored.value
        with stored.lock:
            etag = stored.etag
    except ValueError:
        # It was deleted after it was found: moto has closed the file with its content.
        return None
    properties = {
        "Storage class": stored.storage_class,
        "ETag": etag,
        "Version": stored.version_id if stored.version_id != "null" else None,
        "Encryption": stored.encryption,
    }
    return StoredObject(
        bucket=bucket,
        key=stored.name,
        modified=_utc(stored.last_modified),
        properties={name: str(value) for name, value in properties.items() if value},
        metadata={str(name): str(value) for name, value in dict(stored.metadata).items()},
        content=content,
    )


def _backends(all_backends: Backend) -> Iterator[Backend]:
    """Yield the backends of all accounts and regions; copies protect from concurrent changes."""
    for regions in list(all_backends.values()):
        yield from list(regions.values())


def _buckets() -> Iterator[Bucket]:
    from moto.s3.models import FakeKey, s3_backends

    for backend in _backends(s3_backends):
        for bucket in list(backend.buckets.values()):
            # The others are delete markers.
            stored = [key for key in list(bucket.keys.values()) if isinstance(key, FakeKey)]
            objects = [ObjectSummary(key.name, key.size, _utc(key.last_modified)) for key in stored]
            objects.sort(key=attrgetter("modified"), reverse=True)
            yield Bucket(bucket.name, tuple(objects))


def _tables() -> Iterator[Table]:
    from moto.dynamodb.models import dynamodb_backends

    for backend in _backends(dynamodb_backends):
        for name, table in list(backend.tables.items()):
            items = list(table.all_items())
            attributes = (item.to_json()["Attributes"] for item in items[:LATEST])
            shown = tuple(json.dumps(values, ensure_ascii=False) for values in attributes)
            yield Table(name, len(items), shown)


def _functions(service: LambdaService) -> Iterator[Function]:
    from moto.awslambda.models import lambda_backends

    past = service.past_invocations()
    for backend in _backends(lambda_backends):
        for function in list(backend.list_functions()):
            name = function.function_name
            yield Function(
                name=name,
                memory_mb=function.memory_size,
                timeout_seconds=function.timeout,
                layers=tuple(layer["Arn"].split(":layer:")[1] for layer in function.layers),
                invocations=tuple(call for call in past if call.function == name),
            )


def _executions() -> tuple[list[Execution], int]:
    """Return the latest executions of each state machine, and the number of all executions."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    latest: list[Execution] = []
    total = 0
    for backend in _backends(stepfunctions_parser_backends):
        for machine in list(backend.state_machines):
            executions = list(machine.executions)
            total += len(executions)
            latest += (_execution(machine.name, execution) for execution in executions[-LATEST:])
    return latest, total


def _execution(machine: str, execution: Backend) -> Execution:
    status = str(execution.status)
    output = execution.output
    return Execution(
        arn=execution.execution_arn,
        name=execution.name,
        machine=machine,
        status=status,
        started=_utc(execution.start_date),
        ended=_utc(execution.stop_date) if execution.stop_date else None,
        states=tuple(
            state_runs(list(execution.to_history_output()["events"]), status == "RUNNING")
        ),
        input=execution.execution_input,
        output=json.dumps(output, ensure_ascii=False) if output is not None else "",
        error=": ".join(filter(None, (execution.error, execution.cause))),
    )


def state_runs(events: list[dict[str, Any]], running: bool) -> list[StateRun]:
    """Return the visits to states that the history of an execution describes.

    Parameters
    ----------
    events
        The history, in the format of
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    running
        Whether the execution still runs; if not, a state that was never left has failed.

    Examples
    --------
    >>> entered = {
    ...     "id": 1,
    ...     "timestamp": "2026-01-01T00:00:00+00:00",
    ...     "stateEnteredEventDetails": {"name": "Fetch"},
    ... }
    >>> [(run.name, run.outcome) for run in state_runs([entered], running=False)]
    [('Fetch', 'failed')]
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
    """Return the visit to which an event belongs; each event names the event before it."""
    exited = event.get("stateExitedEventDetails")
    if exited:
        # Between a Parallel or Map state's own events are the events of its branches.
        own = [run for run in runs.values() if run.name == exited["name"] and run.left is None]
        return own[-1] if own else None
    current: dict[str, Any] | None = event
    while current is not None and current["id"] not in runs:
        current = by_id.get(current.get("previousEventId", 0))
    return runs[current["id"]] if current else None


def _alarms() -> Iterator[Alarm]:
    from moto.cloudwatch.models import cloudwatch_backends

    for backend in _backends(cloudwatch_backends):
        for alarm in list(backend.alarms.values()):
            yield Alarm(alarm.name, str(alarm.state_value), str(alarm.state_reason or ""))


def _topics() -> Iterator[Topic]:
    from moto.sns.models import sns_backends

    for backend in _backends(sns_backends):
        for topic in list(backend.topics.values()):
            sent = list(reversed(topic.sent_notifications))
            latest = (Notification(subject or "", text) for _, text, subject, *_ in sent[:LATEST])
            yield Topic(topic.name, len(sent), tuple(latest))


def _queues() -> Iterator[Queue]:
    from moto.sqs.models import sqs_backends

    for backend in _backends(sqs_backends):
        for queue in list(backend.queues.values()):
            # moto's public property omits the messages in flight.
            messages = list(queue._messages)
            states = [_message_state(message) for message in messages]
            yield Queue(
                name=queue.name,
                available=states.count("available"),
                in_flight=states.count("in flight"),
                delayed=states.count("delayed"),
                oldest=tuple(map(_message, messages[:LATEST], states)),
            )


def _message_state(message: Backend) -> str:
    if message.delayed:
        return "delayed"
    return "available" if message.visible else "in flight"


def _message(message: Backend, state: str) -> QueueMessage:
    attributes = {
        name: str(attribute.get("StringValue") or f"({attribute.get('DataType')} value)")
        for name, attribute in dict(message.message_attributes).items()
    }
    if message.group_id:
        attributes["Message group"] = str(message.group_id)
    return QueueMessage(
        id=message.id,
        state=state,
        sent=dt.datetime.fromtimestamp(message.sent_timestamp / 1000, dt.UTC),
        received=message.approximate_receive_count,
        attributes=attributes,
        body=message.body,
    )


def _utc(moment: dt.datetime | str) -> dt.datetime:
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
