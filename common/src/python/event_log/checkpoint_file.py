"""A checkpoint as a file: rows are merged into it one row group at a time.

Files are sorted by timestamp. A merge goes through the old file row group by row group and puts the
new rows where they belong, so that memory does not grow with the file.
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
"""Rows that are read and written at a time."""

_FEW: Final = 64
"""New rows up to which a row group is cut into slices rather than sorted with them."""

CONTENT_ID: Final = ("source_key", "source_sha256")
"""What tells whether a row is there already."""

OBJECT_ID: Final = ("source_key", "source_etag")
"""What tells whether an object was read already."""


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A checkpoint's file that was read and found to be one.

    Attributes
    ----------
    path
        Where it lies.
    rows
        How many it has.
    last_timestamp
        Time of its latest event.
    has_sources
        Whether rows know their objects; those of the public implementation do not.
    """

    path: Path
    rows: int
    last_timestamp: dt.datetime | None
    has_sources: bool

    @classmethod
    def open(cls, path: Path) -> CheckpointFile:
        """Look at a file.

        Raises
        ------
        DamagedCheckpointError
            It is no parquet file, or has other columns.
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
        """Yield the rows, a row group at a time.

        Raises
        ------
        DamagedCheckpointError
            What is stored cannot be decoded.
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
        """Return all rows of a file that has sources.

        Raises
        ------
        DamagedCheckpointError
            What is stored cannot be decoded.
        """
        return pl.concat([pl.DataFrame(schema=SCHEMA), *self.pieces()])

    def check(self) -> None:
        """Decode all that is stored.

        Raises
        ------
        DamagedCheckpointError
            Something cannot be decoded.
        """
        if not self.has_sources:
            self.events()
            return
        for _ in self.pieces():
            continue

    def events(self) -> pl.DataFrame:
        """Return the columns of events, whatever others there are.

        Raises
        ------
        DamagedCheckpointError
            What is stored cannot be decoded, or a value is not what its column holds.
        """
        try:
            return _adoptable(pl.scan_parquet(self.path)).collect()
        except PolarsError as error:
            raise _damage(error) from None


def _damage(error: PolarsError) -> DamagedCheckpointError:
    # Its text quotes values, and so must not be a cause either.
    quotes = isinstance(error, InvalidOperationError)
    text = "a value is not what its column holds" if quotes else " ".join(str(error).split())
    return DamagedCheckpointError(f"the checkpoint is damaged: {text[:300]}")


def _adoptable(scan: pl.LazyFrame) -> pl.LazyFrame:
    """Return the 13 columns as they are here; fails where they are not there."""
    schema = scan.collect_schema()
    time = pl.col("timestamp")
    if isinstance(dtype := schema.get("timestamp"), pl.Datetime) and dtype.time_zone is None:
        time = time.dt.replace_time_zone("UTC")
    elif isinstance(dtype, pl.Datetime):
        time = time.dt.convert_time_zone("UTC")
    return scan.select(EVENT_COLUMNS).with_columns(time).cast(pl.Schema(EVENT_SCHEMA))


@dataclass(frozen=True, slots=True)
class Additions:
    """Rows to add, without what is there already.

    Attributes
    ----------
    rows
        The new ones, in the order of their time.
    duplicates
        Those whose content is the row of another object, of this file or in `rows`. A row that
        another run added for the same object is neither.
    """

    rows: pl.DataFrame
    duplicates: pl.DataFrame


def additions(old: CheckpointFile | None, rows: pl.DataFrame) -> Additions:
    """Find out which rows are new: of the same key and content, the oldest object is a row."""
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
        The file so far, which has sources; None where there is none.
    rows
        The new rows, sorted by timestamp.
    path
        The new file.

    Raises
    ------
    DamagedCheckpointError
        The old file cannot be decoded.
    CheckpointError
        The new one cannot be written.
    """
    pieces = _merged(old, rows) if old else iter([rows])
    source = register_io_source(lambda *_: pieces, schema=SCHEMA, is_pure=False)
    try:
        source.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
    except PolarsError as error:
        # Reading and writing fail alike; where the old file can be read, it was the writing.
        if old is not None:
            old.check()
        raise CheckpointError(
            f"the checkpoint could not be written to {path.parent}, which needs room: {error}"
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
    """Yield both in the order of time, in slices, so that nothing of the piece is copied."""
    done = 0
    places = piece["timestamp"].search_sorted(rows["timestamp"], side="right")
    for place, row in zip(places, rows.iter_slices(1), strict=True):
        yield piece.slice(done, place - done)
        yield row
        done = place
    yield piece.slice(done)


def rows_missing_from(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the events of `old` that `new` has not, or not as often."""
    nth = pl.int_range(pl.len()).over(EVENT_COLUMNS).alias("nth")
    return (
        old.with_columns(nth)
        .join(
            new.select(EVENT_COLUMNS).with_columns(nth),
            on=[*EVENT_COLUMNS, "nth"],
            how="anti",
            nulls_equal=True,
        )
        .drop("nth")
    )
