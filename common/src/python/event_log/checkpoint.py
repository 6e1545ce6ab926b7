"""The checkpoint in memory: a data frame of events, in the order of their time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

import polars as pl

from event_log.schema import EVENT_COLUMNS, SCHEMA

if TYPE_CHECKING:
    from event_log.models import VisitEvent


class Checkpoint:
    """Events as rows, sorted by timestamp; immutable.

    Parameters
    ----------
    dataframe
        Rows with the columns of `schema.SCHEMA`.

    Raises
    ------
    ValueError
        The columns are others.
    """

    def __init__(self, dataframe: pl.DataFrame) -> None:
        if dict(dataframe.schema) != SCHEMA:
            raise ValueError(f"these are not the columns of a checkpoint: {dataframe.schema}")
        self._dataframe = dataframe.sort("timestamp", maintain_order=True)

    @classmethod
    def empty(cls) -> Self:
        """Return the checkpoint of no event."""
        return cls(pl.DataFrame(schema=SCHEMA))

    @classmethod
    def from_events(cls, events: Iterable[VisitEvent]) -> Self:
        """Return the checkpoint of these events; they have no source."""
        return cls.empty().add_events(events)

    def add_events(self, events: Iterable[VisitEvent]) -> Self:
        """Return a checkpoint with these events too: nothing is lost, nothing is left out."""
        rows = [[getattr(event, name) for name in EVENT_COLUMNS] for event in events]
        schema = {name: SCHEMA[name] for name in EVENT_COLUMNS}
        added = pl.DataFrame(rows, schema=schema, orient="row")
        return type(self)(pl.concat([self._dataframe, added], how="diagonal"))

    @property
    def dataframe(self) -> pl.DataFrame:
        """The rows: the 13 columns of events first, then those of their sources."""
        return self._dataframe

    def get_last_processed_timestamp(self) -> dt.datetime | None:
        """Return the latest time of an event, None where there is none.

        What was processed does not follow from it: events arrive late.
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
        """Whether there is no row."""
        return self._dataframe.is_empty()
