"""Columns of the checkpoint: those of an event, followed by the source of each row."""

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
"""The columns that readers of a checkpoint rely on, in this order. Files are sorted by `timestamp`.

Only `visit_number`, `packet` and (unless the datatype is `form`) `module` may be null.
"""

SOURCE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "source_key": pl.String(),
    "source_etag": pl.String(),
    "source_version_id": pl.String(),
    "source_last_modified": UTC_MICROSECONDS,
    "source_sha256": pl.Binary(),
}
"""The object from which a row was read.

The ETag has no quotation marks. The version is null if the bucket has no versioning. The SHA-256
(32 bytes) is that of the object's content. All five columns are null in a row adopted from a
checkpoint without these columns if its object no longer exists. The latest row of a key is the row
with the greatest `source_last_modified`.
"""

SCHEMA: Final[dict[str, pl.DataType]] = {**EVENT_SCHEMA, **SOURCE_SCHEMA}
"""All columns of a checkpoint's file."""

EVENT_COLUMNS: Final = tuple(EVENT_SCHEMA)
