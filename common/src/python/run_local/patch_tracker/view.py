"""What `run-local.sh patch-tracker` prints: the board, a patch with its discussion, exports."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from lambda_core.errors import UsageError
from lambda_core.spreadsheet import cell_text, visible
from patch_tracker.board import series_of
from patch_tracker.mail.dates import iso
from patch_tracker.models import Discussion, MailKind, Patch, Series
from patch_tracker.repositories.errors import ItemNotFoundError
from patch_tracker.service import Tracker
from run_local.patch_tracker.demonstration import Demonstration

FORMATS: Final = ("csv", "json", "parquet")

_TITLE: Final = 52
"""Maximum length of a title on the board, in characters."""

_B4_SERVER: Final = "lore.kernel.org"
"""The only server from which `b4` reads without being configured."""


def board(shown: Demonstration, patches: Sequence[Patch] | None = None) -> str:
    """Return the board as text: all series, or those that contain some of `patches`."""
    tracker = shown.tracker
    found = _all_series(tracker)
    if patches is not None:
        wanted = {patch.id for patch in patches}
        found = [series for series in found if any(item.id in wanted for item in series.patches)]
    lines = [f"Patches of {tracker.settings.patchwork_project}", f"Source: {shown.source}", ""]
    for series in found:
        lines += _series_lines(shown, series)
    if not found:
        lines.append("No series.")
    if patches is None:
        lines += ["", _footer(shown, found)]
    return "\n".join(lines).rstrip() + "\n"


def _all_series(tracker: Tracker) -> list[Series]:
    return series_of(tracker.discussions.with_replies(tracker.patches.all()))


def _series_lines(shown: Demonstration, series: Series) -> Iterator[str]:
    title = visible(series.title)
    short = title if len(title) <= _TITLE else title[: _TITLE - 1] + "…"
    states = ", ".join(
        status if count == series.received else f"{status} {count}"
        for status, count in sorted(series.statuses.items())
    )
    tags = [f"{tag} {count}" for tag, count in series.tags.items()]
    tags += [f"{tag} {count} (not verified)" for tag, count in series.unverified_tags.items()]
    revision = f"v{series.version}"
    if len(series.revisions) > 1:
        revision += f" of {', '.join(f'v{number}' for number in series.revisions)}"
    patches = "1 patch" if series.total == 1 else f"{series.total} patches"
    counted = patches if series.received == series.total else f"{series.received} of {patches}"
    yield short
    yield f"    {states}; {revision}; {counted}; {visible(str(series.submitter))}"
    replies = f"{series.replies} {'reply' if series.replies == 1 else 'replies'}"
    yield f"    {', '.join(tags) or 'no tags'}; {replies}; last {iso(series.last_activity)}"
    waiting = str(series.waiting_for)
    yield f"    waiting for: {waiting if waiting == 'nobody' else f'the {waiting}'}"
    quoted = shlex.quote(visible(series.link))
    if not shown.live:
        yield f"    bin/run-local.sh patch-tracker show {quoted}"
        yield ""
        return
    yield f"    {shown.tracker.lore.link(series.link)}"
    if urlsplit(shown.tracker.settings.lore_url).hostname == _B4_SERVER:
        command = "pr" if series.patches[0].kind is MailKind.PULL else "am"
        yield f"    b4 {command} {quoted}"
    yield ""


def _footer(shown: Demonstration, series: Sequence[Series]) -> str:
    patches, mails = shown.responses["fetch_patches"], shown.responses["fetch_discussions"]
    return (
        f"{len(series)} series; {patches['written']} patches from {patches['requests']} requests, "
        f"{mails['new']} mails from {mails['requests']} requests, "
        f"{patches['writes'] + mails['writes']} items written"
    )


def show(shown: Demonstration, message_id: str) -> str:
    """Return a patch or a mail with its discussion, as text.

    Raises
    ------
    UsageError
        If no mail has this message ID.
    """
    tracker = shown.tracker
    bare = message_id.strip().strip("<>")
    try:
        mail = tracker.discussions.by_message_id(bare)
    except ItemNotFoundError:
        raise UsageError(
            f"no mail has the message ID {bare[:200]!r}; the board shows the message IDs"
        ) from None
    target = mail.target or mail.message_id
    lines = [visible(mail.subject), f"From:   {visible(str(mail.author))}"]
    lines += [f"Date:   {iso(mail.timestamp)}", f"ID:     {visible(mail.message_id)}"]
    if shown.live:
        lines.append(f"Link:   {tracker.lore.link(mail.message_id)}")
    with contextlib.suppress(ItemNotFoundError):
        lines += _patch_lines(tracker.patches.by_message_id(target))
    lines += ["", "Discussion, oldest first:"]
    lines += [line for item in _discussion(tracker, mail) for line in _mail_lines(item)]
    return "\n".join(lines) + "\n"


def _patch_lines(patch: Patch) -> Iterator[str]:
    yield f"Status: {patch.status or 'unknown to Patchwork'}"
    for change in patch.history:
        yield f"        {change.server_date}: {change.before} -> {change.after}"
    if patch.paths:
        yield f"Paths:  {', '.join(map(visible, patch.paths))}"
    if patch.cover:
        yield f"Cover:  {visible(patch.cover)}"
    for trailer in patch.trailers:
        yield f"        {trailer.tag}: {visible(str(trailer.person))}"


def _mail_lines(mail: Discussion) -> Iterator[str]:
    yield f"  {iso(mail.timestamp)}  {visible(str(mail.author))}"
    yield f"      {visible(mail.subject)}"
    if mail.kind is MailKind.REPLY:
        review = "review, " if mail.review else ""
        yield f"      {review}sounds like {mail.sentiment} (by {mail.sentiment_rule})"
    for trailer in mail.trailers:
        if mail.kind is MailKind.REPLY:
            verified = "" if trailer.verified else " (not verified)"
            yield f"      {trailer.tag}: {visible(str(trailer.person))}{verified}"


def _discussion(tracker: Tracker, mail: Discussion) -> list[Discussion]:
    found: list[Discussion] = []
    token = None
    while True:
        if mail.target:
            page = tracker.discussions.by_patch(mail.target, token=token, newest_first=False)
        else:
            page = tracker.discussions.by_thread(mail.thread, token=token, newest_first=False)
        found += page.items
        if (token := page.token) is None:
            return found


def search(
    tracker: Tracker,
    *,
    submitter: str | None = None,
    status: str | None = None,
    series: int | None = None,
    path: str | None = None,
) -> list[Patch]:
    """Return the patches that match all criteria; uses the most selective index."""
    found: Iterable[Patch]
    if series is not None:
        found = _all_pages(lambda token: tracker.patches.by_series(series, token=token))
    elif submitter is not None:
        found = _all_pages(lambda token: tracker.patches.by_submitter(submitter, token=token))
    elif status is not None:
        found = _all_pages(lambda token: tracker.patches.by_status(status, token=token))
    else:
        found = tracker.patches.all()
    return [
        patch
        for patch in found
        if (submitter is None or patch.submitter.email == submitter.lower())
        and (status is None or patch.status == status)
        and (path is None or any(name.startswith(path) for name in patch.paths))
    ]


def _all_pages(ask: Any) -> Iterator[Patch]:  # noqa: ANN401 - a method of the repository
    token = None
    while True:
        page = ask(token)
        yield from page.items
        if (token := page.token) is None:
            return


def export(shown: Demonstration, form: str, target: Path) -> int:
    """Write the series of the board to a file; returns their number.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    rows = [_row(shown, series) for series in _all_series(shown.tracker)]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_content(rows, form))
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    return len(rows)


