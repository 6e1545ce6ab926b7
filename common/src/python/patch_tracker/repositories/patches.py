"""Finds patches by ID, message ID, Patchwork's number, submitter, series and status; writes them.

The indexes contain only keys. The patches are read from the table itself, by default consistently,
because an index is always slightly behind. A patch that no longer has the status under which an
index lists it is omitted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from patch_tracker.mail.dates import from_iso
from patch_tracker.mail.message import normalize_message_id
from patch_tracker.mail.subject import parse_subject
from patch_tracker.models import UNKNOWN_TIME, MailKind, Patch
from patch_tracker.repositories import keys
from patch_tracker.repositories.codec import changes_of, person_of, trailers_of
from patch_tracker.repositories.errors import ConditionFailedError, ItemNotFoundError
from patch_tracker.repositories.pagination import Page, decode_token, encode_token
from patch_tracker.repositories.table import DynamoTable, Item, Put, Update

PATCHWORK_FIELDS: Final = (
    "archived",
    "check",
    "commit_ref",
    "delegate",
    "hash",
    "name",
    "patchwork_id",
    "pull_url",
    "series_id",
    "series_key",
    "series_name",
    "series_sort",
    "status",
    "status_key",
    "submitter",
    "submitter_key",
    "web_url",
)
"""Attributes that come from Patchwork and are replaced as a whole.

