from __future__ import annotations

import datetime as dt
import logging
import os

import pytest
from event_log_testing.cloud import EVENT, PREFIX, CheckpointCloud, minutes, name_of

from event_log import rows, s3_retriever
from event_log.models import VisitEvent
from event_log.reader import ReadLimits
from event_log.s3_retriever import S3EventRetriever
from lambda_core.errors import ConfigurationError
from lambda_core.s3 import ObjectNotFoundError, S3Error

BEGINNING = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - as callers pass it


@pytest.fixture
def retriever(cloud: CheckpointCloud) -> S3EventRetriever:
    return S3EventRetriever(cloud.source, PREFIX)


def test_only_event_files_are_listed(cloud: CheckpointCloud, retriever: S3EventRetriever) -> None:
    keys = {cloud.put(name_of(1)), cloud.put("log-delete-20240115.json")}
    cloud.put("notes.txt")
    cloud.put("old/" + name_of(2))
    assert set(retriever.list_event_files()) == keys
    assert S3EventRetriever(cloud.source, "elsewhere/").list_event_files() == []
    with pytest.raises(S3Error, match="NoSuchBucket"):
        S3EventRetriever("no-such-bucket").list_event_files()


def test_retrieve_event_returns_the_file_unchanged(
    cloud: CheckpointCloud, retriever: S3EventRetriever
) -> None:
    key = cloud.put(name_of(1), more={"any": [1, None]})
    assert retriever.retrieve_event(key) == EVENT | {"more": {"any": [1, None]}}
    with pytest.raises(ObjectNotFoundError):
        retriever.retrieve_event("nothing")
    with pytest.raises(ValueError, match="does not contain a JSON object"):
        retriever.retrieve_event(cloud.put(name_of(2), b"[1]"))


def test_only_events_newer_than_the_cutoff(cloud: CheckpointCloud) -> None:
    since = S3EventRetriever(cloud.source, since_timestamp=BEGINNING)
    for minute, expected in ((-1, False), (0, False), (1, True)):
        event = VisitEvent.model_validate(EVENT | {"timestamp": minutes(minute)})
        assert since.should_process_event(event) is expected
        assert S3EventRetriever(cloud.source).should_process_event(event) is True


def test_bad_files_do_not_stop_good_ones(
    cloud: CheckpointCloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cloud.put(name_of(1), ptid="1", timestamp=minutes(1))
    cloud.put(name_of(2), ptid="2", timestamp=minutes(-1))
    cloud.put(name_of(3), ptid="not one")
    cloud.put(name_of(4), b"\xff")
    cloud.put(name_of(5), b" " * 2000)
    retriever = S3EventRetriever(cloud.source, PREFIX, BEGINNING, limits=ReadLimits(1000))
    events, errors = retriever.retrieve_and_validate_events()
    assert [event.ptid for event in events] == ["1"]
    assert [error["source_key"] for error in errors] == [PREFIX + name_of(n) for n in (3, 4, 5)]
    assert [error["errors"][0].partition(":")[0] for error in errors] == [
        "ptid",
        "not UTF-8",
        "2000 bytes; the limit is 1000",
    ]
    warnings = [vars(record) for record in caplog.records if record.levelno == logging.WARNING]
    assert [(warning["source_key"], warning["validation_errors"]) for warning in warnings] == [
        (error["source_key"], error["errors"]) for error in errors
    ]
    assert "not one" not in caplog.text
    assert vars(caplog.records[-1])["events"] == 1


def test_archived_file_is_reported(cloud: CheckpointCloud, retriever: S3EventRetriever) -> None:
    key = cloud.put(name_of(1))
    cloud.s3.put_object(Bucket=cloud.source, Key=key, Body=b"{}", StorageClass="GLACIER")
    events, errors = retriever.retrieve_and_validate_events()
    assert events == []
    assert errors[0]["source_key"] == key
    assert errors[0]["errors"][0].startswith("archived: ")


def test_missing_credentials_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    retriever = S3EventRetriever("any-bucket")
    with pytest.raises(ConfigurationError, match="no AWS credentials to read events"):
        retriever.retrieve_and_validate_events()


def test_creating_a_retriever_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not even call the instance metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a client or reader was created")

    monkeypatch.setattr("lambda_core.aws.client", fail)
    monkeypatch.setattr(s3_retriever, "EventReader", fail)
    event = VisitEvent.model_validate(EVENT)
    assert S3EventRetriever("any-bucket").should_process_event(event)


def test_rows_are_collected_in_chunks(
    cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_CHUNK", 2)
    for number in range(5):
        cloud.put(name_of(number), ptid=str(number))
    cloud.quiet()
    assert cloud.ptids() == list("01234")
