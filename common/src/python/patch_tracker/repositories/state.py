"""How far each source was read, and which run may write: rows beside the data.

A cursor is moved only after the data is stored, so that a run that broke off is made again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from patch_tracker.errors import BusyError
from patch_tracker.repositories import keys
from patch_tracker.repositories.errors import ConditionFailedError
from patch_tracker.repositories.table import DynamoTable, Item, Key, Put

LEASE_SECONDS: Final = 960
"""Longer than a function may run: one that was killed blocks others no longer than this."""


class Cursors:
    """Cursors of one project, in a table with the keys `key_of` makes."""

    def __init__(self, table: DynamoTable, project: str) -> None:
        self._table = table
        self._project = project

    def get(self, source: str) -> Item | None:
        """Return a source's cursor, None before the first run."""
        row = self._table.get(self._key(source), consistent=True)
        return row["cursor"] if row else None

    def move(self, source: str, cursor: Item) -> None:
        """Remember how far a source was read."""
        self._table.put(Put({**self._key(source), "cursor": cursor}))

    def _key(self, source: str) -> dict[str, str]:
        return {"id": keys.cursor_id(source, self._project)}


class Lease:
    """The right to write a project's discussions, for one run at a time.

    It is taken when there is something to write: a run that finds nothing new writes nothing.
    """

    def __init__(
        self, table: DynamoTable, project: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._key: Key = {"id": keys.lock_id(project), "timestamp": keys.ONLY}
        self._clock = clock
        self._owner = uuid.uuid4().hex

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for a block.

        Raises
        ------
        BusyError
            Another run holds it.
        """
        self._take()
        try:
            yield
        finally:
            # One that ran out belongs to another run by now.
            with suppress(ConditionFailedError):
                self._table.delete(self._key, only_if={"owner": self._owner})

    def _take(self) -> None:
        now = int(self._clock())
        item = {**self._key, "owner": self._owner, keys.EXPIRY: now + LEASE_SECONDS}
        try:
            self._table.put(Put(item, only_if={"owner": None}))
        except ConditionFailedError as error:
            row = self._table.get(self._key, consistent=True) or {}
            held = row.get("owner")
            if held is not None and row.get(keys.EXPIRY, 0) > now:
                raise BusyError(
                    f"another run writes to table {self._table.name} and may for another "
                    f"{row[keys.EXPIRY] - now} s; nothing was written",
                    table=self._table.name,
                ) from error
            try:
                self._table.put(Put(item, only_if={"owner": held}))
            except ConditionFailedError as late:
                raise BusyError(
                    f"another run has just begun to write to table {self._table.name}",
                    table=self._table.name,
                ) from late
