"""The tracker's functions as one object: made of settings once, and used by every invocation."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from pydantic import Field

from lambda_core import aws
from lambda_core.http import HttpLimits
from lambda_core.settings import EnvironmentSettings
from patch_tracker import __version__
from patch_tracker.lore.client import LoreClient
from patch_tracker.patchwork.client import PatchworkClient
from patch_tracker.polite import PRODUCT, Manners, PoliteSession
from patch_tracker.repositories.discussions import DiscussionRepository
from patch_tracker.repositories.patches import PatchRepository
from patch_tracker.repositories.state import Cursors, Lease
from patch_tracker.repositories.table import DynamoTable
from patch_tracker.sync.discussions import DiscussionSync
from patch_tracker.sync.patches import PatchSync
from patch_tracker.sync.storing import MailStore

METRICS_NAMESPACE = "PatchTracker"

RUNS_SUCCEEDED = "RunsSucceeded"
"""A metric of each function: whether it still runs at all."""

_TABLE_NAME = r"^[A-Za-z0-9_.-]{3,255}$"


class TrackerSettings(EnvironmentSettings):
    """What the environment sets.

    Attributes
    ----------
    patches_table, discussions_table
        Names of the tables.
    contact
        Where the people of the servers can complain; sent with each request.
    patchwork_url, patchwork_project
        The Patchwork server, and the project's name there. It is the tracker's name of it, too.
    lore_url, lore_list
        The archive, and the list's name there.
    request_spacing_seconds
        The least time between two requests to one server; half of it may be added by chance.
    first_days
        How far the first reading of the list goes back.
    refresh_days
        How far the weekly reading of the list goes back.
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
    """Repositories and syncs of one project."""

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        client = aws.client("dynamodb", user_agent=f"{PRODUCT}/{__version__}")
        project = settings.patchwork_project
        self._patch_rows = DynamoTable(client, settings.patches_table)
        self._discussion_rows = DynamoTable(client, settings.discussions_table)
        self.patches = PatchRepository(self._patch_rows, project)
        self.discussions = DiscussionRepository(self._discussion_rows, project)
        self._cursors = Cursors(self._patch_rows, project)
        self._limits = HttpLimits(read_seconds=60, total_seconds=300)

    @property
    def writes(self) -> int:
        """How many items were written since this was made."""
        return self._patch_rows.counts["writes"] + self._discussion_rows.counts["writes"]

    @cached_property
    def patchwork(self) -> PatchworkClient:
        """The Patchwork server."""
        settings = self.settings
        return PatchworkClient(
            settings.patchwork_url, settings.patchwork_project, self.patchwork_session
        )

    @cached_property
    def patchwork_session(self) -> PoliteSession:
        """How Patchwork is asked."""
        return PoliteSession("Patchwork", self._manners(), limits=self._limits)

    @cached_property
    def lore(self) -> LoreClient:
        """The archive."""
        return LoreClient(self.settings.lore_url, self.settings.lore_list, self.lore_session)

    @cached_property
    def lore_session(self) -> PoliteSession:
        """How the archive is asked."""
        return PoliteSession("Lore", self._manners(), limits=self._limits)

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
            MailStore(self.discussions, self._patch_rows),
            self._cursors,
            Lease(self._discussion_rows, self.settings.patchwork_project),
            first=dt.timedelta(days=self.settings.first_days),
        )

    def _manners(self) -> Manners:
        spacing = self.settings.request_spacing_seconds
        return Manners(self.settings.contact, spacing, spacing / 2)
