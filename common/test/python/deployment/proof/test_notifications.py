from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from deployment.proof.notifications import check_alarms, check_failure_message, subscribed
from local_cloud.clients import Clients, clients_of
from local_cloud.errors import ExecutionError
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server


@pytest.fixture
def clients() -> Iterator[Clients]:
    # The checks use all alarms of the account, so these tests need their own account.
    options = FunctionOptions(lambda_runtime_python())
    with moto_server(functions=options) as endpoint:
        yield clients_of(endpoint)


def topic(clients: Clients, name: str = "failure") -> str:
    return str(clients("sns").create_topic(Name=name)["TopicArn"])


def alarm(clients: Clients, name: str, *, active: list[str], ok: list[str]) -> None:
    clients("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmActions=active,
        OKActions=ok,
        Namespace="Any",
        MetricName="Any",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=300,
        Statistic="Sum",
        Threshold=1,
    )


def test_alarms_are_delivered(clients: Clients) -> None:
    first, second = topic(clients), topic(clients, "other")
    for number in range(12):
        alarm(clients, f"errors-{number}", active=[first], ok=[first])
    alarm(clients, "late", active=[second], ok=[])
    assert check_alarms(clients) == 13
    assert clients("sqs").list_queues().get("QueueUrls", []) == []
    assert clients("sns").list_subscriptions()["Subscriptions"] == []


def test_an_alarm_without_a_topic_is_named(clients: Clients) -> None:
    alarm(clients, "loud", active=[topic(clients)], ok=[])
    alarm(clients, "silent", active=[], ok=[])
    with pytest.raises(ExecutionError, match=r"did not receive silent \(ALARM\)$"):
        check_alarms(clients)


def machine(clients: Clients, states: dict[str, object]) -> str:
    made = clients("stepfunctions").create_state_machine(
        name="any",
        definition=json.dumps({"StartAt": "First", "States": states}),
        roleArn="arn:aws:iam::123456789012:role/any",
    )
    return str(made["stateMachineArn"])


def test_a_failed_execution_is_reported(clients: Clients) -> None:
    arn = topic(clients)
    tell = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": arn, "Message.$": "$$.Execution.Name"},
        "Next": "Last",
    }
    check_failure_message(clients, machine(clients, {"First": tell, "Last": {"Type": "Fail"}}), arn)


def test_a_failed_execution_without_a_message(clients: Clients) -> None:
    with pytest.raises(ExecutionError, match=r"did not receive the failure of "):
        check_failure_message(
            clients, machine(clients, {"First": {"Type": "Fail"}}), topic(clients)
        )


def test_an_execution_that_accepts_any_input(clients: Clients) -> None:
    with pytest.raises(ExecutionError, match="ended with status SUCCEEDED"):
        check_failure_message(
            clients, machine(clients, {"First": {"Type": "Succeed"}}), topic(clients)
        )


def test_each_message_is_received_once(clients: Clients) -> None:
    arn = topic(clients)
    with subscribed(clients, [arn]) as subscriber:
        for number in range(11):
            clients("sns").publish(TopicArn=arn, Message=str(number))
        assert sorted(subscriber.new_messages()) == sorted(str(number) for number in range(11))
        assert subscriber.new_messages() == []
