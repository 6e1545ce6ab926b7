"""Syncs the table Patches with Patchwork.

The hourly run reads Patchwork's events. Their date is the time at which the server acted, so that
neither a late mail nor a mail from the future is missed. The daily run reads the lists of all open
or recent patches, in case an event is missing.
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
"""How much each run reads again. Events are dated when they are created but visible only after
their transaction. When daylight saving time ends, the server's local time repeats an hour."""

RECENT: Final = dt.timedelta(days=90)
"""Patches younger than this are refreshed regardless of their status."""

type Changes = Mapping[int, Sequence[StatusChange]]
"""Changes of status by Patchwork's number of the patch."""

_AHEAD: Final = dt.timedelta(hours=26)
_BEHIND: Final = dt.timedelta(hours=12)
"""How far a server's local time can be ahead of UTC and behind it. If an event is dated later, the
server's clock was wrong, and such a cursor would hide all events until then."""

_LAST: Final = dt.datetime.max.replace(tzinfo=dt.UTC) - dt.timedelta(seconds=1)
"""The last time to which a second can be added; some mails claim to be from the last second."""

_MAX_SEEN: Final = 20_000
"""Maximum number of events in a cursor; more would not fit into an item. Older events are read
again, which costs requests but changes nothing."""

_BATCH: Final = 100
_SINGLES: Final = 25
"""Number of individually requested patches that are stored at once."""
_BY_NUMBER: Final = 2
"""Up to this number, changed patches are requested individually; otherwise the list is faster."""

_NO_EVENTS: Final = frozenset({403, 404, 405, 410, 501})

_logger = get_logger(__name__)


@dataclass(slots=True)
class PatchSyncResult:
    """Result of a run.

    Attributes
    ----------
    events
        New events.
    written, unchanged, gone
        Patches that were written, that were already stored as they are, and that Patchwork no
        longer has.
    message_ids
        Message IDs of the patches that were written.
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
    """Syncs the patches of one project.

    Parameters
    ----------
    client, patches, cursors
        Source, destination and progress.
    clock
        Returns the current time, timezone-aware.
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
        """Store what changed since the last run. The first run refreshes.

        Raises
        ------
        HttpError, FormatError, UnknownSourceError
            If Patchwork cannot be read.
        DatabaseError
            If something cannot be written. The cursor does not move, so the next run repeats it.
        """
        cursor = self._cursors.get(SOURCE)
        try:
            if cursor is None:
                return self._begin()
            return self._follow(cursor["date"], set(cursor["seen"]))
        except HttpStatusError as error:
            if error.status not in _NO_EVENTS:
                raise
            _logger.warning(
                "Patchwork provides no events, so its lists are read instead: %s", error
            )
            result = self.refresh()
            result.fallback = True
            return result

    def refresh(self) -> PatchSyncResult:
        """Store every patch that is open or younger than `RECENT`.

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
            self._client.patches(since=asked_at - RECENT),
            *(self._client.patches(state=status) for status in OPEN_STATUSES),
        ]
        for pages in lists:
            for page in pages:
                fresh = [row for row in page if row.id not in seen]
                seen.update(row.id for row in fresh)
                self._store(fresh, changes, asked_at, result)
        if not seen:
            self._client.require_exists()
        # Patches that are stored as open but are neither open on the server nor recent.
        left = [number for number in self._open_numbers() if number not in seen]
        for rows in self._one_by_one(left, result):
            self._store(rows, changes, asked_at, result)
        return result

    def _begin(self) -> PatchSyncResult:
        # Before the lists are read, so that the next run reads what happens in the meantime.
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
            # The event at the cursor no longer exists. Perhaps the project does not either.
            self._client.require_exists()
        new = [event for event in events if event.id not in known]
        result = PatchSyncResult(events=len(new))
        count("PatchworkEvents", len(new))
        if not new:
            return result
        changed = {patch.id: patch for event in new if (patch := event.payload.patch) is not None}
        changes = _changes(new)
        for rows in self._rows(changed, result):
            self._store(rows, changes, asked_at, result)
        self._cursors.move(SOURCE, _cursor(events, date, latest))
        return result

    def _server_time(self, offset: dt.timedelta) -> str:
        """Return the server's local time for an offset from UTC, in the format of event dates."""
        return (self._clock() + offset).astimezone(dt.UTC).replace(tzinfo=None).isoformat()

    def _rows(
        self, changed: dict[int, PatchRef], result: PatchSyncResult
    ) -> Iterator[list[PatchRow]]:
        """Yield the current rows of patches, with as few requests as possible."""
        left = set(changed)
        if len(changed) > _BY_NUMBER:
            dates = [patch.date.replace(tzinfo=dt.UTC) for patch in changed.values()]
            pages = self._client.patches(
                since=min(dates), before=min(max(dates), _LAST) + dt.timedelta(seconds=1)
            )
            # More pages would cost more than individual requests.
            for _, page in zip(range(len(changed) // 2), pages, strict=False):
                rows = [row for row in page if row.id in left]
                left.difference_update(row.id for row in rows)
                yield rows
                if not left:
                    return
        yield from self._one_by_one(sorted(left), result)

    def _one_by_one(
        self, numbers: Iterable[int], result: PatchSyncResult
    ) -> Iterator[list[PatchRow]]:
        for batch in batched(numbers, _SINGLES):
            rows = []
            for number in batch:
                row = self._client.patch(number)
                if row is None:
                    _logger.warning("Patchwork no longer has patch %s", number)
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
                numbers += [
                    patch.patchwork_id for patch in page.items if patch.patchwork_id is not None
                ]
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
    """Return the cursor after some events: the newest date, and the events to skip next time."""
    newest = max([before, *(event.date for event in events if event.date <= latest)])
    since = _overlapping(newest)
    return {
        "date": newest,
        "seen": sorted(event.id for event in events if event.date >= since)[-_MAX_SEEN:],
    }
