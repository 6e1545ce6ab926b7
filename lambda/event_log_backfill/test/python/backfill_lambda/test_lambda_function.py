from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from event_log_testing.cloud import KEY, PREFIX, CheckpointCloud, name_of, new_cloud

from backfill_lambda.lambda_function import (
    MARGIN_SECONDS,
    READ_SECONDS,
    REQUEST,
    handler,
)
from event_log.backfill import MergeRequest, ReadRequest
from event_log.reader import ReadLimits
from lambda_core.contracts import parse_event
from lambda_core.deadline import deadline
from lambda_core.errors import InvalidEventError
from lambda_testing.events import sample_events
from local_cloud.server import moto_server

pytest_plugins = ["lambda_testing.pytest_plugin"]

DEFINITION = Path(__file__).parents[5] / "terraform/stacks/event_log_checkpoint/backfill.asl.json"
EXPRESS_SECONDS = 300
"""https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html"""

EVENTS = sample_events(Path(__file__).parents[3] / "events")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a generator
    with moto_server() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        cloud = new_cloud(endpoint)
        monkeypatch.setenv("SOURCE_BUCKET", cloud.source)
        monkeypatch.setenv("CHECKPOINT_BUCKET", cloud.target)
        monkeypatch.setenv("CHECKPOINT_KEY", KEY)
        monkeypatch.setenv("PREFIX", PREFIX)
        yield cloud


def test_sample_events_are_valid() -> None:
    assert isinstance(parse_event(REQUEST, EVENTS["read.json"]), ReadRequest)
    assert isinstance(parse_event(REQUEST, EVENTS["merge.json"]), MergeRequest)


def test_read_and_merge_a_batch(cloud: CheckpointCloud) -> None:
    for number in range(3):
        cloud.put(name_of(number), ptid=str(number))
    cloud.put(name_of(3), b"{")
    items = [
        {
            "Etag": listed["ETag"],
            "Key": listed["Key"],
            "LastModified": int(listed["LastModified"].timestamp()),
            "Size": listed["Size"],
            "StorageClass": "STANDARD",
        }
        for listed in cloud.s3.list_objects_v2(Bucket=cloud.source)["Contents"]
    ]

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 60_000

    count = handler({"mode": "read", "execution_id": "e", "items": items}, Context())
    assert count | {"listed": 4, "rows": 3, "rejected": 1} == count
    result = handler({"mode": "merge", "execution_id": "e"}, None)
    assert result | {"parts": 1, "new_events": 3, "rejected": 1} == result
    assert cloud.ptids() == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "mode"),
        ({"mode": "write", "execution_id": "e"}, "write"),
        ({"mode": "merge"}, "execution_id: Field required"),
        ({"mode": "merge", "execution_id": "../evil"}, "execution_id: String should match"),
        ({"mode": "merge", "execution_id": "e/"}, "execution_id"),
        ({"mode": "merge", "execution_id": "e", "items": []}, "items: Extra inputs"),
        ({"mode": "read", "execution_id": "e", "items": []}, "items: List should have at least 1"),
        ({"mode": "read", "execution_id": "e", "items": [{"Key": "k"}]}, "Etag: Field required"),
    ],
)
def test_invalid_event(event: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEventError, match=message):
        handler(event, None)


def test_missing_environment_variable() -> None:
    with pytest.raises(InvalidEventError, match="source_bucket"):
        handler({"mode": "merge", "execution_id": "e"}, None)


@pytest.mark.parametrize(("left", "longest"), [(900.0, READ_SECONDS), (60.0, 45.0), (10.0, 5.0)])
def test_reading_stops_in_time(left: float, longest: float) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return int(left * 1000)

    end = deadline(Context(), MARGIN_SECONDS, at_most=READ_SECONDS)
    assert end is not None
    assert longest - 1 < end - time.monotonic() <= longest


def test_batch_can_be_tried_twice() -> None:
    (timeout,) = re.findall(
        r'"ReadBatch": .*?"TimeoutSeconds": (\d+)', DEFINITION.read_text(), re.DOTALL
    )
    longest = READ_SECONDS + ReadLimits().longest_seconds + MARGIN_SECONDS
    assert longest < int(timeout) < (EXPRESS_SECONDS - MARGIN_SECONDS) / 2
