"""Brings the table Patches up to date with Patchwork.

Hourly by Patchwork's events: their date is the moment at which the server did something, so that
neither a late mail nor one from the future is missed. Daily by the lists, of everything that is
open or young, in case an event never was.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Final

from lambda_core.http import HttpStatusError
from lambda_core.observability import count, get_logger
from patch_tracker.mail.message import normalize_message_id
from patch_tracker.models import OPEN_STATUSES, StatusChange
from patch_tracker.patchwork.client import PatchworkClient
from patch_tracker.patchwork.mappers import patch_attributes, patch_id_of, status_change_of
from patch_tracker.patchwork.rows import EventRow, PatchRef, PatchRow
from patch_tracker.repositories.patches import PatchRepository
from patch_tracker.repositories.state import Cursors

SOURCE: Final = "patchwork"

OVERLAP: Final = dt.timedelta(hours=2)
"""How much of what was read before is read again. Events are dated when they are made and seen when
their transaction ends; and in a night of autumn the server's local time has an hour twice."""

YOUNG: Final = dt.timedelta(days=90)
"""Younger patches are refreshed whatever their status."""

type Changes = Mapping[int, Sequence[StatusChange]]
"""Changes of status by Patchwork's number of the patch."""

_AHEAD: Final = dt.timedelta(hours=26)
_BEHIND: Final = dt.timedelta(hours=12)
"""How far a server's local time may be ahead of UTC, and behind it. Of an event that is dated later
its clock was wrong, and a cursor there would hide all that happens until then."""

_LAST: Final = dt.datetime.max.replace(tzinfo=dt.UTC) - dt.timedelta(seconds=1)
"""There is no second after the next one, but mails that claim to be from there."""

_MAX_SEEN: Final = 20_000
"""Events that a cursor remembers; more would not fit into an item. Older ones are seen again, which
costs requests and changes nothing."""

_BATCH: Final = 100
_SOME: Final = 25
"""Patches that are asked for one by one are stored when so many are there."""
_BY_NUMBER: Final = 2
"""So many changed patches are asked for one by one; of more, the list is quicker."""

_NO_EVENTS: Final = frozenset({403, 404, 405, 410, 501})

_logger = get_logger(__name__)


@dataclass(slots=True)
class PatchSyncResult:
    """What a run did.

    Attributes
    ----------
    events
        Events that were new.
    written, unchanged, gone
        Patches that were written, that were as they are stored, and that Patchwork has no more.
    message_ids
        Of the patches that were written.
    fallback
        Whether the lists were read because the server has no events.
    """

    events: int = 0
    written: int = 0
    unchanged: int = 0
    gone: int = 0
    message_ids: list[str] = field(default_factory=list)
    fallback: bool = False


