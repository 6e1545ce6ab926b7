"""Cursors of the sources, and the lease that lets only one run write.

A cursor moves only after the data is stored, so that the next run repeats an interrupted one.
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
"""Longer than the timeout of a function. A run that was killed blocks others for this time."""


class Cursors:
    """The cursors of one project."""

    def __init__(self, table: DynamoTable, project: str) -> None:
        self._table = table
        self._project = project

    def get(self, source: str) -> Item | None:
        """Return the cursor of a source, or None before the first run."""
        row = self._table.get(self._key(source), consistent=True)
        return row["cursor"] if row else None

    def move(self, source: str, cursor: Item) -> None:
        """Store the cursor of a source."""
        self._table.put(Put({**self._key(source), "cursor": cursor}))

    def _key(self, source: str) -> dict[str, str]:
        return {"id": keys.cursor_id(source, self._project)}


class Lease:
    """The right to write the discussions of a project. Only one run has it at a time.

    A run acquires it when there is something to write. So a run that finds nothing new writes
    nothing.
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
        """Hold the lease during a `with` block.

        Raises
        ------
        BusyError
            If another run holds it.
        """
        self._acquire()
        try:
            yield
        finally:
            # After it has expired, the lease can belong to another run.
            with suppress(ConditionFailedError):
                self._table.delete(self._key, only_if={"owner": self._owner})

    def _acquire(self) -> None:
        now = int(self._clock())
        item = {**self._key, "owner": self._owner, keys.EXPIRY: now + LEASE_SECONDS}
        try:
            self._table.put(Put(item, only_if={"owner": None}))
        except ConditionFailedError as error:
            row = self._table.get(self._key, consistent=True) or {}
            held = row.get("owner")
            if held is not None and row.get(keys.EXPIRY, 0) > now:
                raise BusyError(
                    f"another run is writing to table {self._table.name}; this run wrote nothing; "
                    f"the lock expires after at most {row[keys.EXPIRY] - now} s",
                    table=self._table.name,
                ) from error
            try:
                self._table.put(Put(item, only_if={"owner": held}))
            except ConditionFailedError as late:
                raise BusyError(
                    f"another run has just started to write to table {self._table.name}",
                    table=self._table.name,
                ) from late
