"""Brings the table Discussions up to date with a list's archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import batched
from typing import Final

from lambda_core.http import ResponseTooLargeError
from lambda_core.observability import count, get_logger
from patch_tracker.errors import PartialSyncError
from patch_tracker.lore.client import LoreClient
from patch_tracker.mail.dates import AHEAD, from_iso, iso
from patch_tracker.mail.mbox import RawMail
from patch_tracker.mail.message import Mail, parse_mail
from patch_tracker.repositories import keys
from patch_tracker.repositories.discussions import DiscussionRepository
from patch_tracker.repositories.errors import DatabaseError
from patch_tracker.repositories.state import Cursors, Lease
from patch_tracker.repositories.table import Put
from patch_tracker.sync.storing import MailStore

SOURCE: Final = "lore"

OVERLAP: Final = dt.timedelta(hours=2)
"""How much of what was read before is read again: an archive indexes mails a while after the time
at which they were received."""

SLICE: Final = dt.timedelta(days=7)
"""What one request asks for at most, so that no answer is too large."""

MAX_BACKFILL: Final = 100
"""Threads that one run asks for; the next one goes on."""

type Span = tuple[dt.datetime, dt.datetime | None]
"""When mails were received, from and to; until now where there is no end."""

_CHUNK: Final = 100

_logger = get_logger(__name__)


@dataclass(slots=True)
class DiscussionSyncResult:
    """What a run did.

    Attributes
    ----------
    mails, new, known
        Mails that the archive gave, and those of them that were stored now or before.
    failed
        Why some could not be stored, by message id.
    threads
        Threads that were asked for as a whole.
    not_found
        Message ids that the archive does not have.
    """

    mails: int = 0
    new: int = 0
    known: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    threads: int = 0
    not_found: list[str] = field(default_factory=list)


class DiscussionSync:
    """Reads one list of an archive into the table Discussions.

    Parameters
    ----------
    lore, discussions, store, cursors
        Where from, where to, and what is remembered.
    lease
        Held while anything is written.
    first
        How far the first run goes back.
    clock
        The time, timezone-aware.
    """

    def __init__(
        self,
        lore: LoreClient,
        discussions: DiscussionRepository,
        store: MailStore,
        cursors: Cursors,
        lease: Lease,
        *,
        first: dt.timedelta = dt.timedelta(days=30),
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._lore = lore
        self._discussions = discussions
        self._store = store
        self._cursors = cursors
        self._lease = lease
        self._first = first
        self._clock = clock

    def recent(self) -> DiscussionSyncResult:
        """Store what the archive received since the last run.

        Raises
        ------
        OutageError, HttpError, MailboxError, UnknownSourceError
            The archive could not be read; what was read before that is stored.
        PartialSyncError
            Some mails could not be stored. The cursor stays before them.
        DatabaseError, BusyError
            Nothing more could be written.
        """
        now = self._clock()
        cursor = self._cursors.get(SOURCE)
        since = from_iso(cursor["received"]) - OVERLAP if cursor else now - self._first
        result = DiscussionSyncResult()
        with ExitStack() as stack:
            run = _Run(self, result, stack)
            newest = from_iso(cursor["received"]) if cursor else None
            # What came since the last run fits into one answer, however long ago that was, unless
            # it is told otherwise.
            spans: Iterable[Span] = [(since, None)] if cursor else _slices(since, now)
            for begin, end in spans:
                try:
                    run.store(self._lore.received(begin, end))
                except ResponseTooLargeError:
                    if end is not None or now - begin <= SLICE:
                        raise
                    for span in _slices(begin, now):
                        run.store(self._lore.received(*span))
                reached = max(filter(None, (newest, run.newest_before(now + AHEAD))), default=None)
                if reached is not None and reached != newest and not result.failed:
                    self._cursors.move(SOURCE, {"received": iso(reached)})
                    newest = reached
            if cursor is None:
                run.backfill()
        return _complete(result)

    def refresh(self, days: int) -> DiscussionSyncResult:
        """Read the last days again, and threads whose beginning is missing; the cursor stays.

        Raises
        ------
        OutageError, HttpError, MailboxError, UnknownSourceError, PartialSyncError, DatabaseError
            As for `recent`.
        """
        now = self._clock()
        result = DiscussionSyncResult()
        with ExitStack() as stack:
            run = _Run(self, result, stack)
            for begin, end in _slices(now - dt.timedelta(days=days), now):
                run.store(self._lore.received(begin, end))
            run.backfill()
        return _complete(result)

    def threads(self, message_ids: Iterable[str]) -> DiscussionSyncResult:
        """Store the whole threads of mails that are not stored yet.

        Raises
        ------
        OutageError, HttpError, MailboxError, PartialSyncError, DatabaseError, BusyError
            As for `recent`.
        """
        result = DiscussionSyncResult()
        with ExitStack() as stack:
            _Run(self, result, stack).threads(message_ids)
        return _complete(result)


class _Run:
    """One run: parses, stores in chunks, and takes the lease when there is something to write."""

    def __init__(
        self, sync: DiscussionSync, result: DiscussionSyncResult, stack: ExitStack
    ) -> None:
        self._sync = sync
        self._result = result
        self._stack = stack
        self._holds = False
        self._received: set[dt.datetime] = set()
        self._mentioned: set[str] = set()

    def store(self, raws: Iterable[RawMail]) -> None:
        for chunk in batched(raws, _CHUNK):
            mails = [parse_mail(raw) for raw in chunk]
            self._received |= (
                {max(mail.received for mail in mails if mail.received)}
                if any(mail.received for mail in mails)
                else set()
            )
            self._mentioned.update(*(mail.parents for mail in mails))
            self._result.mails += len(mails)
            self._store(mails)

    def newest_before(self, limit: dt.datetime) -> dt.datetime | None:
        """Return the newest time at which a mail was received; what is later cannot be true."""
        return max((time for time in self._received if time <= limit), default=None)

    def backfill(self) -> None:
        """Ask for threads of which mails are mentioned that are not there, each id once."""
        sync = self._sync
        nodes = sync._discussions.nodes(self._mentioned)
        # The root stands for its thread: where it is there, only a branch is missing.
        roots = {node.thread for node in nodes.values() if not node.winner}
        self.threads(sorted(roots)[:MAX_BACKFILL])

    def threads(self, message_ids: Iterable[str]) -> None:
        sync = self._sync
        rows = sync._discussions.rows
        for message_id in dict.fromkeys(message_ids):
            node = sync._discussions.nodes([message_id]).get(message_id)
            if node is not None and node.winner:
                continue
            tried = {"id": keys.missing_id(sync._discussions.project, message_id)}
            tried["timestamp"] = keys.ONLY
            if rows.get(tried) is not None:
                continue
            self._result.threads += 1
            raws = sync._lore.thread(message_id)
            if raws is None:
                rows.put(Put({**tried, "since": iso(sync._clock())}))
                self._result.not_found.append(message_id)
                continue
            self.store(raws)

    def _store(self, mails: Sequence[Mail]) -> None:
        store = self._sync._store
        missing = store.missing(mails)
        self._result.known += len(mails) - len(missing)
        count("MailsSkipped", len(mails) - len(missing))
        if not missing:
            return
        if not self._holds:
            self._stack.enter_context(self._sync._lease.held())
            self._holds = True
        try:
            store.store(missing)
            self._result.new += len(missing)
            count("MailsWritten", len(missing))
        except DatabaseError as error:
            if error.transient:
                raise
            self._store_one_by_one(missing)

    def _store_one_by_one(self, mails: Sequence[Mail]) -> None:
        """Store what can be stored, and keep the reasons why the rest cannot be."""
        for mail in mails:
            try:
                self._sync._store.store([mail])
                self._result.new += 1
                count("MailsWritten")
            except DatabaseError as error:
                if error.transient:
                    raise
                _logger.exception("A mail cannot be stored: %s", mail.message_id)
                self._result.failed[mail.message_id] = str(error)
                count("MailsFailed")


def _slices(since: dt.datetime, now: dt.datetime) -> Iterator[Span]:
    """Yield spans of at most `SLICE` from a moment on; the last one has no end."""
    begin = since
    while now - begin > SLICE:
        yield begin, begin + SLICE
        begin += SLICE
    yield begin, None


def _complete(result: DiscussionSyncResult) -> DiscussionSyncResult:
    if result.failed:
        first, reason = next(iter(result.failed.items()))
        raise PartialSyncError(
            f"{len(result.failed)} of {result.mails} mails could not be stored, such as "
            f"{first!r}: {reason}",
            failed=result.failed,
            stored=result.new,
        )
    return result
