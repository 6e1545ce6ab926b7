"""Backfill: reading into parts and merging them, in any order and repeatedly."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from botocore.exceptions import ClientError
from event_log_testing.cloud import KEY, PREFIX, CheckpointCloud, minutes, name_of, new_cloud

from event_log.backfill import BatchRead, ListedObject, PartsMerged, merge_parts, read_batch
from event_log.checkpoint_bucket import CheckpointBucket
from event_log.errors import (
    AdoptionError,
    CheckpointConflictError,
    CheckpointError,
    DamagedCheckpointError,
)
from event_log.layout import GroupedCheckpoints, Layout, OneCheckpoint
from event_log.reader import EventReader
from event_log.schema import EVENT_COLUMNS, SCHEMA

NOW = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)

ONE = OneCheckpoint(KEY)

REJECTED_KEY = "c/_events.rejected.parquet"


def listing(cloud: CheckpointCloud) -> list[dict[str, Any]]:
    """List the event files as Step Functions does."""
    pages = cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=cloud.source, Prefix=PREFIX)
    return [
        {
            "Etag": item["ETag"],
            "Key": item["Key"],
            "LastModified": int(item["LastModified"].timestamp()),
            "Size": item["Size"],
            "StorageClass": "STANDARD",
        }
        for page in pages
        for item in page.get("Contents", [])
    ]


def read(
    cloud: CheckpointCloud,
    items: list[dict[str, Any]],
    layout: Layout = ONE,
    **options: Any,  # noqa: ANN401 - those of read_batch
) -> BatchRead:
    return read_batch(
        "run-1",
        [ListedObject.model_validate(item) for item in items],
        reader=EventReader(cloud.s3, cloud.source),
        checkpoints=CheckpointBucket(cloud.s3, cloud.target, layout),
        prefix=PREFIX,
        now=NOW,
        **options,
    )


@pytest.fixture
def merged(cloud: CheckpointCloud, tmp_path: Path) -> Callable[..., PartsMerged]:
    """Merge the parts."""

    def merge(layout: Layout = ONE, execution_id: str = "run-1", **options: int) -> PartsMerged:
        return merge_parts(
            execution_id,
            checkpoints=CheckpointBucket(cloud.s3, cloud.target, layout),
            now=NOW,
            folder=tmp_path,
            **options,
        )

    return merge


def fill(cloud: CheckpointCloud, files: int = 30) -> None:
    """Upload events in random order, and files that do not become rows."""
    chance = random.Random(1)  # noqa: S311 - not used for security
    for number in range(files):
        cloud.put(name_of(number), ptid=str(number), timestamp=minutes(chance.randrange(1000)))
    cloud.put(name_of(100), project_label="sandbox-form")
    cloud.put(name_of(101), b"{")
    cloud.put(name_of(102), ptid="")
    cloud.put("notes.txt", b"x")


def rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    columns = [name for name in SCHEMA if name != "source_last_modified"]
    return sorted(frame.select(columns).rows(), key=str)


def test_backfill_gives_the_same_result_as_a_run(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud)
    items = listing(cloud)
    random.Random(2).shuffle(items)  # noqa: S311 - not used for security
    counts = [read(cloud, items[start : start + 7]) for start in range(0, len(items), 7)]
    for count in counts:
        parts = count.model_dump()
        assert parts.pop("listed") == sum(parts.values())
    result = merged(rows_at_once=10)
    assert (result.rows, result.new_events, result.checkpoints) == (30, 30, 1)
    assert (result.rejected, result.filtered) == (2, 1)
    made, rejected = cloud.frame(), cloud.frame(REJECTED_KEY)
    assert dict(made.schema) == SCHEMA
    assert made["timestamp"].is_sorted()

    # The next run knows every object.
    answer = cloud.quiet()
    assert (answer["new_events_processed"], answer["events_failed"]) == (0, 0)
    assert answer["events_filtered"] == 0, "no file was read again"
    assert (
        answer["balance"] | {"in_checkpoint": 30, "rejected": 2, "filtered": 1}
        == (answer["balance"])
    )

    other = new_cloud(cloud.s3.meta.endpoint_url)
    other.event["source_bucket"] = cloud.source
    assert other.run()["new_events_processed"] == 30
    assert rows(other.frame()) == rows(made)
    columns = ("source_key", "source_etag", "reason", "errors")
    assert rejected.select(columns).equals(other.frame(REJECTED_KEY).select(columns))


def test_every_step_can_be_repeated(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud, 10)
    items = listing(cloud)
    for _ in range(2):
        read(cloud, items[:5])
        read(cloud, items[5:])
    keys = cloud.stored_keys()
    assert len([key for key in keys if "/rows/" in key]) == 2
    assert merged().new_events == 10
    content = cloud.content()
    again = merged()
    assert (again.rows, again.new_events) == (10, 0)
    assert cloud.content() == content, "an unchanged checkpoint is not written"


def test_next_run_reads_what_a_child_did_not_read(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud, 12)
    items = listing(cloud)
    read(cloud, items[:8])
    merged()
    before = cloud.frame().height
    assert 0 < before < 12
    answer = cloud.quiet()
    assert answer["new_events_processed"] == 12 - before
    assert answer["total_events"] == 12


def test_existing_rows_stay_and_are_not_duplicated(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud, 6)
    cloud.quiet()
    gone = cloud.put(name_of(50), ptid="gone")
    cloud.quiet()
    cloud.s3.delete_object(Bucket=cloud.source, Key=gone)
    cloud.put(name_of(51), ptid="new")
    read(cloud, listing(cloud))
    result = merged()
    assert (result.rows, result.new_events) == (7, 1)
    assert cloud.ptids() == sorted([*map(str, range(6)), "gone", "new"])


def test_groups_have_separate_checkpoints_and_fail_independently(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    layout = GroupedCheckpoints("g/{study}/{datatype}.parquet")
    cloud.put(name_of(1), ptid="1")
    cloud.put(name_of(2), ptid="2", datatype="dicom", module=None)
    cloud.put(name_of(3), ptid="3", study="../../evil")
    cloud.put(name_of(4), ptid="4", study="x" * 2000)
    cloud.write(b"no parquet", "g/adrc/form.parquet")
    read(cloud, listing(cloud), layout)
    with pytest.raises(DamagedCheckpointError, match=r"g/adrc/form\.parquet"):
        merged(layout, rows_at_once=1)
    assert cloud.ptids("g/adrc/dicom.parquet") == ["2"]
    assert cloud.ptids("g/%2E%2E%2F%2E%2E%2Fevil/form.parquet") == ["3"]
    rejected = cloud.frame(layout.sidecar("rejected"))
    assert rejected["reason"].to_list() == ["group"]

    cloud.s3.delete_object(Bucket=cloud.target, Key="g/adrc/form.parquet")
    result = merged(layout)
    assert (result.checkpoints, result.new_events) == (3, 1)
    assert cloud.ptids("g/adrc/form.parquet") == ["1"]


def test_merge_rejects_a_checkpoint_without_source_columns(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud, 3)
    read(cloud, listing(cloud))
    cloud.quiet()
    cloud.write(cloud.frame().select(EVENT_COLUMNS))
    content = cloud.content()
    with pytest.raises(AdoptionError, match="regular run"):
        merged()
    assert cloud.content() == content


def test_merge_does_not_overwrite_a_concurrent_change(
    cloud: CheckpointCloud,
    merged: Callable[..., PartsMerged],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(cloud, 4)
    items = listing(cloud)
    read(cloud, items)
    late = {"done": False}

    # Another run writes between our read and our write, once.
    def interfere(**_: object) -> None:
        if not late["done"]:
            late["done"] = True
            cloud.put(name_of(60), ptid="other")
            cloud.quiet()

    cloud.s3.meta.events.register("before-call.s3.PutObject", interfere)
    try:
        with pytest.raises(CheckpointConflictError):
            merged()
    finally:
        cloud.s3.meta.events.unregister("before-call.s3.PutObject", interfere)
    assert "other" in cloud.ptids()
    assert merged().new_events == 0
    assert cloud.frame().height == 5


def test_unreadable_objects_are_counted(cloud: CheckpointCloud) -> None:
    fill(cloud, 3)
    items = listing(cloud)
    cloud.s3.delete_object(Bucket=cloud.source, Key=items[0]["Key"])
    count = read(cloud, items)
    assert (count.gone, count.rows) == (1, 2)
    assert read(cloud, items, deadline=0.0).deferred == 6


def test_same_content_again_adds_no_row(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    cloud.put(name_of(1))
    cloud.quiet()
    etag = cloud.frame()["source_etag"][0]
    # A multipart upload gives the same content another ETag.
    part = cloud.frame().with_columns(source_etag=pl.lit(f"{etag}-1"))
    cloud.write(part, "backfill/run-1/rows/x.parquet")
    result = merged()
    assert (result.rows, result.new_events) == (1, 0)
    left_out = cloud.frame("c/_events.left-out.parquet")
    assert left_out.select("source_etag", "reason").rows() == [(f"{etag}-1", "duplicate")]


def test_execution_without_parts_adds_nothing(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    result = merged(execution_id="run-10")
    assert result == PartsMerged(
        parts=0, rows=0, checkpoints=0, new_events=0, rejected=0, filtered=0
    )
    assert cloud.stored_keys() == []


def test_parts_of_other_executions_are_ignored(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud, 3)
    read(cloud, listing(cloud))
    assert merged(execution_id="run").parts == 0
    assert merged(execution_id="run-1").parts == 1


def test_unreadable_checkpoint_is_not_treated_as_missing(
    cloud: CheckpointCloud, merged: Callable[..., PartsMerged]
) -> None:
    fill(cloud, 3)
    read(cloud, listing(cloud))

    def refuse(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith(f"/{KEY}"):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    cloud.s3.meta.events.register("before-call.s3.GetObject", refuse)
    with pytest.raises(CheckpointError, match="could not be read"):
        merged()
    cloud.s3.meta.events.unregister("before-call.s3.GetObject", refuse)
    keys = cloud.stored_keys()
    assert KEY not in keys
