"""Events and results of the tracker's functions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from lambda_core.contracts import Contract

MAX_MESSAGE_IDS = 500
"""Maximum number of message IDs in a result, so that it fits into an event."""

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=998)]


class PatchMode(StrEnum):
    """How patches are fetched."""

    CHANGES = "changes"
    REFRESH = "refresh"


class FetchPatchesRequest(Contract):
    """Event of `fetch_patches`.

    Attributes
    ----------
    mode
        `changes` fetches what changed since the last run; `refresh` fetches every patch that is
        open or recent.
    """

    mode: PatchMode = PatchMode.CHANGES


class FetchPatchesResult(Contract):
    """Result of `fetch_patches`.

    Attributes
    ----------
    mode
        The mode of the request.
    events
        New events of Patchwork.
    written, unchanged, gone
        Patches that were written, that were already stored as they are, and that Patchwork no
        longer has.
    message_ids
        Message IDs of the patches that were written, at most `MAX_MESSAGE_IDS`.
    more
        Number of written patches that are not in `message_ids`.
    fallback
        Whether lists were read because the server has no events.
    requests, writes
        Requests sent to Patchwork, and items written.
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
    """Event of `fetch_discussions`.

    Attributes
    ----------
    message_ids
        Fetch the whole threads of these messages unless they are stored. Everything that the
        archive received since the last run is fetched in any case.
    """

    message_ids: tuple[MessageId, ...] = Field(default=(), max_length=MAX_MESSAGE_IDS)


class RefreshDiscussionsRequest(Contract):
    """Event of `refresh_discussions`.

    Attributes
    ----------
    days
        Number of days to read again; None for the setting `refresh_days`.
    """

    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class DiscussionsResult(Contract):
    """Result of `fetch_discussions` and `refresh_discussions`.

    Attributes
    ----------
    mails, new, known
        Mails that the archive returned; of these, newly stored and already stored ones.
    threads
        Whole threads that were requested.
    not_found
        Message IDs that the archive does not have.
    requests, writes
        Requests sent to the archive, and items written.
    """

    mails: int
    new: int
    known: int
    threads: int
    not_found: tuple[str, ...]
    requests: int
    writes: int


def unwrap_destination(event: object) -> object:
    """Return the event for `fetch_discussions` if it is a record that a destination delivers.

    Such a record contains the result of `fetch_patches` as `responsePayload`. Any other event is
    returned unchanged. Source of the format:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Examples
    --------
    >>> record = {"requestContext": {}, "responsePayload": {"message_ids": ["a@b"], "events": 1}}
    >>> unwrap_destination(record)
    {'message_ids': ['a@b']}
    >>> unwrap_destination({"message_ids": []})
    {'message_ids': []}
    """
    if not isinstance(event, dict) or "requestContext" not in event:
        return event
    result = event.get("responsePayload")
    if not isinstance(result, dict):
        return event
    return {name: result[name] for name in FetchDiscussionsRequest.model_fields if name in result}
