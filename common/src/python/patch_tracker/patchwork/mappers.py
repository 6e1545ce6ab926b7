"""Converts Patchwork's rows into the item attributes that Patchwork owns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from patch_tracker.mail.message import normalize_message_id
from patch_tracker.mail.subject import parse_subject
from patch_tracker.models import Person, StatusChange
from patch_tracker.patchwork.rows import EventRow, PatchRow
from patch_tracker.repositories import keys
from patch_tracker.repositories.codec import change_entry, person_value
from patch_tracker.repositories.table import Item

AHEAD: Final = dt.timedelta(days=1)
"""How far in the future the Date header of a mail may be."""


def patch_id_of(project: str, msgid: str) -> str:
    """Return the tracker's ID of a patch for the message ID that Patchwork returns."""
    return keys.patch_id(project, normalize_message_id(msgid))


def patch_attributes(
    project: str, row: PatchRow, seen_at: dt.datetime, changes: Iterable[StatusChange] = ()
) -> Item:
    """Return the attributes of a patch that come from Patchwork.

    Parameters
    ----------
    seen_at
        The time of this run. It replaces a date in the future, which would otherwise sort the
        patch above all others for years.
    changes
        Changes of the patch's status that are known from events.
    """
    message_id = normalize_message_id(row.msgid)
    date = row.date.replace(tzinfo=dt.UTC) if row.date.tzinfo is None else row.date
    time = date if date <= seen_at + AHEAD else seen_at
    month = keys.month_of(time)
    series = row.series[0] if row.series else None
    heading = parse_subject(row.name)
    name = " ".join((row.submitter.name or "").split())
    email = row.submitter.email.lower()
    optional = {
        "commit_ref": row.commit_ref,
        "delegate": row.delegate.username if row.delegate else None,
        "hash": row.hash,
        "pull_url": row.pull_url,
        "series_id": series.id if series else None,
        "series_key": keys.series_key(project, series.id) if series else None,
        "series_name": series.name if series else None,
        "series_sort": f"{heading.number or 0:04d}#{message_id}" if series else None,
        "web_url": row.web_url,
        "check": row.check,
    }
    history = {change_entry(change) for change in changes}
    return {
        "archived": row.archived,
        "name": row.name,
        "patchwork_id": row.id,
        "sort": keys.sort_key(time, message_id),
        "status": row.state,
        "status_key": keys.status_key(row.state, project, month),
        "submitter": person_value(Person(email, name)),
        "submitter_key": keys.submitter_key(project, email),
        **{key: value for key, value in optional.items() if value not in {None, ""}},
        **({"history": history} if history else {}),
    }


def status_change_of(event: EventRow) -> StatusChange | None:
    """Return the change of status in an event, or None for any other event."""
    payload = event.payload
    if payload.previous_state is None or payload.current_state is None:
        return None
    return StatusChange(
        server_date=event.date,
        event=event.id,
        before=payload.previous_state,
        after=payload.current_state,
        actor=event.actor.username if event.actor else "",
    )
