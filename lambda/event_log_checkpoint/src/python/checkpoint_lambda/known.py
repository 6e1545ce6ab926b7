"""Which objects were read before: rows, refused and left-out ones, 17 bytes each.

An object is known by its key and ETag. Two 64-bit hashes stand for them, in memory only: for a new
object to be taken for a known one, both would have to be equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

import polars as pl

_SCHEMA: Final = {"first": pl.UInt64(), "second": pl.UInt64(), "kind": pl.UInt8()}


class Kind(IntEnum):
    """What became of an object."""

    UNKNOWN = 0
    ROW = 1
    REJECTED = 2
    FILTERED = 3
    DUPLICATE = 4


class KnownObjects:
    """The objects that need not be read."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []
        self._sorted: pl.DataFrame | None = None

    def add(self, kind: Kind, objects: Iterable[pl.DataFrame]) -> None:
        """Remember objects by their columns `source_key` and `source_etag`."""
        for one in objects:
            # Rows that were taken over from elsewhere have no object.
            frame = one.drop_nulls("source_key")
            hashed = _hashed(frame["source_key"], frame["source_etag"])
            self._parts.append(hashed.with_columns(kind=pl.lit(int(kind), pl.UInt8)))
        self._sorted = None

    def look_up(self, keys: Sequence[str], etags: Sequence[str]) -> list[int]:
        """Return the kind of each object."""
        if self._sorted is None:
            frames = [pl.DataFrame(schema=_SCHEMA), *self._parts]
            self._sorted = pl.concat(frames).sort("first")
            self._parts = [self._sorted]
        known = self._sorted
        if known.is_empty():
            return [Kind.UNKNOWN] * len(keys)
        asked = _hashed(pl.Series(keys, dtype=pl.String), pl.Series(etags, dtype=pl.String))
        place = known["first"].search_sorted(asked["first"]).clip(0, known.height - 1)
        found = known[place]
        same = (found["first"] == asked["first"]) & (found["second"] == asked["second"])
        return (found["kind"] * same.cast(pl.UInt8)).to_list()


def _hashed(keys: pl.Series, etags: pl.Series) -> pl.DataFrame:
    return pl.select(
        first=pl.concat_str(keys, etags, separator=" ").hash(seed=1),
        second=pl.concat_str(etags, keys, separator=" ").hash(seed=2),
    )
