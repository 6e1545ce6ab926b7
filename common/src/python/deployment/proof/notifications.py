"""Checks that alarms and failed executions reach the subscribers of their topics."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from deployment.proof.async_invocations import POLLING
from local_cloud.clients import Clients
from local_cloud.errors import ExecutionError
from triggers.executions import start_execution, wait_for_execution

INVALID_INPUT: Final = {"max_cache_age_hours": "not a number"}


@dataclass
class Subscriber:
    """A queue that is subscribed to topics, as an e-mail address would be.

    Attributes
    ----------
    url
        URL of the queue.
    """

    clients: Clients
    url: str

    def new_messages(self) -> list[str]:
        """Return the messages received since the last call."""
        found: list[str] = []
        queue = self.clients("sqs")
        while messages := queue.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                found.append(json.loads(message["Body"])["Message"])
                queue.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


@contextmanager
def subscribed(clients: Clients, topics: Sequence[str]) -> Iterator[Subscriber]:
    """Subscribe a queue to topics until the block ends."""
    sqs, sns = clients("sqs"), clients("sns")
    url = sqs.create_queue(QueueName=f"subscriber-{uuid.uuid4()}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    subscriptions = [
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        for topic in topics
    ]
    try:
        yield Subscriber(clients, url)
    finally:
        for subscription in subscriptions:
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def check_alarms(clients: Clients) -> int:
    """Activate each alarm once and check that its topic delivers it; returns their number.

    Raises
    ------
    ExecutionError
        An alarm was not delivered.
    """
    cloudwatch = clients("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    alarms = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    topics = sorted({arn for alarm in alarms.values() for arn in alarm["AlarmActions"]})
    with subscribed(clients, topics) as subscriber:
        for state in ("OK", "ALARM", "OK"):
            for name in alarms:
                cloudwatch.set_alarm_state(
                    AlarmName=name, StateValue=state, StateReason="test of the delivery"
                )
        delivered = {
            (message["AlarmName"], message["NewStateValue"])
            for message in map(json.loads, subscriber.new_messages())
        }
    expected = {(name, "ALARM") for name in alarms}
    expected |= {(name, "OK") for name, alarm in alarms.items() if alarm["OKActions"]}
    if missing := sorted(expected - delivered):
        listed = ", ".join(f"{name} ({state})" for name, state in missing)
        raise ExecutionError(f"subscribers of {', '.join(topics)} did not receive {listed}")
    return len(alarms)


def check_failure_message(clients: Clients, state_machine: str, topic: str) -> None:
    """Start an execution with invalid input, and check that a topic reports the failure.

    Raises
    ------
    ExecutionError
        The execution did not fail, or the topic did not report it.
    """
    with subscribed(clients, [topic]) as subscriber:
        arn = start_execution(clients, state_machine, json.dumps(INVALID_INPUT))
        execution = wait_for_execution(clients, arn, POLLING)
        if execution.status != "FAILED":
            raise ExecutionError(
                f"{arn}, whose input is invalid, ended with status {execution.status}"
            )
        name = arn.rpartition(":")[2]
        if not any(name in message for message in subscriber.new_messages()):
            raise ExecutionError(f"subscribers of {topic} did not receive the failure of {arn}")
