"""The backfill's state machine with the packaged functions and failing children."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from artefacts.function_settings import FunctionSettings
from artefacts.repository import Artefacts, architecture
from local_cloud.clients import Clients
from run_local.deployer import Deployer
from run_local.event_log.backfill import (
    DEFINITION_FILE,
    Backfill,
    BackfillSettings,
    deploy_backfill,
)
from run_local.event_log.demonstration import CHECKPOINT_KEY, PREFIX, REJECTED_KEY
from run_local.event_log.event_files import EventFile, Kind, generate_rounds
from run_local.region_report import history

FILES = 60

BATCH = 10

END_SECONDS = 200.0

WRAPPER = '''
"""The function, which fails if an object in the checkpoint bucket says so."""

import os

import boto3

from backfill_lambda.lambda_function import handler as real

_s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
_bucket = os.environ["CHECKPOINT_BUCKET"]


def handler(event, context):
    for item in event.get("items", ()):
        key = "faults/" + item["Key"].rpartition("/")[2]
        if _s3.list_objects_v2(Bucket=_bucket, Prefix=key)["KeyCount"]:
            times = int(_s3.get_object(Bucket=_bucket, Key=key)["Body"].read())
            if times > 0:
                _s3.put_object(Bucket=_bucket, Key=key, Body=str(times - 1))
                raise RuntimeError("failure requested by a test")
    return real(event, context)
'''


class WrappedArtefacts(Artefacts):
    """The packages, with a test handler around that of the backfill."""

    def function(self, name: str) -> bytes:
        """Return the package of a function; that of the backfill has another entry point."""
        content = super().function(name)
        if name != "event_log_backfill":
            return content
        wrapped = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as real,
            zipfile.ZipFile(wrapped, "w") as archive,
        ):
            for entry in real.infolist():
                if entry.filename != "lambda_function.py":
                    archive.writestr(entry, real.read(entry))
            archive.writestr("lambda_function.py", WRAPPER)
        return wrapped.getvalue()


@dataclass
class Deployment:
    """The deployed backfill and its event files."""

    clients: Clients
    backfill: Backfill
    files: list[EventFile]

    def fail(self, name: str, times: int) -> None:
        """Make the child that reads a file fail."""
        self.clients("s3").put_object(
            Bucket=self.backfill.target, Key=f"faults/{name}", Body=str(times)
        )

    def run(self, name: str) -> dict[str, Any]:
        """Run an execution; returns its final description."""
        machines = self.clients("stepfunctions")
        arn = machines.start_execution(
            stateMachineArn=self.backfill.state_machine_arn, name=name, input="{}"
        )["executionArn"]
        deadline = time.monotonic() + END_SECONDS
        while (described := machines.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{arn} does not end"
            time.sleep(0.1)
        return dict(described)

    def entered(self, arn: str) -> list[str]:
        """Return the states that an execution entered, in order."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in history(self.clients, arn)
            if "stateEnteredEventDetails" in event
        ]

    def frame(self, key: str = CHECKPOINT_KEY) -> pl.DataFrame:
        answer = self.clients("s3").get_object(Bucket=self.backfill.target, Key=key)
        return pl.read_parquet(answer["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        found = self.clients("s3").list_objects_v2(Bucket=self.backfill.target, Prefix=prefix)
        return [file["Key"] for file in found.get("Contents", ())]

    def kinds(self, kind: Kind) -> set[str]:
        return {f"{PREFIX}{file.key}" for file in self.files if file.kind is kind}


@pytest.fixture
def deployed(
    cloud: Clients, packages: Path, settings: dict[str, FunctionSettings]
) -> Callable[..., Deployment]:
    """Deploy the backfill with generated event files."""

    def deploy(variables: dict[str, str] | None = None, **chosen: int) -> Deployment:
        backfill = deploy_backfill(
            Deployer(cloud, WrappedArtefacts(packages, architecture())),
            settings,
            DEFINITION_FILE,
            BackfillSettings(
                max_items_per_batch=BATCH,
                max_concurrency=2,
                retry_interval_seconds=1,
                **chosen,
            ),
            variables,
        )
        rounds = generate_rounds(FILES)
        files = [*rounds.first, *(file for file in rounds.second if file.kind is Kind.BROKEN)]
        s3 = cloud("s3")
        for file in files:
            s3.put_object(Bucket=backfill.source, Key=f"{PREFIX}{file.key}", Body=file.read())
        return Deployment(cloud, backfill, files)

    return deploy


def test_backfill_reads_every_file_once(deployed: Callable[..., Deployment]) -> None:
    deployment = deployed()
    # One child fails once and is retried.
    deployment.fail(deployment.files[0].key, 1)
    ended = deployment.run("all")
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    events = deployment.kinds(Kind.EVENT)
    assert output["merged"]["result"]["new_events"] == len(events)
    answer = output["caught_up"]["result"]
    assert (answer["new_events_processed"], answer["events_filtered"]) == (0, 0)
    assert answer["balance"]["listed"] == len(deployment.files)
    assert answer["balance"] | {"in_checkpoint": len(events)} == answer["balance"]

    made = deployment.frame()
    assert sorted(made["source_key"]) == sorted(events)
    assert made["timestamp"].is_sorted()
    assert set(deployment.frame(REJECTED_KEY)["source_key"]) == deployment.kinds(Kind.BROKEN)
    batches = -(-len(deployment.files) // BATCH)
    assert len(deployment.keys("backfill/all/rows/")) <= batches
    assert len(deployment.keys("backfill/results/")) == 1, "the results of the map"


def test_files_of_failed_children_are_read_after_the_merge(
    deployed: Callable[..., Deployment],
) -> None:
    # A limit so low that a single run cannot read everything.
    deployment = deployed({"MAX_OBJECTS_PER_RUN": "4"}, tolerated_failure_percentage=20)
    deployment.fail(deployment.files[0].key, 1_000)
    ended = deployment.run("tolerant")
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    events = deployment.kinds(Kind.EVENT)
    caught_up = output["caught_up"]["result"]
    assert output["merged"]["result"]["new_events"] < len(events)
    assert caught_up["balance"]["in_checkpoint"] == len(events)
    assert deployment.entered(ended["executionArn"]).count("CatchUp") > 1
    assert sorted(deployment.frame()["source_key"]) == sorted(events)


def test_too_many_failed_children_fail_the_backfill_before_anything_is_written(
    deployed: Callable[..., Deployment],
) -> None:
    deployment = deployed(tolerated_failure_percentage=5)
    deployment.fail(deployment.files[0].key, 1_000)
    ended = deployment.run("strict")
    assert (ended["status"], ended["error"]) == (
        "FAILED",
        "States.ExceedToleratedFailureThreshold",
    )
    assert deployment.keys("checkpoints/") == []

    # Without the fault, another execution succeeds.
    deployment.fail(deployment.files[0].key, 0)
    again = deployment.run("again")
    assert again["status"] == "SUCCEEDED", again
    assert deployment.frame().height == len(deployment.kinds(Kind.EVENT))


def test_damaged_checkpoint_fails_the_backfill(deployed: Callable[..., Deployment]) -> None:
    deployment = deployed()
    # A file that is not Parquet is never overwritten.
    deployment.clients("s3").put_object(
        Bucket=deployment.backfill.target, Key=CHECKPOINT_KEY, Body=b"something else"
    )
    ended = deployment.run("damaged")
    assert (ended["status"], ended["error"]) == ("FAILED", "DamagedCheckpointError")
    assert CHECKPOINT_KEY in ended["cause"]
