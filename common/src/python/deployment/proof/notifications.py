"""Whether alarms and failed executions reach who listens to their topics, in the local cloud."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from deployment.proof.async_invocations import wait_for
from local_cloud.clients import Clients
from local_cloud.errors import ExecutionError
from run_local.region_report import ended

NO_INPUT: Final = {"max_cache_age_hours": "nothing that an execution can be asked"}


@dataclass
class Listener:
    """A queue that subscribed to topics, as a mailbox would.

    Attributes
    ----------
    url
        URL of the queue.
    """

    clients: Clients
    url: str

    def heard(self) -> list[str]:
        """Return the messages that came since it was asked last."""
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
def listening(clients: Clients, topics: Sequence[str]) -> Iterator[Listener]:
    """Subscribe a queue to topics until a block ends."""
    sqs, sns = clients("sqs"), clients("sns")
    url = sqs.create_queue(QueueName=f"listener-{uuid.uuid4()}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    subscriptions = [
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        for topic in topics
    ]
    try:
        yield Listener(clients, url)
    finally:
        for one in subscriptions:
            sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def ring_all(clients: Clients) -> int:
    """Have each alarm ring once, and hear it; returns how many there are.

    Raises
    ------
    ExecutionError
        Some alarm is not heard.
    """
    cloudwatch = clients("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    alarms = {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}
    topics = sorted({arn for one in alarms.values() for arn in one["AlarmActions"]})
    with listening(clients, topics) as listener:
        for state in ("OK", "ALARM", "OK"):
            for name in alarms:
                cloudwatch.set_alarm_state(
                    AlarmName=name, StateValue=state, StateReason="to hear whether it is heard"
                )
        heard = {
            (one["AlarmName"], one["NewStateValue"]) for one in map(json.loads, listener.heard())
        }
    expected = {(name, "ALARM") for name in alarms}
    expected |= {(name, "OK") for name, one in alarms.items() if one["OKActions"]}
    if silent := sorted(expected - heard):
        told = ", ".join(f"{name} ({state})" for name, state in silent)
        raise ExecutionError(f"nobody who listens to {', '.join(topics)} hears of {told}")
    return len(alarms)


def fail_and_hear(clients: Clients, state_machine: str, topic: str) -> None:
    """Start an execution that must fail, and hear of it.

    Raises
    ------
    ExecutionError
        It did not fail, or nobody hears of it.
    """
    with listening(clients, [topic]) as listener:
        started = clients("stepfunctions").start_execution(
            stateMachineArn=state_machine, input=json.dumps(NO_INPUT)
        )
        arn = started["executionArn"]
        wait_for(lambda: ended(clients, arn).status != "RUNNING", f"{arn} did not end")
        if (status := ended(clients, arn).status) != "FAILED":
            raise ExecutionError(f"{arn} of which the input is wrong ended as {status}")
        name = arn.rpartition(":")[2]
        if not any(name in told for told in listener.heard()):
            raise ExecutionError(f"nobody who listens to {topic} hears that {arn} failed")
