"""What is no row and need not be read again: one small parquet file for each kind.

The rejected objects are for people: what was refused, why, and when. The left-out ones (practice
projects, content that is a row already) are for the next run only.
"""

from __future__ import annotations

import datetime as dt
import io
import logging
from typing import TYPE_CHECKING, Final

import polars as pl
from polars.exceptions import PolarsError

from event_log.checkpoint_file import OBJECT_ID
from event_log.schema import UTC_MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from event_log.reader import Source
    from lambda_core.s3 import S3Objects, StoredObject

_logger = logging.getLogger(__name__)

LEDGER_SCHEMA: Final[dict[str, pl.DataType]] = {
    "source_key": pl.String(),
    "source_etag": pl.String(),
    "source_version_id": pl.String(),
    "source_last_modified": UTC_MICROSECONDS,
    "source_size": pl.Int64(),
    "reason": pl.String(),
    "errors": pl.String(),
    "noted_at": UTC_MICROSECONDS,
}
"""Columns of both files; `errors` are separated by line feeds."""


def entry(
    source: Source, reason: str, errors: Iterable[str], now: dt.datetime
) -> dict[str, object]:
    """Return what a ledger keeps of an object."""
    return {
        "source_key": source.key,
        "source_etag": source.etag,
        "source_version_id": source.version_id,
        "source_last_modified": source.last_modified,
        "source_size": source.size,
        "reason": reason,
        "errors": "\n".join(errors),
        "noted_at": now,
    }


class Ledger:
    """One such file.

    Parameters
    ----------
    objects
        The checkpoint's bucket.
    key
        Of the file.
    """

    def __init__(self, objects: S3Objects, key: str) -> None:
        self._objects = objects
        self.key = key

    def load(self) -> pl.DataFrame:
        """Return all entries; none where there is no file.

        Raises
        ------
        S3Error
            It could not be read.
        """
        return self._decode(self._objects.find(self.key))

    def update(self, added: pl.DataFrame, resolved: pl.DataFrame, *, afresh: bool = False) -> None:
        """Add entries, and drop those of objects that are rows now.

        Parameters
        ----------
        added
            New entries; each takes the place of an older one of its object.
        resolved
            Objects by `source_key` and `source_etag`.
        afresh
            Drop all older entries.

        Raises
        ------
        S3Error
            It could not be read or written.
        """

        def change(current: StoredObject | None) -> bytes:
            old = pl.DataFrame(schema=LEDGER_SCHEMA) if afresh else self._decode(current)
            for gone in (added, resolved):
                old = old.join(gone, on=OBJECT_ID, how="anti")
            buffer = io.BytesIO()
            pl.concat([old, added]).sort("source_key", "source_etag").write_parquet(buffer)
            return buffer.getvalue()

        if afresh or not (added.is_empty() and resolved.is_empty()):
            self._objects.update(self.key, change, content_type=PARQUET)

    def _decode(self, stored: StoredObject | None) -> pl.DataFrame:
        empty = pl.DataFrame(schema=LEDGER_SCHEMA)
        if stored is None:
            return empty
        try:
            frame = pl.read_parquet(stored.content)
            return frame.select(list(LEDGER_SCHEMA)).cast(pl.Schema(LEDGER_SCHEMA))
        except PolarsError:
            # Nothing is lost with it: its objects are read again.
            _logger.warning("%s is damaged and is begun anew", self.key)
            return empty


PARQUET: Final = "application/vnd.apache.parquet"
"""Media type of parquet files, https://www.iana.org/assignments/media-types."""
