from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from deployment.proof.notifications import fail_and_hear, listening, ring_all
from local_cloud.clients import Clients, clients_of
from local_cloud.errors import ExecutionError
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server


@pytest.fixture
def clients() -> Iterator[Clients]:
    # All alarms there are, are looked at: no others must be there.
    options = FunctionOptions(lambda_runtime_python())
    with moto_server(functions=options) as endpoint:
        yield clients_of(endpoint)


def topic(clients: Clients, name: str = "failure") -> str:
    return str(clients("sns").create_topic(Name=name)["TopicArn"])


def alarm(clients: Clients, name: str, *, ringing: list[str], quiet: list[str]) -> None:
    clients("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmActions=ringing,
        OKActions=quiet,
        Namespace="Any",
        MetricName="Any",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=300,
        Statistic="Sum",
        Threshold=1,
    )


def test_alarms_are_heard(clients: Clients) -> None:
    one, other = topic(clients), topic(clients, "other")
    for number in range(12):
        alarm(clients, f"errors-{number}", ringing=[one], quiet=[one])
    alarm(clients, "late", ringing=[other], quiet=[])
    assert ring_all(clients) == 13
    assert clients("sqs").list_queues().get("QueueUrls", []) == []
    assert clients("sns").list_subscriptions()["Subscriptions"] == []


def test_an_alarm_that_tells_nobody_is_named(clients: Clients) -> None:
    alarm(clients, "loud", ringing=[topic(clients)], quiet=[])
    alarm(clients, "silent", ringing=[], quiet=[])
    with pytest.raises(ExecutionError, match=r"hears of silent \(ALARM\)$"):
        ring_all(clients)


def machine(clients: Clients, states: dict[str, object]) -> str:
    made = clients("stepfunctions").create_state_machine(
        name="any",
        definition=json.dumps({"StartAt": "First", "States": states}),
        roleArn="arn:aws:iam::123456789012:role/any",
    )
    return str(made["stateMachineArn"])


def test_an_execution_that_fails_is_heard(clients: Clients) -> None:
    arn = topic(clients)
    tell = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": arn, "Message.$": "$$.Execution.Name"},
        "Next": "Last",
    }
    fail_and_hear(clients, machine(clients, {"First": tell, "Last": {"Type": "Fail"}}), arn)


def test_an_execution_that_fails_in_silence(clients: Clients) -> None:
    with pytest.raises(ExecutionError, match=r"hears that .* failed"):
        fail_and_hear(clients, machine(clients, {"First": {"Type": "Fail"}}), topic(clients))


def test_an_execution_that_takes_anything(clients: Clients) -> None:
    with pytest.raises(ExecutionError, match="ended as SUCCEEDED"):
        fail_and_hear(clients, machine(clients, {"First": {"Type": "Succeed"}}), topic(clients))


def test_messages_are_heard_once(clients: Clients) -> None:
    arn = topic(clients)
    with listening(clients, [arn]) as listener:
        for number in range(11):
            clients("sns").publish(TopicArn=arn, Message=str(number))
        assert sorted(listener.heard()) == sorted(str(number) for number in range(11))
        assert listener.heard() == []
