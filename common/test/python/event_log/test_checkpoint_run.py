"""Runs with late, rewritten, repeated, broken, archived and deleted files."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from dataclasses import dataclass

import polars as pl
import pytest
from event_log_testing.cloud import (
    KEY,
    PREFIX,
    CheckpointCloud,
    event_json,
    minutes,
    name_of,
    new_cloud,
)
from polars.testing import assert_frame_equal

from event_log import checkpoint_file, plan, reader
from event_log.checkpoint_bucket import CheckpointBucket
from event_log.checkpoint_run import run_checkpoints
from event_log.layout import OneCheckpoint
from event_log.listing import Listing
from event_log.reader import EventReader, ReadLimits
from event_log.results import RunOptions
from event_log.schema import EVENT_COLUMNS
from lambda_core.s3 import S3Objects

REJECTED = "c/_events.rejected.parquet"
LEFT_OUT = "c/_events.left-out.parquet"

TEMPLATE = "g/{study}/{datatype}/events.parquet"


@pytest.fixture
def groups(aws_endpoint: str) -> CheckpointCloud:
    return new_cloud(aws_endpoint, checkpoint_key_template=TEMPLATE)


def copy_without_change(cloud: CheckpointCloud, key: str, ptid: str) -> None:
    """Upload the same content as a multipart upload, which has another ETag."""
    body = event_json(ptid=ptid)
    upload = cloud.s3.create_multipart_upload(Bucket=cloud.source, Key=key)["UploadId"]
    part = cloud.s3.upload_part(
        Bucket=cloud.source, Key=key, UploadId=upload, PartNumber=1, Body=body
    )
    cloud.s3.complete_multipart_upload(
        Bucket=cloud.source,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )


class TestObjectIdentity:
    def test_late_file_and_equal_timestamp(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), ptid="1", timestamp=minutes(5))
        cloud.quiet()
        cloud.put(name_of(2), ptid="2", timestamp=minutes(1))
        cloud.put(name_of(3), ptid="3", timestamp=minutes(5))
        assert cloud.quiet()["new_events_processed"] == 2
        assert cloud.frame()["ptid"].to_list() == ["2", "1", "3"]

    def test_timestamp_in_the_far_future_blocks_nothing(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), ptid="1", timestamp="2099-12-31T00:00:00Z")
        cloud.quiet()
        cloud.put(name_of(2), ptid="2")
        assert cloud.quiet()["new_events_processed"] == 1
        assert cloud.ptids() == ["1", "2"]

    def test_rewritten_file_adds_a_row(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), packet=None)
        cloud.quiet()
        cloud.put(name_of(1), packet="I")
        answer = cloud.quiet()
        assert (answer["new_events_processed"], answer["rows_without_object"]) == (1, 1)
        frame = cloud.frame().sort("packet", nulls_last=False)
        assert frame["packet"].to_list() == [None, "I"]
        assert frame["source_key"].n_unique() == 1
        assert frame["source_etag"].n_unique() == 2

    def test_same_content_again_adds_no_row_and_is_read_once(self, cloud: CheckpointCloud) -> None:
        key = cloud.put(name_of(1), ptid="1")
        cloud.quiet()
        cloud.put(name_of(1), ptid="1")
        assert cloud.quiet()["new_events_processed"] == 0
        copy_without_change(cloud, key, "1")
        for _ in range(2):
            answer = cloud.quiet()
            assert (answer["new_events_processed"], answer["balance"]["duplicates"]) == (0, 1)
        assert cloud.frame().height == 1
        assert cloud.frame(LEFT_OUT)["reason"].to_list() == ["duplicate"]

    def test_same_content_under_another_key_adds_a_row(self, cloud: CheckpointCloud) -> None:
        for number in (1, 2):
            cloud.put(name_of(number))
        assert cloud.quiet()["total_events"] == 2

    def test_row_of_a_deleted_file_stays(self, cloud: CheckpointCloud) -> None:
        key = cloud.put(name_of(1))
        cloud.quiet()
        cloud.s3.delete_object(Bucket=cloud.source, Key=key)
        answer = cloud.quiet()
        assert (answer["total_events"], answer["rows_without_object"]) == (1, 1)

    def test_keys_that_are_not_valid_paths(self, cloud: CheckpointCloud) -> None:
        ptids = ["/", "..", "a//b", "#?%41", "+&=", '"<>', "\\"]
        for ptid in ptids:
            cloud.put(f"log-submit-20240115-100000-42-form-{ptid}-01.json", ptid=ptid)
        assert cloud.quiet()["new_events_processed"] == len(ptids)
        assert cloud.ptids() == sorted(ptids)
        assert cloud.quiet()["new_events_processed"] == 0


class TestVersions:
    def test_overwritten_versions_are_read(self, cloud: CheckpointCloud) -> None:
        cloud.versioned()
        for packet in ("I", "F", "T"):
            cloud.put(name_of(1), packet=packet)
        assert cloud.quiet()["new_events_processed"] == 3
        frame = cloud.frame()
        assert sorted(frame["packet"]) == ["F", "I", "T"]
        assert frame["source_version_id"].n_unique() == 3
        assert cloud.quiet()["new_events_processed"] == 0

    def test_deleted_version_is_read_and_reverted_content_adds_no_row(
        self, cloud: CheckpointCloud
    ) -> None:
        cloud.versioned()
        for packet in ("I", "F", "I"):
            key = cloud.put(name_of(1), packet=packet)
        cloud.s3.delete_object(Bucket=cloud.source, Key=key)
        for _ in range(2):
            answer = cloud.quiet()
            assert answer["total_events"] == 2
            assert answer["balance"]["duplicates"] == 1
        rebuilt = cloud.frame()
        cloud.quiet(rebuild=True)
        assert_frame_equal(cloud.frame(), rebuilt)

    def test_bucket_with_suspended_versioning(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), packet="I")
        cloud.versioned()
        cloud.put(name_of(1), packet="F")
        cloud.s3.put_bucket_versioning(
            Bucket=cloud.source, VersioningConfiguration={"Status": "Suspended"}
        )
        assert cloud.quiet()["new_events_processed"] == 2

    def test_read_versions_never_reads_current_versions_only(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud.versioned()
        for packet in ("I", "F"):
            cloud.put(name_of(1), packet=packet)
        monkeypatch.setenv("READ_VERSIONS", "never")
        assert cloud.run()["balance"]["listed"] == 1


class TestRejections:
    def test_rejected_files_are_recorded_and_read_again_when_they_change(
        self, cloud: CheckpointCloud, caplog: pytest.LogCaptureFixture
    ) -> None:
        key = cloud.put(name_of(1), ptid="somebody's name")
        cloud.put(name_of(2), b"{")
        cloud.put(name_of(3), b" " * (1024 * 1024 + 1))
        answer = cloud.quiet()
        assert (answer["events_failed"], answer["balance"]["rejected"]) == (3, 3)
        rejected = cloud.frame(REJECTED)
        assert rejected["reason"].to_list() == ["schema", "json", "too_large"]
        assert rejected["source_key"].to_list() == [PREFIX + name_of(n) for n in (1, 2, 3)]
        assert rejected["errors"][0].startswith("ptid: ")
        assert rejected["noted_at"].null_count() == 0
        assert "somebody" not in caplog.text
        logged = [r for r in caplog.records if r.message == "An event file was rejected"]
        assert [vars(record)["source_key"] for record in logged] == rejected["source_key"].to_list()
        assert vars(logged[0])["validation_errors"] == [rejected["errors"][0]]

        caplog.clear()
        assert cloud.quiet()["events_failed"] == 0
        assert "was rejected" not in caplog.text
        assert_frame_equal(cloud.frame(REJECTED), rejected)
        cloud.put(name_of(1), ptid="1")
        answer = cloud.quiet()
        assert (answer["new_events_processed"], answer["balance"]["rejected"]) == (1, 2)
        assert key in cloud.frame()["source_key"]

    def test_retry_rejected_reads_them_again(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MAX_EVENT_BYTES", "10")
        cloud.put(name_of(1))
        cloud.put(name_of(2), b"{")
        assert cloud.quiet()["balance"]["rejected"] == 2
        monkeypatch.delenv("MAX_EVENT_BYTES")
        assert cloud.quiet()["new_events_processed"] == 0
        answer = cloud.quiet(retry_rejected=True)
        assert (answer["new_events_processed"], answer["events_failed"]) == (1, 1)
        assert cloud.frame(REJECTED)["source_key"].to_list() == [PREFIX + name_of(2)]

    def test_damaged_ledger_is_created_again(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), b"{")
        cloud.put(name_of(2), project_label="sandbox-x")
        cloud.quiet()
        for key in (REJECTED, LEFT_OUT):
            cloud.write(b"PAR1", key)
        answer = cloud.quiet()
        assert (answer["events_failed"], answer["events_filtered"]) == (1, 1)
        assert cloud.frame(REJECTED).height == cloud.frame(LEFT_OUT).height == 1

    def test_archived_file_is_neither_a_row_nor_rejected(self, cloud: CheckpointCloud) -> None:
        key = PREFIX + name_of(1)
        cloud.s3.put_object(
            Bucket=cloud.source, Key=key, Body=event_json(), StorageClass="DEEP_ARCHIVE"
        )
        for _ in range(2):
            answer = cloud.quiet()
            assert (answer["balance"]["archived"], answer["total_events"]) == (1, 0)
        cloud.put(name_of(1))
        assert cloud.quiet()["new_events_processed"] == 1

    def test_archived_checkpoint_is_an_error(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1))
        cloud.s3.put_object(Bucket=cloud.target, Key=KEY, Body=b"PAR1", StorageClass="DEEP_ARCHIVE")
        answer = cloud.run()
        assert (answer["statusCode"], answer["error"]) == (500, "CheckpointError")
        assert "InvalidObjectState" in answer["message"]
        assert cloud.stored_keys() == [KEY]


class TestDamageAndRebuild:
    def test_damaged_checkpoint_is_an_error_until_rebuilt(self, cloud: CheckpointCloud) -> None:
        for number in range(5):
            cloud.put(name_of(number), ptid=str(number), timestamp=minutes(-number))
        cloud.put(name_of(6), b"{")
        cloud.put(name_of(7), project_label="sandbox-x")
        cloud.quiet()
        before = cloud.frame()
        content = cloud.content()
        cloud.write(content[:-20])
        for _ in range(2):
            answer = cloud.run()
            assert (answer["statusCode"], answer["error"]) == (500, "DamagedCheckpointError")
            assert '"rebuild": true' in answer["message"]
        assert cloud.content() == content[:-20]
        (copy,) = [key for key in cloud.stored_keys() if "damaged" in key]
        assert cloud.content(copy) == content[:-20]
        answer = cloud.quiet(rebuild=True)
        assert (answer["new_events_processed"], answer["events_failed"]) == (5, 1)
        assert_frame_equal(cloud.frame(), before)
        assert cloud.quiet()["balance"] == answer["balance"]

    def test_rebuild_keeps_rows_without_object(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), packet="I")
        key = cloud.put(name_of(2), ptid="2")
        cloud.quiet()
        cloud.put(name_of(1), packet="F")
        cloud.s3.delete_object(Bucket=cloud.source, Key=key)
        cloud.quiet()
        before = cloud.frame()
        answer = cloud.quiet(rebuild=True)
        assert (answer["new_events_processed"], answer["rows_without_object"]) == (0, 2)
        assert_frame_equal(cloud.frame(), before, check_row_order=False)
        assert [key for key in cloud.stored_keys() if "replaced" in key]

    def test_deleted_checkpoint_is_created_again(self, cloud: CheckpointCloud) -> None:
        for number in range(3):
            cloud.put(name_of(number))
        cloud.quiet()
        before = cloud.frame()
        cloud.s3.delete_object(Bucket=cloud.target, Key=KEY)
        assert cloud.quiet()["new_events_processed"] == 3
        assert_frame_equal(cloud.frame(), before)

    def test_damage_inside_a_row_group(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1))
        cloud.quiet()
        content = bytearray(cloud.content())
        content[4:200] = bytes(196)
        cloud.write(bytes(content))
        cloud.put(name_of(2))
        answer = cloud.run()
        assert answer["error"] == "DamagedCheckpointError"
        assert cloud.quiet(rebuild=True)["total_events"] == 2

    def test_merge_across_row_groups(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkpoint_file, "ROW_GROUP", 4)
        expected: list[str] = []
        for turn in range(4):
            for number in range(turn * 10, turn * 10 + 10):
                moment = minutes(number * 37 % 41)
                cloud.put(name_of(number), ptid=str(number), timestamp=moment)
                expected.append(str(number))
            assert cloud.quiet()["new_events_processed"] == 10
            frame = cloud.frame()
            assert sorted(frame["ptid"]) == sorted(expected)
            assert frame["timestamp"].is_sorted()
        content = io.BytesIO(cloud.content())
        early = pl.scan_parquet(content).slice(4, 4).collect()
        assert_frame_equal(early, frame.slice(4, 4))


class TestAdoption:
    @pytest.fixture
    def public(self, cloud: CheckpointCloud) -> CheckpointCloud:
        """A checkpoint of the public implementation, without a new file and with an old version."""
        cloud.put(name_of(1), ptid="1", packet=None)
        cloud.put(name_of(2), ptid="2")
        cloud.put(name_of(3), ptid="3", project_label="sandbox-x")
        cloud.quiet()
        columns = cloud.frame().select(EVENT_COLUMNS)
        sandbox = columns.head(1).with_columns(project_label=pl.lit("sandbox-y"))
        cloud.write(pl.concat([columns, sandbox]))
        cloud.put(name_of(1), ptid="1", packet="I")
        cloud.put(name_of(4), ptid="4", timestamp=minutes(-99))
        return cloud

    def test_adoption_keeps_events_that_no_file_contains(self, public: CheckpointCloud) -> None:
        answer = public.quiet()
        assert (answer["total_events"], answer["rows_without_object"]) == (4, 1)
        frame = public.frame()
        without = frame.filter(pl.col("source_key").is_null())
        assert without.select("ptid", "packet").rows() == [("1", None)]
        assert public.ptids() == ["1", "1", "2", "4"]
        assert frame["timestamp"].is_sorted()
        assert [key for key in public.stored_keys() if "replaced" in key]
        assert public.quiet()["new_events_processed"] == 0
        assert public.quiet(rebuild=True)["total_events"] == 4

    def test_adoption_requires_a_run_that_reads_everything(
        self, public: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = public.content()
        monkeypatch.setenv("MAX_OBJECTS_PER_RUN", "1")
        answer = public.run()
        assert (answer["statusCode"], answer["error"]) == (500, "AdoptionError")
        assert "2 could not be read now" in answer["message"]
        monkeypatch.delenv("MAX_OBJECTS_PER_RUN")
        monkeypatch.setenv("LOOK_BACK_DAYS", "100000")
        assert '"full": true' in public.run()["message"]
        assert public.content() == before
        assert public.quiet(full=True)["total_events"] == 4


class TestGroups:
    def test_each_group_has_its_own_checkpoint_and_state(self, groups: CheckpointCloud) -> None:
        groups.put(name_of(1), ptid="1", timestamp=minutes(9))
        groups.put(name_of(2), ptid="2", datatype="dicom", module=None)
        groups.put(name_of(3), ptid="3", project_label="sandbox-x")
        groups.put(name_of(4), b"{")
        answer = groups.quiet()
        assert (answer["groups_processed"], answer["groups_failed"]) == (2, 0)
        keys = ["g/adrc/dicom/events.parquet", "g/adrc/form/events.parquet"]
        assert answer["successful_groups"] == [
            {"study": "adrc", "datatype": kind, "events": 1, "checkpoint_key": key}
            for kind, key in zip(("dicom", "form"), keys, strict=True)
        ]
        assert answer["failed_groups"] == []
        assert answer["checkpoint_path"] == f"s3://{groups.target}/{TEMPLATE}"
        assert [groups.ptids(key) for key in keys] == [["2"], ["1"]]
        # Older than every event in either group.
        groups.put(name_of(5), ptid="5", timestamp=minutes(-9))
        answer = groups.quiet()
        assert [saved["events"] for saved in answer["successful_groups"]] == [0, 1]
        assert groups.quiet()["new_events_processed"] == 0

    @pytest.mark.parametrize("study", ["../../evil", "a b", "ü/%2F", "..", "_all", "a.b~c"])
    def test_every_study_has_its_own_key(self, groups: CheckpointCloud, study: str) -> None:
        groups.put(name_of(1), study=study)
        groups.put(name_of(2))
        for _ in range(2):
            answer = groups.quiet()
            assert answer["total_events"] == 2
            assert {saved["study"] for saved in answer["successful_groups"]} == {study, "adrc"}
        assert all(key.startswith("g/") and ".." not in key for key in groups.stored_keys())

    def test_study_too_long_for_a_key_is_rejected(self, groups: CheckpointCloud) -> None:
        groups.put(name_of(1), study="ü" * 400)
        groups.put(name_of(2))
        answer = groups.quiet()
        assert (answer["total_events"], answer["balance"]["rejected"]) == (1, 1)
        rejected = groups.frame("g/_all/_all/_events.rejected.parquet")
        assert rejected["reason"].to_list() == ["group"]

    def test_damaged_group_does_not_stop_others_and_loses_nothing(
        self, groups: CheckpointCloud
    ) -> None:
        groups.put(name_of(1), ptid="1")
        groups.put(name_of(2), ptid="2", datatype="gwas", module=None)
        groups.quiet()
        groups.write(b"broken", "g/adrc/form/events.parquet")
        groups.put(name_of(3), ptid="3")
        groups.put(name_of(4), ptid="4", datatype="gwas", module=None)
        answer = groups.run()
        assert (answer["statusCode"], answer["groups_failed"]) == (207, 1)
        (failed,) = answer["failed_groups"]
        assert (failed["study"], failed["datatype"]) == ("adrc", "form")
        assert "is damaged" in failed["error"]
        assert answer["balance"]["unsaved"] == 2
        assert sum(answer["balance"].values()) == 2 * answer["balance"]["listed"]
        assert groups.ptids("g/adrc/gwas/events.parquet") == ["2", "4"]
        groups.quiet(rebuild=True)
        assert groups.ptids("g/adrc/form/events.parquet") == ["1", "3"]
        assert groups.quiet()["new_events_processed"] == 0

    def test_all_groups_fail(self, groups: CheckpointCloud) -> None:
        groups.put(name_of(1))
        groups.quiet()
        groups.write(b"broken", "g/adrc/form/events.parquet")
        answer = groups.run()
        assert (answer["statusCode"], answer["error"]) == (500, "GroupsFailed")
        assert answer["failed_groups"]


@dataclass(frozen=True)
class Context:
    """Lambda's remaining time."""

    milliseconds: int

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class TestLimits:
    def test_look_back_days_limits_the_listing(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud.put(name_of(1, day="20240115"), ptid="1")
        cloud.put(name_of(2, "not-pass-qc", "20991231"), ptid="2")
        cloud.put("log-delete-20991231.json", ptid="3")
        monkeypatch.setenv("LOOK_BACK_DAYS", "30")
        answer = cloud.run()
        assert answer["new_events_processed"] == answer["balance"]["listed"] == 2
        assert "rows_without_object" not in answer
        assert cloud.ptids() == ["2", "3"]
        assert cloud.quiet(full=True)["new_events_processed"] == 1
        assert cloud.ptids() == ["1", "2", "3"]

    def test_look_back_days_limits_the_listing_of_versions(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud.versioned()
        for packet in ("I", "F"):
            cloud.put(name_of(1, day="20240115"), packet=packet)
            cloud.put(name_of(1, day="20991231"), packet=packet)
        monkeypatch.setenv("LOOK_BACK_DAYS", "30")
        assert cloud.run()["new_events_processed"] == 2

    def test_max_objects_per_run_defers_the_rest(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(5):
            cloud.put(name_of(number))
        monkeypatch.setenv("MAX_OBJECTS_PER_RUN", "2")
        counts = []
        for _ in range(4):
            answer = cloud.quiet()
            counts.append((answer["new_events_processed"], answer["complete"]))
        assert counts == [(2, False), (2, False), (1, True), (0, True)]

    def test_run_without_time_reads_nothing_and_is_incomplete(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1))
        cloud.context = Context(milliseconds=0)
        answer = cloud.run()
        assert (answer["statusCode"], answer["complete"]) == (200, False)
        assert "rows_without_object" not in answer
        cloud.context = None
        assert cloud.quiet()["new_events_processed"] == 1

    def test_slow_listing_does_not_lose_what_was_read(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each check of the clock takes a second, so time runs out after one file."""
        for number in range(5):
            cloud.put(name_of(number), ptid=str(number))
        # Read each file before the next one is listed.
        monkeypatch.setattr(plan, "_LOOK_UP", 1)
        monkeypatch.setattr(reader, "_WINDOW", 1)
        limits = ReadLimits(concurrency=1)
        seconds = itertools.count()
        files = EventReader(cloud.s3, cloud.source, limits, clock=lambda: float(next(seconds)))
        result = run_checkpoints(
            Listing(S3Objects(cloud.s3, cloud.source), PREFIX, since=None, versions=False),
            files,
            CheckpointBucket(cloud.s3, cloud.target, OneCheckpoint(KEY)),
            RunOptions(deadline=3.0),
            now=dt.datetime.now(dt.UTC),
        )
        assert not result.listed_all
        assert result.rows_without_object is None
        assert (result.balance.listed, result.balance.deferred) == (2, 1)
        assert cloud.ptids() == ["0"]
        assert cloud.quiet()["total_events"] == 5

    def test_incomplete_listing_prevents_adoption(self, cloud: CheckpointCloud) -> None:
        cloud.put(name_of(1), ptid="1")
        cloud.quiet()
        cloud.write(cloud.frame().select(EVENT_COLUMNS))
        content = cloud.content()
        cloud.context = Context(milliseconds=0)
        answer = cloud.run()
        assert (answer["statusCode"], answer["error"]) == (500, "AdoptionError")
        assert "not enough time to list them" in answer["message"]
        assert cloud.content() == content
