"""Alarms on metrics that nothing emits are found."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from deployment.proof.metrics import (
    Metric,
    emitted,
    metrics_of_alarm,
    metrics_of_dashboard,
    unemitted_metrics,
)
from local_cloud.clients import Clients, clients_of

EMITTED = Metric("Tracker", "RunsSucceeded", (("service", "fetch"),))


def line(**values: Any) -> str:  # noqa: ANN401 - of any metric
    directive = {
        "Namespace": "Tracker",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "RunsSucceeded", "Unit": "Count"}],
    }
    return json.dumps(
        {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "service": "fetch", **values}
    )


def test_metrics_are_read_from_logs() -> None:
    lines = ["REPORT RequestId: 1", '{"level": "INFO"}', line(RunsSucceeded=[1.0])]
    assert set(emitted(lines)) == {EMITTED}


def test_a_metric_without_a_value_is_not_emitted() -> None:
    assert set(emitted([line()])) == set()


def test_metrics_of_alarms_and_dashboards() -> None:
    plain = {
        "MetricName": "RunsSucceeded",
        "Namespace": "Tracker",
        "Dimensions": [{"Name": "service", "Value": "fetch"}],
    }
    share = {
        "Metrics": [{"Id": "e", "Expression": "a"}, {"Id": "a", "MetricStat": {"Metric": plain}}]
    }
    assert [*metrics_of_alarm(plain)] == [*metrics_of_alarm(share)] == [EMITTED]
    widget = {"properties": {"metrics": [["Tracker", "RunsSucceeded", "service", "fetch"]]}}
    text = {"properties": {"markdown": "# Tracker"}}
    assert [*metrics_of_dashboard(json.dumps({"widgets": [widget, text]}))] == [EMITTED]


@pytest.fixture
def account(moto_server: str) -> Iterator[Clients]:
    """An account with a log, a queue, and an alarm for each."""
    clients = clients_of(moto_server)
    logs = clients("logs")
    group, stream = "/aws/lambda/fetch", "1"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": line(RunsSucceeded=1)}],
    )
    clients("sqs").create_queue(QueueName="failed")
    yield clients
    # All tests share the server.
    logs.delete_log_group(logGroupName=group)
    clients("cloudwatch").delete_alarms(AlarmNames=["depth", "quiet", "stale"])


def watch(clients: Clients, name: str, namespace: str, metric: str, **dimensions: str) -> None:
    clients("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )


def unemitted(clients: Clients, alarm: str) -> list[str]:
    # The server also has alarms of other tests.
    lines = unemitted_metrics(clients)
    return [line for line in lines if line.startswith(f"the alarm {alarm} ")]


def test_an_emitted_metric_is_not_reported(account: Clients) -> None:
    watch(account, "stale", "Tracker", "RunsSucceeded", service="fetch")
    watch(account, "depth", "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName="failed")
    assert unemitted(account, "stale") == unemitted(account, "depth") == []


@pytest.mark.parametrize(
    ("namespace", "metric", "dimensions"),
    [
        pytest.param("tracker", "RunsSucceeded", {"service": "fetch"}, id="namespace"),
        pytest.param("Tracker", "RunSucceeded", {"service": "fetch"}, id="name"),
        pytest.param("Tracker", "RunsSucceeded", {"service": "Fetch"}, id="value"),
        pytest.param("Tracker", "RunsSucceeded", {}, id="no dimension"),
        pytest.param("AWS/SQS", "MessagesVisible", {"QueueName": "failed"}, id="SQS"),
        pytest.param(
            "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "fail"}, id="queue"
        ),
    ],
)
def test_a_metric_that_nothing_emits_is_reported(
    account: Clients, namespace: str, metric: str, dimensions: dict[str, str]
) -> None:
    watch(account, "quiet", namespace, metric, **dimensions)
    (line,) = unemitted(account, "quiet")
    assert f" uses {namespace} {metric} (" in line
