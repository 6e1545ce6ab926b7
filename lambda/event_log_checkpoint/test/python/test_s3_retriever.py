from __future__ import annotations

import datetime as dt
import logging

import pytest
from event_log_testing.cloud import EVENT, PREFIX, CheckpointCloud, minutes, name_of

from event_log import rows
from event_log.models import VisitEvent
from event_log.reader import ReadLimits
from event_log.s3_retriever import S3EventRetriever
from lambda_core.errors import ConfigurationError
from lambda_core.s3 import ObjectNotFoundError, S3Error

BEGINNING = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - as callers give it


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


def test_a_file_comes_as_it_is(cloud: CheckpointCloud, retriever: S3EventRetriever) -> None:
    key = cloud.put(name_of(1), more={"any": [1, None]})
    assert retriever.retrieve_event(key) == EVENT | {"more": {"any": [1, None]}}
    with pytest.raises(ObjectNotFoundError):
        retriever.retrieve_event("nothing")
    with pytest.raises(ValueError, match="holds no JSON object"):
        retriever.retrieve_event(cloud.put(name_of(2), b"[1]"))


def test_newer_than_the_cutoff(cloud: CheckpointCloud) -> None:
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
        "2000 bytes; an event has at most 1000",
    ]
    told = [vars(record) for record in caplog.records if record.levelno == logging.WARNING]
    assert [(one["source_key"], one["validation_errors"]) for one in told] == [
        (error["source_key"], error["errors"]) for error in errors
    ]
    assert "not one" not in caplog.text
    assert vars(caplog.records[-1])["events"] == 1


def test_an_archived_file_is_told(cloud: CheckpointCloud, retriever: S3EventRetriever) -> None:
    key = cloud.put(name_of(1))
    cloud.s3.put_object(Bucket=cloud.source, Key=key, Body=b"{}", StorageClass="GLACIER")
    events, errors = retriever.retrieve_and_validate_events()
    assert events == []
    assert errors[0]["source_key"] == key
    assert errors[0]["errors"][0].startswith("archived: ")


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match="no credentials to read events with"):
        S3EventRetriever("any-bucket")


def test_rows_are_collected_in_chunks(
    cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_CHUNK", 2)
    for number in range(5):
        cloud.put(name_of(number), ptid=str(number))
    cloud.quiet()
    assert cloud.ptids() == list("01234")
