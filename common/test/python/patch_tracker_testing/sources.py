"""Both syncs with local stand-ins of both servers, and a clock that tests control."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from patch_tracker_testing.tables import PROJECT, Tables

from patch_tracker.lore.client import LoreClient
from patch_tracker.mail.message import Mail
from patch_tracker.patchwork.client import PatchworkClient
from patch_tracker.repositories.state import Cursors, Lease
from patch_tracker.sync.discussions import DiscussionSync
from patch_tracker.sync.patches import PatchSync
from patch_tracker.throttled_session import RequestPolicy, ThrottledSession
from run_local.patch_tracker.lore_server import LoreServer
from run_local.patch_tracker.patchwork_server import PatchworkServer

POLICY = RequestPolicy(contact="tests", spacing_seconds=0, jitter_seconds=0, attempts=3)


def throttled_session(source: str = "Test") -> ThrottledSession:
    """Return a session that never waits."""
    return ThrottledSession(source, POLICY, sleep=lambda _: None)


@dataclass
class Sources:
    """Both servers and their syncs.

    Attributes
    ----------
    now
        The current time for the syncs.
    """

    patchwork: PatchworkServer
    lore: LoreServer
    now: dt.datetime

    def receive(self, mails: Iterable[Mail]) -> None:
        """Send mails to both servers."""
        for mail in mails:
            self.patchwork.receive(mail)
            self.lore.receive(mail)

    def patch_sync(self, tables: Tables, url: str | None = None) -> PatchSync:
        """Return the sync of patches with the server, or with a proxy in front of it."""
        client = PatchworkClient(url or self.patchwork.url, PROJECT, throttled_session("Patchwork"))
        cursors = Cursors(tables.patches_table, PROJECT)
        return PatchSync(client, tables.patches, cursors, clock=self._clock())

    def discussion_sync(self, tables: Tables, url: str | None = None) -> DiscussionSync:
        """Return the sync of discussions with the server, or with a proxy in front of it."""
        return DiscussionSync(
            LoreClient(url or self.lore.url, PROJECT, throttled_session("Lore")),
            tables.discussions,
            tables.patches,
            tables.store,
            Cursors(tables.patches_table, PROJECT),
            Lease(tables.discussions_table, PROJECT),
            clock=self._clock(),
        )

    def _clock(self) -> Callable[[], dt.datetime]:
        return lambda: self.now

    @property
    def requests(self) -> int:
        """Number of requests that both servers received."""
        return len(self.patchwork.requests) + len(self.lore.requests)


@contextmanager
def running_sources(
    mails: Iterable[Mail] = (), now: dt.datetime = dt.datetime(2021, 10, 25, tzinfo=dt.UTC)
) -> Iterator[Sources]:
    """Run both servers."""
    mails = list(mails)
    server_time = now.replace(tzinfo=None)
    with (
        PatchworkServer(PROJECT, mails, clock=lambda: server_time) as patchwork,
        LoreServer(PROJECT, mails) as lore,
    ):
        yield Sources(patchwork, lore, now)
