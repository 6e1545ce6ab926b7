"""The packaged functions of the region report, deployed to a local cloud and observed there."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from artefacts.function_settings import FunctionSettings
from artefacts.repository import Artefacts
from local_cloud.clients import Clients, clients_of
from run_local.deployer import Deployer, MachineSettings, RegionReport
from run_local.region_report import DEFINITION_FILE, start
from triggers.executions import Execution, wait_for_execution
from triggers.polling import Polling

END_SECONDS = 300.0

VARIABLES = {"RSS_URL": "", "SSM_MAX_TPS": "10000", "SOURCE_LABEL": "snapshot for tests"}

WRAPPER = '''
"""The function with a wrapper that fails if an object in the bucket says so."""

import json
import os
import sys
import time

import boto3

from {name}_lambda.lambda_function import handler as real

_s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
_bucket = os.environ["OUTPUT_S3_BUCKET"]


def handler(event, context):
    key = "faults/" + event["execution_id"] + "/{name}.json"
    if _s3.list_objects_v2(Bucket=_bucket, Prefix=key)["KeyCount"]:
        fault = json.loads(_s3.get_object(Bucket=_bucket, Key=key)["Body"].read())
        if fault["times"] > 0:
            _s3.put_object(
                Bucket=_bucket, Key=key, Body=json.dumps({{**fault, "times": fault["times"] - 1}})
            )
            fail(fault)
    return real(event, context)


def fail(fault):
    match fault["do"]:
        case "raise":
            raise type(fault["error"], (Exception,), {{}})("made to fail by a test")
        case "sleep":
            time.sleep(120)
        case "memory":
            len(bytearray(b"x" * 900_000_000))
        case "spoil":
            _s3.put_object(Bucket=_bucket, Key=fault["key"], Body=b"spoilt")
'''


class WrappedArtefacts(Artefacts):
    """The packages, with a wrapper around each handler."""

    def function(self, name: str) -> bytes:
        """Return the package of a function with a different entry point."""
        wrapped = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(super().function(name))) as real,
            zipfile.ZipFile(wrapped, "w") as archive,
        ):
            for entry in real.infolist():
                if entry.filename != "lambda_function.py":
                    archive.writestr(entry, real.read(entry))
            archive.writestr("lambda_function.py", WRAPPER.format(name=name))
        return wrapped.getvalue()


@dataclass
class Deployment:
    """The deployed region report, with queues that receive its notifications."""

    clients: Clients
    report: RegionReport
    queues: Mapping[str, str]
    notices: list[tuple[str, str]] = field(default_factory=list)

    def start(self, execution_id: str, **request: Any) -> str:  # noqa: ANN401  # JSON
        return start(self.clients, self.report, execution_id, {"zones": False, **request})

    def end(self, arn: str) -> Execution:
        return wait_for_execution(self.clients, arn, Polling(0.1, END_SECONDS))

    def run(self, execution_id: str, **request: Any) -> Execution:  # noqa: ANN401  # JSON
        return self.end(self.start(execution_id, **request))

    def fault(self, execution_id: str, function: str, **fault: Any) -> None:  # noqa: ANN401  # JSON
        """Let a function fail in one execution."""
        self.clients("s3").put_object(
            Bucket=self.report.bucket,
            Key=f"faults/{execution_id}/{function}.json",
            Body=json.dumps({"times": 1, **fault}),
        )

    def objects(self, prefix: str = "") -> set[str]:
        pages = self.clients("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.report.bucket, Prefix=prefix)
        return {entry["Key"] for page in found for entry in page.get("Contents", ())}

    def json(self, key: str) -> Any:  # noqa: ANN401  # JSON
        answer = self.clients("s3").get_object(Bucket=self.report.bucket, Key=key)
        return json.loads(answer["Body"].read())

    def notifications(self, execution_id: str) -> list[str]:
        """Return the notifications about an execution: `success`, `failure`."""
        queues = self.clients("sqs")
        for kind, url in self.queues.items():
            while messages := queues.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            ).get("Messages"):
                for message in messages:
                    queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    self.notices.append((kind, json.loads(message["Body"])["Message"]))
        ends = (f":{execution_id}", f'/{execution_id}/"')
        return [
            kind
            for kind, text in self.notices
            if text.endswith(ends[0]) or ends[1] in text.replace('\\"', '"')
        ]

    def log(self, function: str, execution_id: str) -> list[dict[str, Any]]:
        """Return the lines that a function logged about an execution."""
        name = self.report.functions[function].rpartition(":")[2]
        pages = self.clients("logs").get_paginator("filter_log_events")
        lines = [
            event["message"]
            for page in pages.paginate(logGroupName=f"/aws/lambda/{name}")
            for event in page["events"]
        ]
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in parsed if line.get("execution_id") == execution_id]

    def metrics(self, function: str) -> list[dict[str, Any]]:
        """Return the metrics that a function wrote, in CloudWatch's embedded format."""
        name = self.report.functions[function].rpartition(":")[2]
        pages = self.clients("logs").get_paginator("filter_log_events")
        return [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName=f"/aws/lambda/{name}")
            for event in page["events"]
            if '"_aws"' in event["message"]
        ]


def deploy(
    cloud: str,
    artefacts: Artefacts,
    environment: str,
    settings: Mapping[str, FunctionSettings],
    variables: Mapping[str, str] | None = None,
) -> Deployment:
    """Deploy the report, and subscribe queues to its notifications."""
    clients = clients_of(cloud)
    report = Deployer(clients, artefacts, environment).region_report(
        settings,
        DEFINITION_FILE,
        variables={**VARIABLES, **(variables or {})},
        machine=MachineSettings(retry_interval_seconds=1),
    )
    queues = {}
    topics = {"success": report.success_topic_arn, "failure": report.failure_topic_arn}
    for kind, topic in topics.items():
        queues[kind] = clients("sqs").create_queue(QueueName=f"{environment}-{kind}")["QueueUrl"]
        attributes = clients("sqs").get_queue_attributes(
            QueueUrl=queues[kind], AttributeNames=["QueueArn"]
        )["Attributes"]
        clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return Deployment(clients, report, queues)
