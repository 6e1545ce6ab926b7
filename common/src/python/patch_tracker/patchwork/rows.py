"""Models of Patchwork's responses, with the fields that the tracker uses.

The fields are those of API 1.2: https://patchwork.readthedocs.io/en/latest/api/rest/
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


Text = Annotated[str, StringConstraints(max_length=4096)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]


class PersonRow(_Row):
    """A sender. `name` can be null."""

    name: Text | None = None
    email: Text


class UserRow(_Row):
    """A user of Patchwork, such as a delegate."""

    username: Text


class SeriesRef(_Row):
    """A series in a row of a patch."""

    id: int
    name: Text | None = None
    version: int = 1


class PatchRef(_Row):
    """A patch in a row of an event."""

    id: int
    msgid: Text
    date: dt.datetime
    name: Text


class PatchRow(PatchRef):
    """A patch in a list.

    `date` is the Date header of the mail, as UTC without an offset. `hash` is null for pull
    requests.
    """

    web_url: Text = ""
    commit_ref: Text | None = None
    pull_url: Text | None = None
    state: Slug
    archived: bool = False
    hash: Text | None = None
    submitter: PersonRow
    delegate: UserRow | None = None
    series: tuple[SeriesRef, ...] = ()
    check: Text = ""


class Payload(_Row):
    """Details of an event. The category of the event determines which fields are present."""

    patch: PatchRef | None = None
    cover: PatchRef | None = None
    series: SeriesRef | None = None
    previous_state: Slug | None = None
    current_state: Slug | None = None


class EventRow(_Row):
    """An event.

    `date` is the server's local time without an offset, with microseconds. It stays text, because
    later requests send it back unchanged.
    """

    id: int
    category: Text
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$")]
    actor: UserRow | None = None
    payload: Payload


class ProjectRow(_Row):
    """A project."""

    id: int
    link_name: Text
