from __future__ import annotations

from pathlib import Path

import pytest
from checkpoint_testing.cloud import (
    KEY,
    PREFIX,
    CheckpointCloud,
    minutes,
    name_of,
)

from checkpoint_lambda.schema import SCHEMA
from checkpoint_lambda.settings import CheckpointRequest
from lambda_testing.events import sample_events

EVENTS = sample_events(Path(__file__).parents[3] / "events")


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_events_are_valid(name: str) -> None:
    assert CheckpointRequest.parse(EVENTS[name]).source_bucket == "events"


def test_a_first_run_and_one_with_nothing_new(cloud: CheckpointCloud) -> None:
    for number in range(3):
        cloud.put(name_of(number), ptid=str(number), timestamp=minutes(5 - number))
    cloud.put(name_of(3), project_label="sandbox-form")
    cloud.put("log-delete-20240115.json", b"{")
    cloud.put("notes.txt", b"")
    answer = cloud.quiet()
    del answer["execution_time_ms"]
    balance = {"listed": 6, "other_names": 1, "in_checkpoint": 3, "filtered": 1, "rejected": 1}
    others = dict.fromkeys(["duplicates", "archived", "gone", "failed", "unsaved", "deferred"], 0)
    assert answer == {
        "statusCode": 200,
        "checkpoint_path": f"s3://{cloud.target}/{KEY}",
        "new_events_processed": 3,
        "total_events": 3,
        "events_failed": 1,
        "events_filtered": 1,
        "last_processed_timestamp": "2024-01-01T00:05:00+00:00",
        "complete": True,
        "balance": balance | others,
        "rows_without_object": 0,
        "details": {"failed_files": [f"{PREFIX}log-delete-20240115.json"], "error_count": 1},
    }
    frame = cloud.frame()
    assert dict(frame.schema) == SCHEMA
    assert frame["ptid"].to_list() == ["2", "1", "0"]
    assert frame["source_key"].to_list() == [PREFIX + name_of(n) for n in (2, 1, 0)]

    again = cloud.quiet()
    assert (again["new_events_processed"], again["total_events"]) == (0, 3)
    assert (again["events_failed"], again["events_filtered"]) == (0, 0)
    assert again["balance"] == answer["balance"]


def test_a_bucket_without_events(cloud: CheckpointCloud) -> None:
    answer = cloud.quiet()
    assert (answer["total_events"], answer["last_processed_timestamp"]) == (0, None)
    assert cloud.stored_keys() == []
