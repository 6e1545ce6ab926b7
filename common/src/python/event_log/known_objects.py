"""The objects that earlier runs processed, at 8 bytes each.

An object is identified by its key and ETag. In memory, a 64-bit hash represents both. Each run uses
a new random seed, so if a collision makes a new object look processed, the next run reads it. With
10 million processed objects, that affects about 1 in 10^12 new objects.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum

import polars as pl


class Kind(IntEnum):
    """How an object was processed."""

    UNKNOWN = 0
    ROW = 1
    REJECTED = 2
    FILTERED = 3
    DUPLICATE = 4


class KnownObjects:
    """The objects that need not be read again."""

    def __init__(self) -> None:
        self._seed = secrets.randbits(32)
        self._parts: defaultdict[Kind, list[pl.Series]] = defaultdict(list)
        self._sorted: dict[Kind, pl.Series] = {}

    def add(self, kind: Kind, objects: Iterable[pl.DataFrame]) -> None:
        """Add objects from frames with the columns `source_key` and `source_etag`."""
        for frame in objects:
            # Rows adopted from another checkpoint may have no object.
            identified = frame.drop_nulls("source_key")
            hashes = self._hash(identified["source_key"], identified["source_etag"])
            self._parts[kind].append(hashes)

    def look_up(self, keys: Sequence[str], etags: Sequence[str]) -> list[int]:
        """Return the kind of each object."""
        for kind, parts in self._parts.items():
            before = [self._sorted[kind]] if kind in self._sorted else []
            self._sorted[kind] = pl.concat([*before, *parts]).sort()
        self._parts.clear()
        hashes = self._hash(pl.Series(keys, dtype=pl.String), pl.Series(etags, dtype=pl.String))
        kinds = pl.repeat(Kind.UNKNOWN, len(keys), dtype=pl.UInt8, eager=True)
        for kind, known in self._sorted.items():
            if known.len():
                place = known.search_sorted(hashes).clip(0, known.len() - 1)
                found = pl.repeat(kind, len(keys), dtype=pl.UInt8, eager=True)
                kinds = found.zip_with(known[place] == hashes, kinds)
        return kinds.to_list()

    def _hash(self, keys: pl.Series, etags: pl.Series) -> pl.Series:
        return keys.hash(self._seed) ^ etags.hash(self._seed + 1)
