"""Columns of the checkpoint: those of an event, and behind them where each row came from."""

from __future__ import annotations

from typing import Final

import polars as pl

UTC_MICROSECONDS: Final = pl.Datetime("us", "UTC")

EVENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "action": pl.String(),
    "study": pl.String(),
    "pipeline_adcid": pl.Int32(),
    "project_label": pl.String(),
    "center_label": pl.String(),
    "gear_name": pl.String(),
    "ptid": pl.String(),
    "visit_date": pl.String(),
    "visit_number": pl.String(),
    "datatype": pl.String(),
    "module": pl.String(),
    "packet": pl.String(),
    "timestamp": UTC_MICROSECONDS,
}
"""What every reader of a checkpoint knows, in this order; files are sorted by `timestamp`.

Null may be `visit_number`, `module` (where the datatype is not `form`) and `packet`.
"""

SOURCE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "source_key": pl.String(),
    "source_etag": pl.String(),
    "source_version_id": pl.String(),
    "source_last_modified": UTC_MICROSECONDS,
    "source_sha256": pl.Binary(),
}
"""The object that a row was read from.

The ETag is without its quotation marks, the version is null where the bucket keeps none, the
SHA-256 is of the object's content, 32 bytes. All five are null in a row that was taken over from a
checkpoint without these columns and whose object is no longer there. The latest row of a key is the
one with the greatest `source_last_modified`.
"""

SCHEMA: Final[dict[str, pl.DataType]] = {**EVENT_SCHEMA, **SOURCE_SCHEMA}
"""All columns of a checkpoint's file."""

EVENT_COLUMNS: Final = tuple(EVENT_SCHEMA)

SOURCE_COLUMNS: Final = tuple(SOURCE_SCHEMA)