In addition, `history` only grows, `sort` is set once, and `asked_at` is the start of the run that
last wrote the patch.
"""

_PAGE: Final = 50

_TRIES: Final = 5
"""Attempts to write a patch that other runs are writing at the same time."""


class PatchRepository:
    """The patches of one project.

    Parameters
    ----------
    table
        The table Patches.
    project
        Patchwork's name of the project.
    """

    def __init__(self, table: DynamoTable, project: str) -> None:
        self.table = table
        self.project = project

    def get(self, patch_id: str, *, consistent: bool = False) -> Patch:
        """Return a patch by its ID.

        Raises
        ------
        ItemNotFoundError
            If it does not exist.
        """
        item = self.table.get({"id": patch_id}, consistent=consistent)
        if item is None or not _is_patch(item):
            raise ItemNotFoundError(
                f"there is no patch {patch_id!r} in table {self.table.name}",
                table=self.table.name,
                id=patch_id,
            )
        return patch_of(item)

    def by_message_id(self, message_id: str, *, consistent: bool = False) -> Patch:
        """Return a patch by the message ID of its mail.

        Raises
        ------
        ItemNotFoundError
            If it does not exist.
        """
        item_id = keys.patch_id(self.project, normalize_message_id(message_id))
        return self.get(item_id, consistent=consistent)

    def by_number(self, number: int, *, consistent: bool = False) -> Patch:
        """Return a patch by Patchwork's number.

        Raises
        ------
        ItemNotFoundError
            If it does not exist.
        """
        pointer = self.table.get(
            {"id": keys.number_id(self.project, number)}, consistent=consistent
        )
        if pointer is None:
            raise ItemNotFoundError(
                f"there is no patch number {number} of {self.project} in table {self.table.name}",
                table=self.table.name,
                number=number,
            )
        return self.get(pointer["patch"], consistent=consistent)

    def many(self, ids: Iterable[str], *, consistent: bool = False) -> list[Patch]:
        """Return those of the patches that exist, in the order of the IDs."""
        unique = list(dict.fromkeys(ids))
        items = self.table.get_many(
            ({"id": patch_id} for patch_id in unique), consistent=consistent
        )
        found = {item["id"]: patch_of(item) for item in items if _is_patch(item)}
        return [found[patch_id] for patch_id in unique if patch_id in found]

    def by_submitter(
        self,
        email: str,
        *,
        limit: int = _PAGE,
        token: str | None = None,
        newest_first: bool = True,
        consistent: bool = True,
    ) -> Page[Patch]:
        """Return a page of a person's patches."""
        return self._page(
            keys.SUBMITTER_INDEX,
            ("submitter_key", keys.submitter_key(self.project, email)),
            limit,
            token,
            newest_first,
            consistent,
        )

    def by_series(
        self,
        series_id: int,
        *,
        limit: int = _PAGE,
        token: str | None = None,
        consistent: bool = True,
    ) -> Page[Patch]:
        """Return a page of the patches of a series, in the order of the series."""
        return self._page(
            keys.SERIES_INDEX,
            ("series_key", keys.series_key(self.project, series_id)),
            limit,
            token,
            newest_first=False,
            consistent=consistent,
        )

    def by_status(
        self,
        status: str,
        *,
        limit: int = _PAGE,
        token: str | None = None,
        newest_first: bool = True,
        consistent: bool = True,
    ) -> Page[Patch]:
        """Return a page of the patches with a status, month by month.

        A page can be shorter than `limit` even if there are more patches. Only a missing token
        marks the end.
        """
        query = ("status", self.project, status, str(newest_first))
        position = decode_token(query, token) if token else {}
        months = self.months(newest_first=newest_first)
        if start := position.get("month"):
            months = [
                month for month in months if (month <= start if newest_first else month >= start)
            ]
        found: list[Patch] = []
        after: Item | None = position.get("after")
        for month in months:
            key = keys.status_key(status, self.project, month)
            while True:
                page = self.table.query(
                    keys.STATUS_INDEX,
                    ("status_key", key),
                    newest_first=newest_first,
                    limit=limit - len(found),
                    after=after,
                )
                patches = self.many((row["id"] for row in page.items), consistent=consistent)
                found += [patch for patch in patches if patch.status == status]
                after = page.last_key
                if len(found) >= limit:
                    more = after is not None or month != months[-1]
                    if not more:
                        return Page(tuple(found))
                    position = {"month": month, "after": after} if after else _next(months, month)
                    return Page(tuple(found), encode_token(query, position))
                if after is None:
                    break
        return Page(tuple(found))

    def all(self) -> Iterator[Patch]:
        """Yield every patch of the project by scanning the table, for exports."""
        for item in self.table.scan_all():
            if item["id"].startswith(f"{self.project}#") and _is_patch(item):
                yield patch_of(item)

    def without_mail(self, statuses: Iterable[str]) -> Iterator[str]:
        """Yield the message IDs of patches with these statuses whose mails are not stored."""
        for status in statuses:
            token = None
            while True:
                page = self.by_status(status, token=token, limit=200)
                yield from (patch.message_id for patch in page.items if not patch.thread)
                if (token := page.token) is None:
                    break

    def months(self, *, newest_first: bool = True) -> list[str]:
        """Return the months for which there are patches."""
        item = self.table.get({"id": keys.months_id(self.project)}, consistent=True)
        return sorted(item["months"] if item else (), reverse=newest_first)

    def write_patchwork(self, wanted: Mapping[str, Item], asked_at: dt.datetime) -> list[str]:
        """Write the attributes from Patchwork that differ from the stored ones.

        Values from a run that started later are kept, because the data of this run can be older.

        Parameters
        ----------
        wanted
            By ID: the attributes in `PATCHWORK_FIELDS`, `sort` (written only for new patches) and
            `history` (entries to add).
        asked_at
            A time before the requests to Patchwork.

        Returns
        -------
        list of str
            IDs of the patches that were written.
        """
        ids = [{"id": patch_id} for patch_id in wanted]
        stored = {item["id"]: item for item in self.table.get_many(ids, consistent=True)}
        self._add_months(wanted, stored)
        moment = asked_at.astimezone(dt.UTC).isoformat(timespec="microseconds")
        return [
            patch_id
            for patch_id, attributes in wanted.items()
            if self._write(patch_id, attributes, stored.get(patch_id, {}), moment)
        ]

    def _write(self, item_id: str, wanted: Item, stored: Item, asked_at: str) -> bool:
        tries_left = _TRIES
        while (update := _difference(item_id, wanted, stored, asked_at)) is not None:
            number = wanted["patchwork_id"]
            transaction = self.table.transaction().update(update)
            if stored.get("patchwork_id") != number:
                pointer = {"id": keys.number_id(self.project, number), "patch": item_id}
                transaction.put(Put(pointer))
            try:
                transaction.commit()
            except ConditionFailedError:
                # Another run has written the patch since it was read.
                tries_left -= 1
                if not tries_left:
                    raise
                stored = self.table.get({"id": item_id}, consistent=True) or {}
            else:
                return True
        return False

    def _add_months(self, wanted: Mapping[str, Item], stored: Mapping[str, Item]) -> None:
        """Record the months before their patches are written, so that no patch is missed."""
        months = {
            attributes["sort"][:7]
            for patch_id, attributes in wanted.items()
            if "sort" not in stored.get(patch_id, {})
        }
        if months - set(self.months()):
            self.table.update(Update({"id": keys.months_id(self.project)}, add={"months": months}))

    def _page(
        self,
        index: str,
        key: tuple[str, str],
        limit: int,
        token: str | None,
        newest_first: bool,
        consistent: bool,
    ) -> Page[Patch]:
        query = (index, key[1], str(newest_first))
        page = self.table.query(
            index,
            key,
            newest_first=newest_first,
            limit=limit,
            after=decode_token(query, token) if token else None,
        )
        patches = self.many((row["id"] for row in page.items), consistent=consistent)
        following = encode_token(query, page.last_key) if page.last_key else None
        return Page(tuple(patches), following)