class PatchSync:
    """Reads one project of Patchwork into the table Patches.

    Parameters
    ----------
    client, patches, cursors
        Where from, where to, and what is remembered.
    clock
        The time, timezone-aware.
    """

    def __init__(
        self,
        client: PatchworkClient,
        patches: PatchRepository,
        cursors: Cursors,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._client = client
        self._patches = patches
        self._cursors = cursors
        self._clock = clock

    def changes(self) -> PatchSyncResult:
        """Store what changed since the last run; the first one refreshes.

        Raises
        ------
        HttpError, FormatError, UnknownSourceError
            Patchwork could not be read.
        DatabaseError
            Something could not be written. The cursor stays, so that the next run does it again.
        """
        cursor = self._cursors.get(SOURCE)
        try:
            if cursor is None:
                return self._begin()
            return self._follow(cursor["date"], set(cursor["seen"]))
        except HttpStatusError as error:
            if error.status not in _NO_EVENTS:
                raise
            _logger.warning("Patchwork has no events here, its lists are read: %s", error)
            result = self.refresh()
            result.fallback = True
            return result

    def refresh(self) -> PatchSyncResult:
        """Store every patch that is open or younger than `YOUNG`.

        Raises
        ------
        HttpError, FormatError, UnknownSourceError, DatabaseError
            As for `changes`.
        """
        return self._refresh({})

    def _refresh(self, changes: Changes) -> PatchSyncResult:
        result = PatchSyncResult()
        asked_at = self._clock()
        seen: set[int] = set()
        lists: list[Iterator[list[PatchRow]]] = [
            self._client.patches(since=asked_at - YOUNG),
            *(self._client.patches(state=status) for status in OPEN_STATUSES),
        ]
        for pages in lists:
            for page in pages:
                fresh = [row for row in page if row.id not in seen]
                seen.update(row.id for row in fresh)
                self._store(fresh, changes, asked_at, result)
        if not seen:
            self._client.require_exists()
        # Open ones that the lists no longer show as open, and that are too old for the first.
        left = [number for number in self._open_numbers() if number not in seen]
        for rows in self._one_by_one(left, result):
            self._store(rows, changes, asked_at, result)
        return result

    def _begin(self) -> PatchSyncResult:
        # Asked before the lists are read: what happens meanwhile is read by the next run.
        newest = self._client.newest_event()
        if newest is None:
            return self._refresh({})
        latest = self._server_time(_AHEAD)
        date = newest.date if newest.date <= latest else self._server_time(-_BEHIND)
        events = list(self._client.events(_overlapping(date)))
        result = self._refresh(_changes(events))
        result.events = len(events)
        self._cursors.move(SOURCE, _cursor(events, date, latest))
        return result

    def _follow(self, date: str, known: set[int]) -> PatchSyncResult:
        asked_at, latest = self._clock(), self._server_time(_AHEAD)
        events = list(self._client.events(_overlapping(date)))
        if not events:
            # The event at the cursor is no longer there; or the project is not.
            self._client.require_exists()
        new = [event for event in events if event.id not in known]
        result = PatchSyncResult(events=len(new))
        count("PatchworkEvents", len(new))
        if not new:
            return result
        concerned = {patch.id: patch for event in new if (patch := event.payload.patch) is not None}
        changes = _changes(new)
        for rows in self._rows(concerned, result):
            self._store(rows, changes, asked_at, result)
        self._cursors.move(SOURCE, _cursor(events, date, latest))
        return result

    def _server_time(self, offset: dt.timedelta) -> str:
        """Return what the server's clock shows, as events are dated, if it is so far from UTC."""
        return (self._clock() + offset).astimezone(dt.UTC).replace(tzinfo=None).isoformat()

    def _rows(
        self, concerned: dict[int, PatchRef], result: PatchSyncResult
    ) -> Iterator[list[PatchRow]]:
        """Read patches as they are now, with as few requests as can be."""
        left = set(concerned)
        if len(concerned) > _BY_NUMBER:
            dates = [patch.date.replace(tzinfo=dt.UTC) for patch in concerned.values()]
            pages = self._client.patches(
                since=min(dates), before=min(max(dates), _LAST) + dt.timedelta(seconds=1)
            )
            # More pages than patches would be no gain.
            for _, page in zip(range(len(concerned) // 2), pages, strict=False):
                rows = [row for row in page if row.id in left]
                left.difference_update(row.id for row in rows)
                yield rows
                if not left:
                    return
        yield from self._one_by_one(sorted(left), result)

    def _one_by_one(
        self, numbers: Iterable[int], result: PatchSyncResult
    ) -> Iterator[list[PatchRow]]:
        for some in batched(numbers, _SOME):
            rows = []
            for number in some:
                row = self._client.patch(number)
                if row is None:
                    _logger.warning("Patchwork has patch %s no more", number)
                    result.gone += 1
                else:
                    rows.append(row)
            yield rows

    def _open_numbers(self) -> list[int]:
        numbers = []
        for status in OPEN_STATUSES:
            token = None
            while True:
                page = self._patches.by_status(status, token=token, limit=200)
                numbers += [one.patchwork_id for one in page.items if one.patchwork_id is not None]
                if (token := page.token) is None:
                    break
        return numbers

    def _store(
        self,
        rows: Sequence[PatchRow],
        changes: Changes,
        asked_at: dt.datetime,
        result: PatchSyncResult,
    ) -> None:
        project = self._client.project
        for batch in batched(rows, _BATCH):
            wanted = {
                patch_id_of(project, row.msgid): patch_attributes(
                    project, row, asked_at, changes.get(row.id, ())
                )
                for row in batch
            }
            written = self._patches.write_patchwork(wanted, asked_at)
            result.written += len(written)
            result.unchanged += len(wanted) - len(written)
            result.message_ids += [
                normalize_message_id(row.msgid)
                for row in batch
                if patch_id_of(project, row.msgid) in written
            ]
            count("PatchesWritten", len(written))
            count("PatchesSkipped", len(wanted) - len(written))


def _changes(events: Iterable[EventRow]) -> Changes:
    found: defaultdict[int, list[StatusChange]] = defaultdict(list)
    for event in events:
        if event.payload.patch and (change := status_change_of(event)):
            found[event.payload.patch.id].append(change)
    return found


def _overlapping(date: str) -> str:
    return (dt.datetime.fromisoformat(date) - OVERLAP).isoformat()


def _cursor(events: Sequence[EventRow], before: str, latest: str) -> dict[str, object]:
    """Return the cursor after some events: the newest date, and what the next run sees again."""
    newest = max([before, *(event.date for event in events if event.date <= latest)])
    since = _overlapping(newest)
    return {
        "date": newest,
        "seen": sorted(event.id for event in events if event.date >= since)[-_MAX_SEEN:],
    }
