"""The board: patches grouped into series, with what was said and who has to act next.

Who has to act next is decided by the first of these rules that applies:

1. Nobody, if no patch of the series is open.
2. The author, if a maintainer asked for changes, or if somebody asked a question or raised a
   concern that the author has not answered.
3. The maintainer, if every open patch has a verified Reviewed-by or Acked-by.
4. The reviewers.

Replies of bots count only if they report a problem, which is a concern.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from patch_tracker.mail.review import is_bot
from patch_tracker.mail.trailers import REVIEW_TAGS
from patch_tracker.models import (
    MailKind,
    Patch,
    PatchStatus,
    ReplySummary,
    Sentiment,
    Series,
    WaitingFor,
)

_APPROVING = ("Reviewed-by", "Acked-by")


def series_of(patches: Iterable[Patch]) -> list[Series]:
    """Group patches into series, those with the most recent activity first.

    A cover letter belongs to the series of its patches. Without patches, it is not a series.
    """
    groups: defaultdict[str, list[Patch]] = defaultdict(list)
    covers: dict[str, Patch] = {}
    for patch in patches:
        if patch.kind is MailKind.COVER:
            covers[patch.message_id] = patch
        else:
            groups[str(patch.series_id or patch.message_id)].append(patch)
    found = [_series(key, group, covers) for key, group in groups.items()]
    revisions: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
    for series in found:
        for link in _work_keys(series):
            revisions[link].add(series.version)
    linked = [
        replace(
            series,
            revisions=tuple(sorted({v for link in _work_keys(series) for v in revisions[link]})),
        )
        for series in found
    ]
    return sorted(linked, key=lambda series: (series.last_activity, series.key), reverse=True)


def _work_keys(series: Series) -> list[tuple[str, ...]]:
    """Return what links revisions of the same work: the change ID, otherwise title and author."""
    change_ids = {patch.change_id for patch in series.patches if patch.change_id}
    if change_ids:
        return [("change-id", change_id) for change_id in sorted(change_ids)]
    return [("title", series.submitter.email, " ".join(series.title.lower().split()))]


def _series(key: str, patches: list[Patch], covers: dict[str, Patch]) -> Series:
    ordered = tuple(sorted(patches, key=lambda patch: (patch.number, patch.message_id)))
    first = ordered[0]
    cover = covers.get(next((patch.cover for patch in ordered if patch.cover), ""))
    replies = [reply for patch in ordered for reply in patch.replies]
    replies += cover.replies if cover else ()
    newest = max([*(patch.timestamp for patch in ordered), *(reply.timestamp for reply in replies)])
    tags, unverified = _tags(ordered, cover)
    return Series(
        key=key,
        project=first.project,
        title=_title(ordered, cover),
        version=first.version,
        submitter=first.submitter,
        received=len(ordered),
        total=max(patch.total for patch in ordered),
        statuses=dict(Counter(patch.status or "unknown" for patch in ordered)),
        tags=tags,
        unverified_tags=unverified,
        replies=len(replies),
        last_activity=newest,
        waiting_for=waiting_for(ordered, cover),
        link=cover.message_id if cover else (first.cover or first.message_id),
        patches=ordered,
    )


def _title(patches: Sequence[Patch], cover: Patch | None) -> str:
    if cover:
        return cover.title
    first = patches[0]
    return first.title if first.total == 1 else (first.series_name or first.title)


def _tags(patches: Sequence[Patch], cover: Patch | None) -> tuple[dict[str, int], dict[str, int]]:
    """Count the people who gave each tag: verified tags, and all others."""
    given: defaultdict[str, set[str]] = defaultdict(set)
    claimed: defaultdict[str, set[str]] = defaultdict(set)
    for patch in (*patches, *((cover,) if cover else ())):
        for reply in patch.replies:
            for trailer in reply.trailers:
                if trailer.tag in REVIEW_TAGS:
                    side = given if trailer.verified else claimed
                    side[trailer.tag].add(trailer.person.email)
        for trailer in patch.trailers:
            # Added by the author, so nobody has confirmed it.
            if trailer.tag in REVIEW_TAGS:
                claimed[trailer.tag].add(trailer.person.email)
    return (
        {tag: len(given[tag]) for tag in REVIEW_TAGS if given[tag]},
        {tag: count for tag in REVIEW_TAGS if (count := len(claimed[tag] - given[tag]))},
    )


def waiting_for(patches: Sequence[Patch], cover: Patch | None = None) -> WaitingFor:
    """Return who has to act next, by the rules in the module's docstring."""
    pending = [patch for patch in patches if patch.is_open]
    if not pending:
        return WaitingFor.NOBODY
    if any(patch.status == PatchStatus.CHANGES_REQUESTED for patch in pending):
        return WaitingFor.AUTHOR
    to_all = cover.replies if cover else ()
    if any(_asks_author(patch, sorted((*patch.replies, *to_all))) for patch in pending):
        return WaitingFor.AUTHOR
    if all(_approved((*patch.replies, *to_all)) for patch in pending):
        return WaitingFor.MAINTAINER
    return WaitingFor.REVIEWERS


def _asks_author(patch: Patch, replies: Sequence[ReplySummary]) -> bool:
    """Whether the author has left a question or a concern unanswered."""
    open_askers: set[str] = set()
    for reply in replies:
        if reply.author.email == patch.submitter.email:
            open_askers.clear()
        elif is_bot(reply.author):
            if reply.sentiment is Sentiment.CONCERN:
                open_askers.add(reply.author.email)
        elif reply.sentiment in {Sentiment.QUESTION, Sentiment.CONCERN}:
            open_askers.add(reply.author.email)
        elif reply.sentiment is Sentiment.APPROVAL:
            # An approval resolves this person's earlier questions.
            open_askers.discard(reply.author.email)
    return bool(open_askers)


def _approved(replies: Iterable[ReplySummary]) -> bool:
    return any(
        trailer.verified and trailer.tag in _APPROVING
        for reply in replies
        for trailer in reply.trailers
    )