def _is_patch(item: Item) -> bool:
    """Whether an item is a patch. A mail that is no longer a patch leaves a count of 0."""
    return "patchwork_id" in item or "mail_kind" in item


def _next(months: list[str], month: str) -> Item:
    return {"month": months[months.index(month) + 1]}


def _difference(item_id: str, wanted: Item, stored: Item, asked_at: str) -> Update | None:
    """Return the update from the stored to the wanted attributes, or None if there is none."""
    is_older = asked_at < stored.get("asked_at", "")
    changed = {
        name: wanted.get(name)
        for name in PATCHWORK_FIELDS
        if not is_older and wanted.get(name) != stored.get(name)
    }
    history = set(wanted.get("history", ())) - set(stored.get("history", ()))
    first = {} if "sort" in stored else {"sort": wanted["sort"]}
    if not changed and not history and not first:
        return None
    # The key must contain the month of the stored time.
    if "sort" in stored and "status_key" in changed and changed["status_key"]:
        head = changed["status_key"].rpartition("#")[0]
        changed["status_key"] = f"{head}#{stored['sort'][:7]}"
        if changed["status_key"] == stored.get("status_key"):
            del changed["status_key"]
            if not changed and not history:
                return None
    return Update(
        {"id": item_id},
        set_values=changed | {"asked_at": stored["asked_at"] if is_older else asked_at},
        set_if_missing=first,
        add={"history": history} if history else None,
        only_if={"asked_at": stored.get("asked_at")},
    )


def patch_of(item: Item) -> Patch:
    """Convert an item to a patch. What one source does not know yet comes from the other."""
    project, message_id = keys.split_id(item["id"])
    heading = parse_subject(item.get("mail_subject") or item.get("name", ""))
    time = item.get("sort") or item.get("mail_sort")
    author = item.get("submitter") or item.get("mail_author") or ["", ""]
    kind = MailKind(item.get("mail_kind") or ("pull" if item.get("pull_url") else "patch"))
    return Patch(
        id=item["id"],
        project=project,
        message_id=message_id,
        kind=kind,
        timestamp=from_iso(time[:20]) if time else UNKNOWN_TIME,
        title=heading.title,
        submitter=person_of(author),
        version=heading.version,
        number=1 if heading.number is None else heading.number,
        total=heading.total or 1,
        patchwork_id=item.get("patchwork_id"),
        name=item.get("name", ""),
        status=item.get("status", ""),
        archived=item.get("archived", False),
        delegate=item.get("delegate", ""),
        commit_ref=item.get("commit_ref", ""),
        pull_url=item.get("pull_url", ""),
        hash=item.get("hash", ""),
        check=item.get("check", ""),
        web_url=item.get("web_url", ""),
        series_id=item.get("series_id"),
        series_name=item.get("series_name", ""),
        history=changes_of(item.get("history", ())),
        paths=tuple(item.get("paths", ())),
        paths_total=item.get("paths_total", 0),
        change_id=item.get("change_id", ""),
        cover=item.get("cover", ""),
        thread=item.get("thread", ""),
        trailers=trailers_of(item.get("trailers", ())),
        reply_count=item.get("reply_count", 0),
    )
