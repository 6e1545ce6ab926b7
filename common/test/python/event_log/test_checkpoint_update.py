from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from event_log_testing.cloud import EVENT, KEY, CheckpointCloud

from event_log.checkpoint import Checkpoint
from event_log.checkpoint_store import CheckpointStore
from event_log.checkpoint_update import CheckpointUpdate
from event_log.errors import CheckpointConflictError, DamagedCheckpointError
from event_log.models import VisitEvent


def rows(*keys: str) -> pl.DataFrame:
    """Build rows of files with these keys."""
    events = [VisitEvent.model_validate(EVENT | {"ptid": key}) for key in keys]
    return Checkpoint.from_events(events).dataframe.with_columns(
        source_key=pl.col("ptid"), source_etag=pl.lit("e"), source_sha256=pl.lit(b"0" * 32)
    )


@pytest.fixture
def update(cloud: CheckpointCloud, tmp_path: Path) -> CheckpointUpdate:
    return CheckpointUpdate(CheckpointStore(cloud.target, KEY), tmp_path)


def test_create_and_extend(cloud: CheckpointCloud, update: CheckpointUpdate) -> None:
    update.open()
    assert not update.exists
    update.merge(rows("1"))
    update.merge(rows("2", "1"))
    assert update.new_rows == 2
    assert cloud.stored_keys() == [], "nothing is written before save"
    update.save()
    assert cloud.ptids() == ["1", "2"]

    update.open()
    assert update.exists
    assert update.new_rows == 0
    assert [frame.height for frame in update.object_ids()] == [2]
    update.merge(rows("3"))
    update.save()
    assert cloud.ptids() == ["1", "2", "3"]


def test_unchanged_checkpoint_is_not_written(
    cloud: CheckpointCloud, update: CheckpointUpdate
) -> None:
    update.open()
    update.save()
    assert cloud.stored_keys() == []
    cloud.write(rows("1"))
    update.open()
    assert update.merge(rows("1")).rows.is_empty()
    cloud.write(b"written by somebody else")
    update.save()
    assert cloud.content() == b"written by somebody else"


def test_replace_backs_up_the_stored_checkpoint(
    cloud: CheckpointCloud, update: CheckpointUpdate
) -> None:
    cloud.write(rows("1", "2"))
    update.open(for_rebuild=True)
    update.replace(rows("1"))
    assert update.new_rows == -1
    update.save()
    assert cloud.ptids() == ["1"]
    (backup,) = [key for key in cloud.stored_keys() if "replaced" in key]
    assert cloud.ptids(backup) == ["1", "2"]


def test_conflict_and_second_try(
    cloud: CheckpointCloud, update: CheckpointUpdate, tmp_path: Path
) -> None:
    update.open()
    update.merge(rows("1"))
    cloud.write(rows("2"))
    with pytest.raises(CheckpointConflictError):
        update.save()
    update.open()
    update.merge(rows("1"))
    update.save()
    assert cloud.ptids() == ["1", "2"]
    assert len(list(tmp_path.iterdir())) == 1, "files of the first try are removed"


def test_damaged_checkpoint_is_backed_up_unless_it_is_rebuilt(
    cloud: CheckpointCloud, update: CheckpointUpdate
) -> None:
    cloud.write(b"broken")
    update.open(for_rebuild=True)
    assert update.exists
    assert update.file is None
    assert cloud.stored_keys() == [KEY]
    with pytest.raises(DamagedCheckpointError, match="was backed up to"):
        update.open()
    assert len(cloud.stored_keys()) == 2


def test_damage_of_a_merged_file_is_not_blamed_on_the_stored_checkpoint(
    cloud: CheckpointCloud, update: CheckpointUpdate
) -> None:
    cloud.write(rows("1"))
    update.open()
    update.merge(rows("2"))
    assert update.file
    content = bytearray(update.file.path.read_bytes())
    content[4:200] = bytes(196)
    update.file.path.write_bytes(content)
    with pytest.raises(DamagedCheckpointError):
        update.merge(rows("3"))
    assert cloud.stored_keys() == [KEY]
