"""Syncs the table Discussions with the archive of a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from typing import Final

from lambda_core.http import HttpStatusError, ResponseTooLargeError
from lambda_core.observability import count, get_logger
from patch_tracker.errors import PartialSyncError
from patch_tracker.lore.client import LoreClient
from patch_tracker.mail.dates import AHEAD, from_iso, iso
from patch_tracker.mail.mbox import MailboxError, RawMail
from patch_tracker.mail.message import Mail, normalize_message_id, parse_mail
from patch_tracker.models import OPEN_STATUSES
from patch_tracker.repositories import keys
from patch_tracker.repositories.discussions import DiscussionRepository
from patch_tracker.repositories.errors import DatabaseError
from patch_tracker.repositories.patches import PatchRepository
from patch_tracker.repositories.state import Cursors, Lease
from patch_tracker.repositories.table import Put
from patch_tracker.sync.storing import MailStore

SOURCE: Final = "lore"

OVERLAP: Final = dt.timedelta(hours=2)
"""How much each run reads again, because an archive indexes mails some time after it received
them."""

SLICE: Final = dt.timedelta(days=7)
"""Maximum period per request, so that no response is too large."""

MAX_BACKFILL: Final = 100
"""Maximum number of threads that a run requests. The next run continues."""

type Period = tuple[dt.datetime, dt.datetime | None]
"""Start and end of a period in which mails were received. Without an end, until now."""

_CHUNK: Final = 100
_CHUNK_BYTES: Final = 16 * 1024 * 1024
"""Maximum number and size of mails in memory, even if a response is highly compressed."""

MISSING: Final = dt.timedelta(days=90)
"""How long a message ID that the archive does not have is not requested again."""

_logger = get_logger(__name__)

_SINGLE_MESSAGE_STATUSES: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    }
)
"""Statuses that concern only the requested message, not the whole archive."""


@dataclass(slots=True)
class DiscussionSyncResult:
    """Result of a run.

    Attributes
    ----------
    mails, new, known
        Mails that the archive returned; of these, newly stored and already stored ones.
    failed
        By message ID: why a mail could not be stored, or its thread not read.
    threads
        Whole threads that were requested.
    not_found
        Message IDs that the archive does not have.
    """

    mails: int = 0
    new: int = 0
    known: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    threads: int = 0
    not_found: list[str] = field(default_factory=list)


class DiscussionSync:
    """Syncs the mails of one list.

    Parameters
    ----------
    lore, discussions, patches, store, cursors
        Source, destinations and progress.
    lease
        Held during writes.
    first
        Period that the first run reads.
    clock
        Returns the current time, timezone-aware.
    """

    def __init__(
        self,
        lore: LoreClient,
        discussions: DiscussionRepository,
        patches: PatchRepository,
        store: MailStore,
        cursors: Cursors,
        lease: Lease,
        *,
        first: dt.timedelta = dt.timedelta(days=30),
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._lore = lore
        self._discussions = discussions
        self._patches = patches
        self._store = store
        self._cursors = cursors
        self._lease = lease
        self._first = first
        self._clock = clock

    def recent(self) -> DiscussionSyncResult:
        """Store the mails that the archive received since the last run.

        Raises
        ------
        OutageError, HttpError, MailboxError, UnknownSourceError
            If the archive cannot be read. The mails read before are stored.
        PartialSyncError
            If some mails could not be stored. The cursor does not move past them.
        DatabaseError, BusyError
            If nothing more can be written.
        """
        now = self._clock()
        cursor = self._cursors.get(SOURCE)
        since = from_iso(cursor["received"]) - OVERLAP if cursor else now - self._first
        result = DiscussionSyncResult()
        with ExitStack() as stack:
            run = _Run(self, result, stack)
            newest = from_iso(cursor["received"]) if cursor else None
            # All mails since the last run usually fit into one response.
            periods: Iterable[Period] = [(since, None)] if cursor else _slices(since, now)
            for begin, end in periods:
                try:
                    run.store(self._lore.received(begin, end))
                except ResponseTooLargeError:
                    if end is not None or now - begin <= SLICE:
                        raise
                    for period in _slices(begin, now):
                        run.store(self._lore.received(*period))
                reached = max(filter(None, (newest, run.newest_before(now + AHEAD))), default=None)
                if reached is not None and reached != newest and not result.failed:
                    self._cursors.move(SOURCE, {"received": iso(reached)})
                    newest = reached
            if cursor is None:
                run.backfill()
        return _complete(result)

    def refresh(self, days: int) -> DiscussionSyncResult:
        """Read the last days again, and incomplete threads. The cursor does not move.

        A thread is incomplete if its first mail is missing, or if Patchwork knows an open patch in
        it whose mail is older than everything that was read.

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
            run.backfill(self._patches.without_mail(OPEN_STATUSES))
        return _complete(result)

    def threads(self, message_ids: Iterable[str]) -> DiscussionSyncResult:
        """Store the whole threads of messages that are not stored yet.

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
    """A run: parses mails, stores them in chunks, and acquires the lease before the first write."""

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
        for mails in _chunks(raws):
            self._received.update(mail.received for mail in mails if mail.received)
            self._mentioned.update(*(mail.parents for mail in mails))
            self._result.mails += len(mails)
            self._store(mails)

    def newest_before(self, limit: dt.datetime) -> dt.datetime | None:
        """Return the newest time of receipt up to a limit. Later times must be wrong."""
        return max((time for time in self._received if time <= limit), default=None)

    def backfill(self, wanted: Iterable[str] = ()) -> None:
        """Request the threads of missing mails that others mention, and of the wanted mails.

        A run requests at most `MAX_BACKFILL` threads.
        """
        nodes = self._sync._discussions.nodes(self._mentioned)
        # Request a thread by its root. If the root is stored, only a branch is missing.
        roots = {node.thread for node in nodes.values() if not node.winner}
        self.threads(chain(sorted(roots), wanted), limit=MAX_BACKFILL)

    def threads(self, message_ids: Iterable[str], *, limit: int | None = None) -> None:
        before = self._result.threads
        for message_id in dict.fromkeys(message_ids):
            if self._result.threads - before == limit:
                return
            try:
                self._thread(message_id.strip().strip("<>"))
            except (HttpStatusError, MailboxError, ResponseTooLargeError) as error:
                if (
                    isinstance(error, HttpStatusError)
                    and error.status not in _SINGLE_MESSAGE_STATUSES
                ):
                    raise
                # Continue, otherwise this thread would block all others in every run.
                _logger.exception("A thread cannot be read: %s", message_id)
                self._result.failed[message_id] = str(error)

    def _thread(self, message_id: str) -> None:
        sync = self._sync
        key = normalize_message_id(message_id)
        node = sync._discussions.nodes([key]).get(key)
        if node is not None and node.winner:
            return
        table, now = sync._discussions.table, sync._clock()
        tried = {"id": keys.missing_id(sync._discussions.project, key), "timestamp": keys.ONLY}
        known = table.get(tried)
        if known is not None and known[keys.EXPIRY] > now.timestamp():
            return
        self._result.threads += 1
        raws = sync._lore.thread(message_id)
        if raws is None:
            table.put(Put({**tried, keys.EXPIRY: int((now + MISSING).timestamp())}))
            self._result.not_found.append(message_id)
        else:
            self.store(raws)

    def _store(self, mails: Sequence[Mail]) -> None:
        store = self._sync._store
        missing = store.missing(mails)
        self._result.known += len(mails) - len(missing)
        count("MailsSkipped", len(mails) - len(missing))
        # Emit the metric even if nothing fails, because an alarm watches it.
        count("MailsFailed", 0)
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
            self._store_individually(missing)

    def _store_individually(self, mails: Sequence[Mail]) -> None:
        """Store each mail that can be stored, and record why the others cannot."""
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


def _chunks(raws: Iterable[RawMail]) -> Iterator[list[Mail]]:
    """Yield mails in chunks of limited size. Mails before an error are yielded before it."""
    chunk: list[Mail] = []
    size = 0
    try:
        for raw in raws:
            chunk.append(parse_mail(raw))
            size += len(raw.content)
            if len(chunk) == _CHUNK or size >= _CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
    except MailboxError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _slices(since: dt.datetime, now: dt.datetime) -> Iterator[Period]:
    """Split the time since a moment into periods of at most `SLICE`. The last has no end."""
    begin = since
    while now - begin > SLICE:
        yield begin, begin + SLICE
        begin += SLICE
    yield begin, None


def _complete(result: DiscussionSyncResult) -> DiscussionSyncResult:
    if result.failed:
        first, reason = next(iter(result.failed.items()))
        raise PartialSyncError(
            f"{len(result.failed)} mails or threads could not be read or stored "
            f"({result.mails} mails were read), for example {first!r}: {reason}",
            failed=result.failed,
            stored=result.new,
        )
    return result
