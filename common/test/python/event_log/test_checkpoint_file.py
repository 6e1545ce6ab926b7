from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from event_log import checkpoint_file
from event_log.adoption import rows_missing_from
from event_log.checkpoint_file import CheckpointFile, additions, merge
from event_log.errors import CheckpointError, DamagedCheckpointError
from event_log.schema import EVENT_COLUMNS, SCHEMA

BEGINNING = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

# Key, content, ETag, and minute of the upload.
rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.integers(0, 1), st.integers(0, 3)),
    max_size=15,
)


def frame(found: list[tuple[str, int, int, int]]) -> pl.DataFrame:
    """Build rows whose time and identity are derived from key and content."""
    values = [
        {
            "ptid": f"{key}{content}",
            "timestamp": BEGINNING + dt.timedelta(minutes=(content * 7 + ord(key)) % 5),
            "source_key": key,
            "source_etag": f"{content}-{etag}",
            "source_last_modified": BEGINNING + dt.timedelta(minutes=minute),
            "source_sha256": bytes([content]) * 32,
        }
        for key, content, etag, minute in found
    ]
    return pl.DataFrame(values, schema=SCHEMA).sort("timestamp")


@pytest.mark.parametrize("few", [0, 1, 64])
@given(turns=st.lists(rows, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_merge_adds_exactly_the_new_contents_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    turns: list[list[tuple[str, int, int, int]]],
) -> None:
    monkeypatch.setattr(checkpoint_file, "ROW_GROUP", 3)
    monkeypatch.setattr(checkpoint_file, "_FEW", few)
    folder = tmp_path_factory.mktemp("merges")
    file: CheckpointFile | None = None
    contents: set[tuple[str, int]] = set()
    for number, turn in enumerate(turns):
        added = additions(file, frame(turn))
        new = {(key, content) for key, content, _, _ in turn} - contents
        contents |= new
        assert Counter(added.rows["ptid"]) == Counter(f"{key}{n}" for key, n in new)
        file = merge(file, added.rows, folder / str(number))
        merged = pl.read_parquet(file.path)
        assert sorted(merged["ptid"]) == sorted(f"{key}{n}" for key, n in contents)
        assert merged["timestamp"].is_sorted()
        assert file.rows == merged.height
        assert file.last_timestamp == merged["timestamp"].max()
        # A row that is in neither frame has the same object as another row.
        objects = set(merged.select("source_key", "source_etag").rows())
        left = {(key, f"{content}-{etag}") for key, content, etag, _ in turn} - objects
        assert set(added.duplicates.select("source_key", "source_etag").rows()) >= left


def test_oldest_object_with_the_same_content_becomes_the_row() -> None:
    added = additions(None, frame([("a", 1, 1, 3), ("a", 1, 0, 1), ("a", 1, 1, 2)]))
    assert added.rows["source_etag"].to_list() == ["1-0"]
    assert added.duplicates["source_etag"].to_list() == ["1-1", "1-1"]


@given(old=st.lists(st.integers(0, 3), max_size=8), new=st.lists(st.integers(0, 3), max_size=8))
def test_missing_events_are_counted(old: list[int], new: list[int]) -> None:
    def made(numbers: list[int]) -> pl.DataFrame:
        return frame([("a", number, 0, 0) for number in numbers])

    missing = rows_missing_from(made(old).select(EVENT_COLUMNS), made(new))
    assert missing.columns == list(EVENT_COLUMNS)
    expected = Counter(old) - Counter(new)
    assert Counter(missing["ptid"]) == Counter({f"a{n}": count for n, count in expected.items()})


def test_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    events = frame([("a", 1, 0, 0)]).select(EVENT_COLUMNS)
    events.with_columns(pl.col("timestamp").dt.replace_time_zone(None)).write_parquet(path)
    file = CheckpointFile.open(path)
    assert file.has_sources is False
    assert_frame_equal(file.events(), events)
    moved = events.with_columns(pl.col("timestamp").dt.convert_time_zone("Europe/Berlin"))
    moved.write_parquet(path)
    assert_frame_equal(CheckpointFile.open(path).events(), events)


@pytest.mark.parametrize(
    "change",
    [
        pl.lit("x").alias("timestamp"),
        pl.lit("x").alias("pipeline_adcid"),
        pl.lit(2**40).alias("pipeline_adcid"),
    ],
)
def test_wrong_column_types_count_as_damage(tmp_path: Path, change: pl.Expr) -> None:
    path = tmp_path / "events.parquet"
    frame([("a", 1, 0, 0)]).select(EVENT_COLUMNS).with_columns(change).write_parquet(path)
    with pytest.raises(DamagedCheckpointError) as caught:
        CheckpointFile.open(path).check()
    assert "'x'" not in str(caught.value)
    assert '"x"' not in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
def test_full_disk_does_not_count_as_damage(tmp_path: Path) -> None:
    rows = frame([("a", number, 0, 0) for number in range(4)])
    old = merge(None, rows, tmp_path / "old")
    for before in (None, old):
        with pytest.raises(CheckpointError, match="free some disk space") as caught:
            merge(before, rows, Path("/dev/full"))
        assert type(caught.value) is CheckpointError


def test_merge_reports_damage(tmp_path: Path) -> None:
    old = merge(None, frame([("a", 1, 0, 0)]), tmp_path / "old")
    content = bytearray(old.path.read_bytes())
    content[4:200] = bytes(196)
    old.path.write_bytes(bytes(content))
    with pytest.raises(DamagedCheckpointError):
        merge(old, frame([("a", 2, 0, 0)]), tmp_path / "new")
