from __future__ import annotations

import polars as pl
import pytest
from event_log_testing.cloud import EVENT, KEY, CheckpointCloud, minutes
from polars.testing import assert_frame_equal

from event_log.checkpoint import Checkpoint
from event_log.checkpoint_store import (
    CheckpointConflictError,
    CheckpointError,
    CheckpointStore,
    DamagedCheckpointError,
)
from event_log.models import VisitEvent
from event_log.schema import EVENT_COLUMNS, SCHEMA
from lambda_testing.fault_proxy import Fault, FaultProxy, always, respond

ONE = Checkpoint.from_events(
    VisitEvent.model_validate(EVENT | {"ptid": str(n), "timestamp": minutes(n)}) for n in range(3)
)


@pytest.fixture
def store(cloud: CheckpointCloud) -> CheckpointStore:
    return CheckpointStore(cloud.target, KEY)


def test_missing_checkpoint(store: CheckpointStore) -> None:
    assert store.exists() is False
    assert store.load() is None


def test_save_and_load(cloud: CheckpointCloud, store: CheckpointStore) -> None:
    assert store.save(ONE) == f"s3://{cloud.target}/{KEY}"
    assert store.exists() is True
    other = CheckpointStore(cloud.target, KEY).load()
    assert other is not None
    assert_frame_equal(other.dataframe, ONE.dataframe)
    assert dict(cloud.frame().schema) == SCHEMA
    # A prefix of the key is another key.
    assert CheckpointStore(cloud.target, KEY[:-1]).exists() is False


def test_empty_checkpoint_can_be_saved(store: CheckpointStore) -> None:
    store.save(Checkpoint.empty())
    loaded = store.load()
    assert loaded is not None
    assert loaded.is_empty()


def test_second_save_replaces_the_first(store: CheckpointStore) -> None:
    store.save(ONE)
    store.save(Checkpoint.empty())
    loaded = store.load()
    assert loaded is not None
    assert loaded.is_empty()


def test_save_does_not_overwrite_what_was_not_loaded(
    cloud: CheckpointCloud, store: CheckpointStore
) -> None:
    store.save(ONE)
    other = CheckpointStore(cloud.target, KEY)
    with pytest.raises(CheckpointConflictError, match="another writer changed"):
        other.save(Checkpoint.empty())
    other.load()
    store.save(ONE.add_events([VisitEvent.model_validate(EVENT)]))
    with pytest.raises(CheckpointConflictError):
        other.save(Checkpoint.empty())
    assert cloud.frame().height == 4


@pytest.mark.parametrize("status", [403, 500, 503])
@pytest.mark.usefixtures("_no_pauses")
def test_unreadable_is_not_treated_as_missing(
    cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch, aws_endpoint: str, status: int
) -> None:
    with FaultProxy(aws_endpoint, [Fault(always, respond(status))]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        store = CheckpointStore(cloud.target, KEY)
        for call in (store.load, store.exists, lambda: store.save(ONE)):
            with pytest.raises(CheckpointError, match=f"s3://{cloud.target}/{KEY} could not be"):
                call()


def test_load_a_checkpoint_of_the_public_implementation(
    cloud: CheckpointCloud, store: CheckpointStore
) -> None:
    cloud.write(ONE.dataframe.select(EVENT_COLUMNS).cast({"pipeline_adcid": pl.Int64}))
    loaded = store.load()
    assert loaded is not None
    assert_frame_equal(loaded.dataframe, ONE.dataframe)


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1 and nothing more", pl.DataFrame({"action": ["submit"]})],
    ids=["empty", "no parquet", "other columns"],
)
def test_damaged_checkpoint_is_backed_up_once(
    cloud: CheckpointCloud, store: CheckpointStore, content: bytes | pl.DataFrame
) -> None:
    cloud.write(content)
    for _ in range(2):
        with pytest.raises(DamagedCheckpointError, match='"rebuild": true') as caught:
            store.load()
    copy, original = sorted(cloud.stored_keys(), key=len, reverse=True)
    assert original == KEY
    assert copy.startswith("c/_events.damaged-2")
    assert caught.value.context["copy"] == f"s3://{cloud.target}/{copy}"
    assert cloud.content(copy) == cloud.content()


def test_damage_inside_a_row_group_is_reported(
    cloud: CheckpointCloud, store: CheckpointStore
) -> None:
    store.save(ONE)
    content = bytearray(cloud.content())
    content[4:200] = bytes(196)
    cloud.write(bytes(content))
    with pytest.raises(DamagedCheckpointError):
        store.load()
