"""A checkpoint in memory: a data frame of events, sorted by time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

import polars as pl

from event_log.schema import EVENT_COLUMNS, SCHEMA

if TYPE_CHECKING:
    from event_log.models import VisitEvent


class Checkpoint:
    """Events as rows, sorted by timestamp. Immutable.

    Parameters
    ----------
    dataframe
        Rows with the columns of `schema.SCHEMA`.

    Raises
    ------
    ValueError
        The columns are different.

    Examples
    --------
    >>> Checkpoint.empty().get_event_count()
    0
    """

    def __init__(self, dataframe: pl.DataFrame) -> None:
        if dict(dataframe.schema) != SCHEMA:
            raise ValueError(f"not the columns of a checkpoint: {dataframe.schema}")
        self._dataframe = dataframe.sort("timestamp", maintain_order=True)

    @classmethod
    def empty(cls) -> Self:
        """Return a checkpoint without events."""
        return cls(pl.DataFrame(schema=SCHEMA))

    @classmethod
    def from_events(cls, events: Iterable[VisitEvent]) -> Self:
        """Return a checkpoint of these events; their source columns are null."""
        return cls.empty().add_events(events)

    def add_events(self, events: Iterable[VisitEvent]) -> Self:
        """Return a checkpoint that also has these events. Nothing is deduplicated."""
        rows = [[getattr(event, name) for name in EVENT_COLUMNS] for event in events]
        schema = {name: SCHEMA[name] for name in EVENT_COLUMNS}
        added = pl.DataFrame(rows, schema=schema, orient="row")
        return type(self)(pl.concat([self._dataframe, added], how="diagonal"))

    @property
    def dataframe(self) -> pl.DataFrame:
        """The rows: the 13 event columns, followed by the source columns."""
        return self._dataframe

    def get_last_processed_timestamp(self) -> dt.datetime | None:
        """Return the timestamp of the latest event, or None if there are no events.

        Events arrive late, so this does not tell which events were processed.
        """
        if self.is_empty():
            return None
        latest = self._dataframe["timestamp"].item(-1)
        assert isinstance(latest, dt.datetime)  # noqa: S101 - for the type checker
        return latest

    def get_event_count(self) -> int:
        """Return the number of rows."""
        return self._dataframe.height

    def is_empty(self) -> bool:
        """Whether there are no rows."""
        return self._dataframe.is_empty()
