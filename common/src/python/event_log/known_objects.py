"""Which objects were read before: 8 bytes each, however many there are.

An object is known by its key and ETag, and a 64-bit hash stands for them, in memory only. Its seed
is another in each run: a new object that is taken for a known one, which happens once in a million
million objects with 10 million known ones, is read by the next run.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum

import polars as pl


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
        self._seed = secrets.randbits(32)
        self._parts: defaultdict[Kind, list[pl.Series]] = defaultdict(list)
        self._sorted: dict[Kind, pl.Series] = {}

    def add(self, kind: Kind, objects: Iterable[pl.DataFrame]) -> None:
        """Remember objects by their columns `source_key` and `source_etag`."""
        for one in objects:
            # Rows that were taken over from elsewhere have no object.
            frame = one.drop_nulls("source_key")
            self._parts[kind].append(self._hashed(frame["source_key"], frame["source_etag"]))

    def look_up(self, keys: Sequence[str], etags: Sequence[str]) -> list[int]:
        """Return the kind of each object."""
        for kind, parts in self._parts.items():
            before = [self._sorted[kind]] if kind in self._sorted else []
            self._sorted[kind] = pl.concat([*before, *parts]).sort()
        self._parts.clear()
        asked = self._hashed(pl.Series(keys, dtype=pl.String), pl.Series(etags, dtype=pl.String))
        kinds = pl.repeat(Kind.UNKNOWN, len(keys), dtype=pl.UInt8, eager=True)
        for kind, known in self._sorted.items():
            if known.len():
                place = known.search_sorted(asked).clip(0, known.len() - 1)
                found = pl.repeat(kind, len(keys), dtype=pl.UInt8, eager=True)
                kinds = found.zip_with(known[place] == asked, kinds)
        return kinds.to_list()

    def _hashed(self, keys: pl.Series, etags: pl.Series) -> pl.Series:
        return keys.hash(self._seed) ^ etags.hash(self._seed + 1)
