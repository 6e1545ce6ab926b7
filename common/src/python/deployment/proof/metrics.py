"""Compares the metrics that alarms and dashboards use with the metrics that are emitted.

An alarm on a metric that nothing emits never becomes active, so a failure goes unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local_cloud.clients import Clients


@dataclass(frozen=True, order=True)
class Metric:
    """What identifies a metric in CloudWatch.

    Attributes
    ----------
    dimensions
        Names and values, sorted by name.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Return a readable name."""
        dimensions = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace} {self.name} ({dimensions or 'no dimensions'})"


_OF_AWS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": ("FunctionName", frozenset({"Duration", "Errors", "Invocations", "Throttles"})),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": ("QueueName", frozenset({"ApproximateNumberOfMessagesVisible"})),
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    "AWS/States": (
        "StateMachineArn",
        frozenset(
            {
                "ExecutionTime",
                "ExecutionsAborted",
                "ExecutionsFailed",
                "ExecutionsStarted",
                "ExecutionsSucceeded",
                "ExecutionsTimedOut",
            }
        ),
    ),
}
"""Metrics of AWS services: their only dimension, and their names."""


def unemitted_metrics(clients: Clients) -> list[str]:
    """Return one line for each alarm or dashboard that uses a metric which nothing emits.

    Custom metrics are those that functions have written to their logs so far.
    """
    lines = (line for group in _log_groups(clients) for line in _lines(clients, group))
    metrics = {*emitted(lines), *_of_services(clients)}
    return [
        f"{watcher} uses {metric}, which nothing emits"
        for watcher, metric in (*_of_alarms(clients), *_of_dashboards(clients))
        if metric not in metrics
    ]


def emitted(lines: Iterable[str]) -> Iterator[Metric]:
    """Yield the metrics in log lines.

    Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for line in lines:
        if not line.startswith("{") or '"_aws"' not in line:
            continue
        record = json.loads(line)
        for directive in record["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, str(record[name])) for name in names))
                for metric in directive["Metrics"]:
                    if metric["Name"] in record:
                        yield Metric(directive["Namespace"], metric["Name"], dimensions)


def metrics_of_alarm(alarm: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of an alarm, as DescribeAlarms returns it."""
    metrics = [
        query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query
    ]
    if alarm.get("MetricName"):
        metrics.append(alarm)
    for metric in metrics:
        dimensions = ((pair["Name"], pair["Value"]) for pair in metric.get("Dimensions", []))
        yield Metric(metric["Namespace"], metric["MetricName"], tuple(sorted(dimensions)))


def metrics_of_dashboard(body: str) -> Iterator[Metric]:
    """Yield the metrics of a dashboard.

    Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    for widget in json.loads(body)["widgets"]:
        for namespace, name, *dimensions in widget["properties"].get("metrics", []):
            pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
            yield Metric(namespace, name, tuple(sorted(pairs)))


def _of_alarms(clients: Clients) -> Iterator[tuple[str, Metric]]:
    for page in clients("cloudwatch").get_paginator("describe_alarms").paginate():
        for alarm in page["MetricAlarms"]:
            for metric in metrics_of_alarm(alarm):
                yield f"the alarm {alarm['AlarmName']}", metric


def _of_dashboards(clients: Clients) -> Iterator[tuple[str, Metric]]:
    cloudwatch = clients("cloudwatch")
    for entry in cloudwatch.list_dashboards()["DashboardEntries"]:
        name = entry["DashboardName"]
        body = cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
        for metric in metrics_of_dashboard(body):
            yield f"the dashboard {name}", metric


def _of_services(clients: Clients) -> Iterator[Metric]:
    functions = clients("lambda").get_paginator("list_functions").paginate()
    machines = clients("stepfunctions").get_paginator("list_state_machines").paginate()
    queues = clients("sqs").list_queues().get("QueueUrls", [])
    resources = {
        "AWS/Lambda": [each["FunctionName"] for page in functions for each in page["Functions"]],
        "AWS/SQS": [url.rpartition("/")[2] for url in queues],
        "AWS/States": [
            each["stateMachineArn"] for page in machines for each in page["stateMachines"]
        ],
    }
    for namespace, (dimension, names) in _OF_AWS.items():
        for resource in resources[namespace]:
            for name in names:
                yield Metric(namespace, name, ((dimension, resource),))


def _log_groups(clients: Clients) -> Iterator[str]:
    pages = clients("logs").get_paginator("describe_log_groups").paginate()
    for page in pages:
        for group in page["logGroups"]:
            if group["logGroupName"].startswith("/aws/lambda/"):
                yield group["logGroupName"]


def _lines(clients: Clients, group: str) -> Iterator[str]:
    pages = clients("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    for page in pages:
        for event in page["events"]:
            yield event["message"]
