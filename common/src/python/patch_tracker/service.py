"""The patch tracker: its settings, and one method for each of its functions."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from pydantic import Field

from lambda_core import aws
from lambda_core.http import HttpLimits
from lambda_core.observability import count
from lambda_core.settings import EnvironmentSettings
from patch_tracker import __version__
from patch_tracker.contracts import (
    MAX_MESSAGE_IDS,
    DiscussionsResult,
    FetchDiscussionsRequest,
    FetchPatchesRequest,
    FetchPatchesResult,
    PatchMode,
    RefreshDiscussionsRequest,
)
from patch_tracker.lore.client import LoreClient
from patch_tracker.patchwork.client import PatchworkClient
from patch_tracker.repositories.discussions import DiscussionRepository
from patch_tracker.repositories.patches import PatchRepository
from patch_tracker.repositories.state import Cursors, Lease
from patch_tracker.repositories.table import DynamoTable
from patch_tracker.sync.discussions import DiscussionSync, DiscussionSyncResult
from patch_tracker.sync.patches import PatchSync
from patch_tracker.sync.storing import MailStore
from patch_tracker.throttled_session import PRODUCT, RequestPolicy, ThrottledSession

METRICS_NAMESPACE = "PatchTracker"

RUNS_SUCCEEDED = "RunsSucceeded"
"""Metric of each function. An alarm reports if it stops."""

_TABLE_NAME = r"^[A-Za-z0-9_.-]{3,255}$"


class TrackerSettings(EnvironmentSettings):
    """Settings from environment variables.

    Attributes
    ----------
    patches_table, discussions_table
        Names of the DynamoDB tables.
    contact
        URL or address at which the operators of the servers can report problems; sent with each
        request.
    patchwork_url, patchwork_project
        The Patchwork server, and the link name of the project. The tracker uses the same name.
    lore_url, lore_list
        The archive, and the name of the list there.
    request_spacing_seconds
        Minimum time between two requests to one server. Up to half of it is added at random.
    first_days
        Number of days that the first run reads.
    refresh_days
        Number of days that the weekly run reads again.
    """

    patches_table: str = Field(pattern=_TABLE_NAME, description="the name of a DynamoDB table")
    discussions_table: str = Field(pattern=_TABLE_NAME, description="the name of a DynamoDB table")
    contact: str = Field(
        min_length=3,
        pattern=r"^[ -'*-~]+$",
        description="an address or a URL, printable ASCII without parentheses",
    )
    patchwork_url: str = Field(
        default="https://patchwork.kernel.org/",
        pattern=r"^https?://",
        description="the URL of a Patchwork server",
    )
    patchwork_project: str = Field(
        default="rust-for-linux", description="the link name of a project of that server"
    )
    lore_url: str = Field(
        default="https://lore.kernel.org/",
        pattern=r"^https?://",
        description="the URL of a public-inbox server",
    )
    lore_list: str = Field(default="rust-for-linux", description="the name of a list there")
    request_spacing_seconds: float = Field(
        default=1.0, ge=0, le=60, description="seconds from 0 to 60"
    )
    first_days: int = Field(default=30, ge=1, le=3650, description="days from 1 to 3650")
    refresh_days: int = Field(default=90, ge=1, le=3650, description="days from 1 to 3650")


class Tracker:
    """The tracker of one project. Create it once and reuse it for all invocations.

    Parameters
    ----------
    settings
        What to read, and where to store it.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        client = aws.client("dynamodb", user_agent=f"{PRODUCT}/{__version__}")
        project = settings.patchwork_project
        self._patches_table = DynamoTable(client, settings.patches_table)
        self._discussions_table = DynamoTable(client, settings.discussions_table)
        self.patches = PatchRepository(self._patches_table, project)
        self.discussions = DiscussionRepository(self._discussions_table, project)
        self._cursors = Cursors(self._patches_table, project)
        self._limits = HttpLimits(read_seconds=60, total_seconds=300)

    def fetch_patches(self, request: FetchPatchesRequest) -> FetchPatchesResult:
        """Read Patchwork into the table Patches.

        Raises
        ------
        HttpError, FormatError, UnknownSourceError
            If Patchwork cannot be read.
        DatabaseError
            If something cannot be written. The next run repeats it.
        """
        requests, writes = self.patchwork_session.counts["requests"], self.writes
        if request.mode is PatchMode.REFRESH:
            result = self.patch_sync.refresh()
        else:
            result = self.patch_sync.changes()
        count(RUNS_SUCCEEDED)
        return FetchPatchesResult(
            mode=request.mode,
            events=result.events,
            written=result.written,
            unchanged=result.unchanged,
            gone=result.gone,
            message_ids=tuple(result.message_ids[:MAX_MESSAGE_IDS]),
            more=max(0, len(result.message_ids) - MAX_MESSAGE_IDS),
            fallback=result.fallback,
            requests=self.patchwork_session.counts["requests"] - requests,
            writes=self.writes - writes,
        )

    def fetch_discussions(self, request: FetchDiscussionsRequest) -> DiscussionsResult:
        """Read new mails, and the threads of some messages, into the table Discussions.

        Raises
        ------
        OutageError, HttpError, MailboxError, UnknownSourceError
            If the archive cannot be read. What was read before is stored.
        PartialSyncError
            If some mails could not be stored. The next run repeats them.
        DatabaseError, BusyError
            If nothing more can be written.
        """
        requests, writes = self.lore_session.counts["requests"], self.writes
        recent = self.discussion_sync.recent()
        threads = self.discussion_sync.threads(request.message_ids)
        return self._discussions_result([recent, threads], requests, writes)

    def refresh_discussions(self, request: RefreshDiscussionsRequest) -> DiscussionsResult:
        """Read the mails of the last days again, and store what is missing.

        Raises
        ------
        OutageError, HttpError, MailboxError, UnknownSourceError, PartialSyncError, DatabaseError, \
BusyError
            As for `fetch_discussions`.
        """
        requests, writes = self.lore_session.counts["requests"], self.writes
        result = self.discussion_sync.refresh(request.days or self.settings.refresh_days)
        return self._discussions_result([result], requests, writes)

    def _discussions_result(
        self, results: list[DiscussionSyncResult], requests: int, writes: int
    ) -> DiscussionsResult:
        """Add up the results; `requests` and `writes` are the counts before the run."""
        count(RUNS_SUCCEEDED)
        return DiscussionsResult(
            mails=sum(result.mails for result in results),
            new=sum(result.new for result in results),
            known=sum(result.known for result in results),
            threads=sum(result.threads for result in results),
            not_found=tuple(message_id for result in results for message_id in result.not_found),
            requests=self.lore_session.counts["requests"] - requests,
            writes=self.writes - writes,
        )

    @property
    def writes(self) -> int:
        """Number of items that this object has written."""
        return self._patches_table.counts["writes"] + self._discussions_table.counts["writes"]

    @cached_property
    def patchwork(self) -> PatchworkClient:
        """Client of the Patchwork server."""
        settings = self.settings
        return PatchworkClient(
            settings.patchwork_url, settings.patchwork_project, self.patchwork_session
        )

    @cached_property
    def patchwork_session(self) -> ThrottledSession:
        """HTTP session for Patchwork."""
        return ThrottledSession("Patchwork", self._request_policy(), limits=self._limits)

    @cached_property
    def lore(self) -> LoreClient:
        """Client of the archive."""
        return LoreClient(self.settings.lore_url, self.settings.lore_list, self.lore_session)

    @cached_property
    def lore_session(self) -> ThrottledSession:
        """HTTP session for the archive."""
        return ThrottledSession("Lore", self._request_policy(), limits=self._limits)

    @cached_property
    def patch_sync(self) -> PatchSync:
        """Reads Patchwork into the table Patches."""
        return PatchSync(self.patchwork, self.patches, self._cursors)

    @cached_property
    def discussion_sync(self) -> DiscussionSync:
        """Reads the archive into the table Discussions."""
        return DiscussionSync(
            self.lore,
            self.discussions,
            self.patches,
            MailStore(self.discussions, self._patches_table),
            self._cursors,
            Lease(self._discussions_table, self.settings.patchwork_project),
            first=dt.timedelta(days=self.settings.first_days),
        )

    def _request_policy(self) -> RequestPolicy:
        spacing = self.settings.request_spacing_seconds
        return RequestPolicy(self.settings.contact, spacing, spacing / 2)