def _content(rows: list[dict[str, Any]], form: str) -> bytes:
    if form == "json":
        return (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()
    if form == "parquet":
        import polars as pl

        buffer = io.BytesIO()
        pl.DataFrame(rows, schema=_SCHEMA).write_parquet(buffer)
        return buffer.getvalue()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(_SCHEMA), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(
        {name: cell_text(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    )
    return text.getvalue().encode()


_SCHEMA: Final[dict[str, Any]] = {
    "series": str,
    "title": str,
    "version": int,
    "revisions": str,
    "submitter": str,
    "email": str,
    "received": int,
    "total": int,
    "statuses": str,
    "reviewed_by": int,
    "acked_by": int,
    "tested_by": int,
    "replies": int,
    "last_activity": str,
    "waiting_for": str,
    "message_id": str,
    "link": str,
}
"""Columns of an export and their types. `link` is empty for local stand-ins, which end soon."""


def _row(shown: Demonstration, series: Series) -> dict[str, Any]:
    return {
        "series": series.key,
        "title": series.title,
        "version": series.version,
        "revisions": " ".join(map(str, series.revisions)),
        "submitter": series.submitter.name,
        "email": series.submitter.email,
        "received": series.received,
        "total": series.total,
        "statuses": " ".join(f"{name}:{count}" for name, count in sorted(series.statuses.items())),
        "reviewed_by": series.tags.get("Reviewed-by", 0),
        "acked_by": series.tags.get("Acked-by", 0),
        "tested_by": series.tags.get("Tested-by", 0),
        "replies": series.replies,
        "last_activity": iso(series.last_activity),
        "waiting_for": series.waiting_for.value,
        "message_id": series.link,
        "link": shown.tracker.lore.link(series.link) if shown.live else "",
    }
