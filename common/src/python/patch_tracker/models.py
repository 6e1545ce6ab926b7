"""Models: people, patches, mails, and how they are related.

Times are timezone-aware UTC. The only exception is the date of Patchwork's events: it is the
server's local time without an offset, and is kept as the server wrote it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

UNKNOWN_TIME: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Time of a mail with neither a usable Date header nor a time of receipt."""


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """A person, as named by a mail or by Patchwork.

    Attributes
    ----------
    email
        The address in lower case. It identifies the person.
    name
        Empty if not given.
    """

    email: str
    name: str = ""

    def __str__(self) -> str:
        """Return the name and the address."""
        return f"{self.name} <{self.email}>" if self.name else self.email


class PatchStatus(StrEnum):
    """The states that every Patchwork server has. A server may define others.

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
"""States in which somebody still has to act."""


@dataclass(frozen=True, slots=True, order=True)
class StatusChange:
    """A change of a patch's state.

    Attributes
    ----------
    server_date
        Time of the change in Patchwork's local time, as Patchwork writes it.
    event
        ID of Patchwork's event.
    before, after
        The states.
    actor
        User who changed it; empty if unknown.
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
        Whether the mail with the trailer was sent from the trailer's address.
    """

    tag: str
    person: Person
    verified: bool = False


class MailKind(StrEnum):
    """Kind of a mail."""

    PATCH = "patch"
    COVER = "cover"
    PULL = "pull"
    REPLY = "reply"
    OTHER = "other"

    @property
    def is_target(self) -> bool:
        """Whether replies are linked to mails of this kind."""
        return self in {MailKind.PATCH, MailKind.COVER, MailKind.PULL}


class Sentiment(StrEnum):
    """How a reply sounds: a guess from its trailers and its wording."""

    APPROVAL = "approval"
    CONCERN = "concern"
    QUESTION = "question"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Discussion:
    """A stored mail of the list.

    Attributes
    ----------
    message_id
        Without `<` and `>`.
    timestamp
        The time by which mails are sorted: the Date header if it is plausible, otherwise the time
        at which the list's server received the mail.
    digest
        Hash of the mail. It distinguishes different mails with the same message ID.
    parents
        Message IDs of the mails that it answers, nearest first.
    thread
        Message ID of the root of its thread.
    target
        Message ID of the patch, cover letter or pull request that the mail is or answers; empty
        if there is none.
    review
        Whether the mail is a review: it gives a review trailer or comments on quoted code.
    sentiment_rule
        The rule of `mail.review` that determined the sentiment.
    variant
        Whether another mail with the same message ID is used instead of this one.
    problems
        What could not be read properly.
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
    """What the board needs to know about a reply to a patch."""

    timestamp: dt.datetime
    message_id: str
    author: Person
    sentiment: Sentiment
    review: bool
    trailers: tuple[Trailer, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch, cover letter or pull request, from Patchwork and from its mail.

    Attributes
    ----------
    id
        Project and message ID; see `repositories.keys.patch_id`.
    kind
        `PATCH`, `COVER` or `PULL`.
    timestamp
        The time by which patches are sorted. It is never later than the time at which the patch
        was first seen.
    patchwork_id
        Patchwork's number; None until Patchwork knows the patch. This field and those after it,
        up to `history`, come from Patchwork.
    status
        One of `PatchStatus`, or a state that the server defines; empty until Patchwork knows the
        patch.
    number, total
        Position in the series: 3 of 7. A cover letter is 0 of 7.
    history
        Known changes of the status, oldest first.
    paths, paths_total
        Files that the patch touches, at most 200, and how many there are in total.
    change_id
        The `change-id:` of the series; empty if there is none.
    cover
        Message ID of the cover letter; empty if there is none.
    trailers
        Trailers in the patch's own message.
    reply_count
        Number of mails that answer the patch.
    replies
        Summaries of these mails, oldest first. Only
        `repositories.discussions.DiscussionRepository.with_replies` fills this field.
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
        """Whether somebody still has to act on the patch."""
        return self.status in OPEN_STATUSES and not self.archived


class WaitingFor(StrEnum):
    """Who has to act next."""

    AUTHOR = "author"
    REVIEWERS = "reviewers"
    MAINTAINER = "maintainer"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Series:
    """Patches that were sent together.

    Attributes
    ----------
    key
        Patchwork's number of the series as text, or the message ID of a patch without a series.
    received, total
        Number of patches received, and the number expected.
    statuses
        Number of patches by status.
    tags
        Number of people by review trailer. Each person counts once.
    unverified_tags
        The same for trailers that were not sent from the person's own address.
    link
        Message ID of the cover letter or the first patch, for links to the archive.
    revisions
        Known versions of this work, including this one, oldest first.
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
