"""What the tracker knows: people, patches, mails, and how they belong together.

Times are timezone-aware UTC, but for what Patchwork's events state, which is the server's own
local time without an offset, and is kept as it was stated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

UNKNOWN_TIME: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Of a mail that tells neither when it was written nor when it was received."""


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """Somebody, as a mail or Patchwork names them.

    Attributes
    ----------
    email
        The address in lower case, by which people are compared.
    name
        Empty where none was given.
    """

    email: str
    name: str = ""

    def __str__(self) -> str:
        """Return the name with the address behind it."""
        return f"{self.name} <{self.email}>" if self.name else self.email


class PatchStatus(StrEnum):
    """Patchwork's states that every server has; a server may have others of its own.

    https://patchwork.readthedocs.io/en/latest/usage/overview/#states
    """

    NEW = "new"
    UNDER_REVIEW = "under-review"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RFC = "rfc"
    NOT_APPLICABLE = "not-applicable"
    CHANGES_REQUESTED = "changes-requested"
    AWAITING_UPSTREAM = "awaiting-upstream"
    SUPERSEDED = "superseded"
    DEFERRED = "deferred"


OPEN_STATUSES: Final = (
    PatchStatus.NEW,
    PatchStatus.UNDER_REVIEW,
    PatchStatus.CHANGES_REQUESTED,
    PatchStatus.AWAITING_UPSTREAM,
)
"""Those in which something is still to be done."""


@dataclass(frozen=True, slots=True, order=True)
class StatusChange:
    """One change of a patch's state.

    Attributes
    ----------
    server_date
        When, in Patchwork's local time as it states it.
    event
        Number of Patchwork's event.
    before, after
        The states.
    actor
        Who changed it; empty where Patchwork does not tell.
    """

    server_date: str
    event: int
    before: str
    after: str
    actor: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Trailer:
    """A line such as `Reviewed-by: A Name <a@example.org>`.

    Attributes
    ----------
    verified
        Whether the mail that has it was sent from the trailer's own address.
    """

    tag: str
    person: Person
    verified: bool = False


class MailKind(StrEnum):
    """What a mail is for the tracker."""

    PATCH = "patch"
    COVER = "cover"
    PULL = "pull"
    REPLY = "reply"
    OTHER = "other"

    @property
    def is_target(self) -> bool:
        """Whether replies are linked to it."""
        return self in {MailKind.PATCH, MailKind.COVER, MailKind.PULL}


class Sentiment(StrEnum):
    """How a reply sounds: a simple guess from its trailers and wording, not a judgement."""

    APPROVAL = "approval"
    CONCERN = "concern"
    QUESTION = "question"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Discussion:
    """A mail of the list, as it is stored.

    Attributes
    ----------
    message_id
        Without `<` and `>`.
    timestamp
        The time by which mails are sorted: the Date header where it can be true, else the time
        at which the list's server received it.
    digest
        Of the mail as it came; tells two mails of one message id apart.
    parents
        Ids of the mails that it answers, nearest first.
    thread
        Id of the root of its thread.
    target
        Id of the patch, cover letter or pull request that it is or answers; empty for none.
    review
        Whether it is a review: it gives a review trailer or comments on quoted code.
    sentiment_rule
        The rule of `mail.review` that gave the sentiment.
    variant
        Whether another mail of the same message id counts instead of this one.
    problems
        What could not be read as it should be.
    """

    project: str
    message_id: str
    timestamp: dt.datetime
    digest: str
    kind: MailKind
    author: Person
    subject: str
    parents: tuple[str, ...] = ()
    thread: str = ""
    target: str = ""
    trailers: tuple[Trailer, ...] = ()
    review: bool = False
    sentiment: Sentiment = Sentiment.NEUTRAL
    sentiment_rule: str = ""
    variant: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ReplySummary:
    """What the board needs of each mail that answers a patch."""

    timestamp: dt.datetime
    message_id: str
    author: Person
    sentiment: Sentiment
    review: bool
    trailers: tuple[Trailer, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch, cover letter or pull request: what Patchwork says of it, and what its mail says.

    Attributes
    ----------
    id
        The message id in its project, see `repositories.keys.patch_id`.
    kind
        `PATCH`, `COVER` or `PULL`.
    timestamp
        By which patches are sorted; never in the future of the moment at which it was first seen.
    patchwork_id
        Patchwork's number; None until Patchwork knows it. The fields after it up to `checks` are
        Patchwork's.
    status
        One of `PatchStatus`, or a state of the server's own; empty until Patchwork knows it.
    number, total
        Position in the series: 3 of 7; a cover letter is 0 of 7.
    history
        Known changes of the status, oldest first.
    paths
        Files that it touches, at most 200 of them; `paths_total` is how many there are.
    change_id
        The series' `change-id:`, empty where there is none.
    cover
        Message id of the cover letter; empty where there is none.
    trailers
        Of its own text.
    reply_count
        How many mails answer it.
    replies
        What these say, oldest first; empty unless it is from
        `repositories.discussions.DiscussionRepository.with_replies`.
    """

    id: str
    project: str
    message_id: str
    kind: MailKind
    timestamp: dt.datetime
    title: str
    submitter: Person
    version: int = 1
    number: int = 1
    total: int = 1
    patchwork_id: int | None = None
    name: str = ""
    status: str = ""
    archived: bool = False
    delegate: str = ""
    commit_ref: str = ""
    pull_url: str = ""
    hash: str = ""
    check: str = ""
    web_url: str = ""
    series_id: int | None = None
    series_name: str = ""
    history: tuple[StatusChange, ...] = ()
    paths: tuple[str, ...] = ()
    paths_total: int = 0
    change_id: str = ""
    cover: str = ""
    thread: str = ""
    trailers: tuple[Trailer, ...] = ()
    replies: tuple[ReplySummary, ...] = ()
    reply_count: int = 0

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.status in OPEN_STATUSES and not self.archived


class WaitingFor(StrEnum):
    """Who has to act next."""

    AUTHOR = "author"
    REVIEWERS = "reviewers"
    MAINTAINER = "maintainer"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Series:
    """Patches that were sent together, as a reader sees them.

    Attributes
    ----------
    key
        Patchwork's number of the series as text, or the message id of a patch without one.
    received, total
        Patches that are there, and how many there should be.
    statuses
        How many patches are in which status.
    tags
        How many people gave which review trailer, each counted once.
    unverified_tags
        Those given in another's name.
    link
        Message id under which the archive shows it: its cover letter or first patch.
    revisions
        Versions that are known of this work, this one included, oldest first.
    """

    key: str
    project: str
    title: str
    version: int
    submitter: Person
    received: int
    total: int
    statuses: Mapping[str, int]
    tags: Mapping[str, int]
    unverified_tags: Mapping[str, int]
    replies: int
    last_activity: dt.datetime
    waiting_for: WaitingFor
    link: str
    patches: tuple[Patch, ...] = ()
    revisions: tuple[int, ...] = field(default=())
