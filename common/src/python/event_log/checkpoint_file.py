"""Checkpoint files on disk, and how to merge rows into them.

Files are sorted by timestamp. A merge reads the old file one row group at a time and inserts the
new rows in place, so its memory use does not depend on the size of the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl
from polars.exceptions import InvalidOperationError, PolarsError
from polars.io.plugins import register_io_source

from event_log.errors import CheckpointError, DamagedCheckpointError
from event_log.schema import EVENT_COLUMNS, EVENT_SCHEMA, SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

ROW_GROUP: Final = 32_768
"""Rows read and written at a time."""

_FEW: Final = 64
"""Up to this many new rows, a row group is sliced instead of sorted with them."""

CONTENT_ID: Final = ("source_key", "source_sha256")
"""The columns that identify a row."""

OBJECT_ID: Final = ("source_key", "source_etag")
"""The columns that identify an object."""


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A file that was checked to be a checkpoint.

    Attributes
    ----------
    path
        The local file.
    rows
        Number of rows.
    last_timestamp
        Time of the latest event.
    has_sources
        Whether it has the source columns. Checkpoints of the public implementation do not.
    """

    path: Path
    rows: int
    last_timestamp: dt.datetime | None
    has_sources: bool

    @classmethod
    def open(cls, path: Path) -> CheckpointFile:
        """Inspect a file.

        Raises
        ------
        DamagedCheckpointError
            The file is not Parquet, or has different columns.
        """
        try:
            scan = pl.scan_parquet(path)
            schema = dict(scan.collect_schema())
            has_sources = schema == SCHEMA
            if not has_sources:
                scan = _adoptable(scan)
            latest = scan.select(pl.len(), pl.col("timestamp").max()).collect()
        except PolarsError as error:
            raise _damage(error) from None
        return cls(path, latest["len"].item(), latest["timestamp"].item(), has_sources)

    def pieces(self, *columns: str) -> Iterator[pl.DataFrame]:
        """Yield the rows, one row group at a time.

        Raises
        ------
        DamagedCheckpointError
            The file cannot be decoded.
        """
        scan = pl.scan_parquet(self.path)
        if columns:
            scan = scan.select(columns)
        for start in range(0, self.rows, ROW_GROUP):
            try:
                yield scan.slice(start, ROW_GROUP).collect()
            except PolarsError as error:
                raise _damage(error) from None

    def all_rows(self) -> pl.DataFrame:
        """Return all rows of a file with source columns.

        Raises
        ------
        DamagedCheckpointError
            The file cannot be decoded.
        """
        return pl.concat([pl.DataFrame(schema=SCHEMA), *self.pieces()])

    def check(self) -> None:
        """Decode the whole file.

        Raises
        ------
        DamagedCheckpointError
            The file cannot be decoded.
        """
        if not self.has_sources:
            self.events()
            return
        for _ in self.pieces():
            continue

    def events(self) -> pl.DataFrame:
        """Return the event columns and no others.

        Raises
        ------
        DamagedCheckpointError
            The file cannot be decoded, or a value does not fit its column.
        """
        try:
            return _adoptable(pl.scan_parquet(self.path)).collect()
        except PolarsError as error:
            raise _damage(error) from None


def _damage(error: PolarsError) -> DamagedCheckpointError:
    # The original error quotes values. It must be neither the message nor the cause.
    quotes = isinstance(error, InvalidOperationError)
    text = "a value does not fit its column" if quotes else " ".join(str(error).split())
    return DamagedCheckpointError(f"the checkpoint is damaged: {text[:300]}")


def _adoptable(scan: pl.LazyFrame) -> pl.LazyFrame:
    """Return the 13 event columns with our types; fails if one is missing."""
    schema = scan.collect_schema()
    time = pl.col("timestamp")
    if isinstance(dtype := schema.get("timestamp"), pl.Datetime) and dtype.time_zone is None:
        time = time.dt.replace_time_zone("UTC")
    elif isinstance(dtype, pl.Datetime):
        time = time.dt.convert_time_zone("UTC")
    return scan.select(EVENT_COLUMNS).with_columns(time).cast(pl.Schema(EVENT_SCHEMA))


@dataclass(frozen=True, slots=True)
class Additions:
    """Rows to add to a checkpoint, and duplicates.

    Attributes
    ----------
    rows
        The new rows, sorted by timestamp.
    duplicates
        Rows with the same key and content as a row of another object, in the file or in `rows`. A
        row that another run already added for the same object is in neither frame.
    """

    rows: pl.DataFrame
    duplicates: pl.DataFrame


def additions(old: CheckpointFile | None, rows: pl.DataFrame) -> Additions:
    """Determine which rows are new. Of several with the same key and content, keep the oldest."""
    ordered = rows.sort("source_last_modified", "source_etag").with_row_index("nth")
    new = ordered.unique(CONTENT_ID, keep="first", maintain_order=True)
    duplicates = ordered.join(new, on="nth", how="anti")
    if old is not None:
        known = (
            pl.scan_parquet(old.path)
            .filter(pl.col("source_key").is_in(new["source_key"].unique().implode()))
            .select("source_key", "source_etag", "source_sha256")
            .collect(engine="streaming")
        )
        new = new.join(known, on=CONTENT_ID, how="anti")
        duplicates = ordered.join(new, on="nth", how="anti").join(known, on=OBJECT_ID, how="anti")
    return Additions(
        new.drop("nth").sort("timestamp", "source_key", "source_sha256"),
        duplicates.drop("nth"),
    )


def merge(old: CheckpointFile | None, rows: pl.DataFrame, path: Path) -> CheckpointFile:
    """Write the rows of a file and new ones, sorted by timestamp, as a new file.

    Parameters
    ----------
    old
        The existing file, with source columns, or None.
    rows
        The new rows, sorted by timestamp.
    path
        The new file.

    Raises
    ------
    DamagedCheckpointError
        The old file cannot be decoded.
    CheckpointError
        The new file cannot be written.
    """
    pieces = _merged(old, rows) if old else iter([rows])
    source = register_io_source(lambda *_: pieces, schema=SCHEMA, is_pure=False)
    try:
        source.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
    except PolarsError as error:
        # The error does not tell whether reading or writing failed. Check the reading.
        if old is not None:
            old.check()
        raise CheckpointError(
            f"could not write the checkpoint to {path.parent}; free some disk space: {error}"
        ) from error
    return CheckpointFile.open(path)


def _merged(old: CheckpointFile, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    done = 0
    for piece in old.pieces():
        done += piece.height
        if done == old.rows:
            count = rows.height
        else:
            count = rows["timestamp"].search_sorted(piece["timestamp"].item(-1), side="right")
        here, rows = rows.head(count), rows.slice(count)
        if here.height <= _FEW:
            yield from _interleaved(piece, here)
        else:
            yield pl.concat([piece, here]).sort("timestamp", maintain_order=True)
    yield rows


def _interleaved(piece: pl.DataFrame, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield both, sorted by time, as slices that do not copy the piece."""
    done = 0
    places = piece["timestamp"].search_sorted(rows["timestamp"], side="right")
    for place, row in zip(places, rows.iter_slices(1), strict=True):
        yield piece.slice(done, place - done)
        yield row
        done = place
    yield piece.slice(done)
