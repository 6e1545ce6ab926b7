"""What the tracker's functions are asked and what they answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from lambda_core import contracts
from lambda_core.contracts import Contract
from patch_tracker.sync.discussions import DiscussionSyncResult
from patch_tracker.sync.patches import PatchSyncResult

MAX_MESSAGE_IDS = 500
"""In an answer: it must fit into an event."""

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=998)]


class PatchMode(StrEnum):
    """How patches are fetched."""

    CHANGES = "changes"
    REFRESH = "refresh"


class FetchPatchesRequest(Contract):
    """What `fetch_patches` is asked.

    Attributes
    ----------
    mode
        `changes` since the last run, or `refresh` of everything that is open or young.
    """

    mode: PatchMode = PatchMode.CHANGES


class FetchPatchesResult(Contract):
    """What `fetch_patches` answers.

    Attributes
    ----------
    message_ids
        Of patches that were written, 500 at most; `more` is how many there are beside these.
    fallback
        Whether lists were read because the server has no events.
    requests, writes
        What it cost.
    """

    mode: PatchMode
    events: int
    written: int
    unchanged: int
    gone: int
    message_ids: tuple[str, ...]
    more: int
    fallback: bool
    requests: int
    writes: int


class FetchDiscussionsRequest(Contract):
    """What `fetch_discussions` is asked.

    Attributes
    ----------
    message_ids
        Mails whose threads are fetched as a whole if they are not there yet, beside everything
        that the archive received since the last run.
    """

    message_ids: tuple[MessageId, ...] = Field(default=(), max_length=MAX_MESSAGE_IDS)


class RefreshDiscussionsRequest(Contract):
    """What `refresh_discussions` is asked.

    Attributes
    ----------
    days
        How far to go back; None for the setting.
    """

    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class DiscussionsResult(Contract):
    """What the functions of discussions answer.

    Attributes
    ----------
    mails, new, known
        Mails that the archive gave; those of them that were stored now; that were there already.
    threads
        Threads that were asked for as a whole.
    not_found
        Message ids that the archive does not have.
    requests, writes
        What it cost.
    """

    mails: int
    new: int
    known: int
    threads: int
    not_found: tuple[str, ...]
    requests: int
    writes: int


def parse_event[R: Contract](model: type[R], event: dict[str, Any]) -> R:
    """Read an event; that of a function's destination stands for the answer that is in it.

    Errors are those of `lambda_core.contracts.parse_event`.
    """
    answer = event.get("responsePayload") if isinstance(event, dict) else None
    if isinstance(answer, dict) and "requestContext" in event:
        event = {name: answer[name] for name in model.model_fields if name in answer}
    return contracts.parse_event(model, event)


def patches_result(
    mode: PatchMode, result: PatchSyncResult, *, requests: int, writes: int
) -> FetchPatchesResult:
    """Return what a run did as an answer."""
    return FetchPatchesResult(
        mode=mode,
        events=result.events,
        written=result.written,
        unchanged=result.unchanged,
        gone=result.gone,
        message_ids=tuple(result.message_ids[:MAX_MESSAGE_IDS]),
        more=max(0, len(result.message_ids) - MAX_MESSAGE_IDS),
        fallback=result.fallback,
        requests=requests,
        writes=writes,
    )


def discussions_result(
    *results: DiscussionSyncResult, requests: int, writes: int
) -> DiscussionsResult:
    """Return what one or several runs did as an answer."""
    return DiscussionsResult(
        mails=sum(one.mails for one in results),
        new=sum(one.new for one in results),
        known=sum(one.known for one in results),
        threads=sum(one.threads for one in results),
        not_found=tuple(message_id for one in results for message_id in one.not_found),
        requests=requests,
        writes=writes,
    )
