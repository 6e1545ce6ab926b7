"""Patches: found by id, message id, Patchwork's number, submitter, series and status.

Every index holds keys only. What they find is read from the table itself, by default as it is at
that moment: an index is always a little behind, and a patch that an index shows under a status
that it no longer has is left out.
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
"""Attributes that Patchwork owns; `history`, and `sort`, which is set once, are beside them.

So is `asked_at`: when the run began that wrote them last.
"""

_PAGE: Final = 50

_TRIES: Final = 5
"""Of writing a patch that other runs write at the same moment."""


class PatchRepository:
    """The table Patches of one project.

    Parameters
    ----------
    table
        The table.
    project
        Whose patches.
    """

    def __init__(self, table: DynamoTable, project: str) -> None:
        self.table = table
        self.project = project

    def get(self, patch_id: str, *, consistent: bool = False) -> Patch:
        """Return a patch by its id.

        Raises
        ------
        ItemNotFoundError
            There is none.
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
        """Return a patch by the message id of its mail.

        Raises
        ------
        ItemNotFoundError
            There is none.
        """
        item_id = keys.patch_id(self.project, normalize_message_id(message_id))
        return self.get(item_id, consistent=consistent)

    def by_number(self, number: int, *, consistent: bool = False) -> Patch:
        """Return a patch by Patchwork's number.

        Raises
        ------
        ItemNotFoundError
            There is none.
        """
        row = self.table.get({"id": keys.number_id(self.project, number)}, consistent=consistent)
        if row is None:
            raise ItemNotFoundError(
                f"there is no patch number {number} of {self.project} in table {self.table.name}",
                table=self.table.name,
                number=number,
            )
        return self.get(row["patch"], consistent=consistent)

    def many(self, ids: Iterable[str], *, consistent: bool = False) -> list[Patch]:
        """Return those of some patches that there are, in the order of the ids."""
        asked = list(dict.fromkeys(ids))
        items = self.table.get_many(({"id": one} for one in asked), consistent=consistent)
        found = {item["id"]: patch_of(item) for item in items if _is_patch(item)}
        return [found[one] for one in asked if one in found]

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
        """Return a page of a series' patches, in the order of the series."""
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
        """Return a page of the patches of a status, month by month.

        A page may be shorter than `limit` although there are more: only a missing token is the end.
        """
        question = ("status", self.project, status, str(newest_first))
        place = decode_token(question, token) if token else {}
        months = self.months(newest_first=newest_first)
        if begun := place.get("month"):
            months = [one for one in months if (one <= begun if newest_first else one >= begun)]
        found: list[Patch] = []
        after: Item | None = place.get("after")
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
                    place = {"month": month, "after": after} if after else _next(months, month)
                    return Page(tuple(found), encode_token(question, place))
                if after is None:
                    break
        return Page(tuple(found))

    def all(self) -> Iterator[Patch]:
        """Yield every patch of the project, by a scan of the table: for exports."""
        for item in self.table.scan_all():
            if item["id"].startswith(f"{self.project}#") and _is_patch(item):
                yield patch_of(item)

    def without_mail(self, statuses: Iterable[str]) -> Iterator[str]:
        """Yield the message ids of patches of some statuses whose mails are not stored."""
        for status in statuses:
            token = None
            while True:
                page = self.by_status(status, token=token, limit=200)
                yield from (one.message_id for one in page.items if not one.thread)
                if (token := page.token) is None:
                    break

    def months(self, *, newest_first: bool = True) -> list[str]:
        """Return the months of which there are patches."""
        row = self.table.get({"id": keys.months_id(self.project)}, consistent=True)
        return sorted(row["months"] if row else (), reverse=newest_first)

    def write_patchwork(self, wanted: Mapping[str, Item], asked_at: dt.datetime) -> list[str]:
        """Write what Patchwork says of patches, where it differs from what is stored.

        What a run wrote that began later stays: of two runs at once, the slower one may have read
        what is no longer so.

        Parameters
        ----------
        wanted
            By id, the attributes of `PATCHWORK_FIELDS`, `sort` (which only a new patch gets) and
            `history` (entries that are added).
        asked_at
            A moment before Patchwork was asked.

        Returns
        -------
        list of str
            Ids of the patches that were written.
        """
        asked = [{"id": one} for one in wanted]
        stored = {item["id"]: item for item in self.table.get_many(asked, consistent=True)}
        self._note_months(wanted, stored)
        moment = asked_at.astimezone(dt.UTC).isoformat(timespec="microseconds")
        return [
            one
            for one, attributes in wanted.items()
            if self._write(one, attributes, stored.get(one, {}), moment)
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
                # Another run wrote it since it was read here.
                tries_left -= 1
                if not tries_left:
                    raise
                stored = self.table.get({"id": item_id}, consistent=True) or {}
            else:
                return True
        return False

    def _note_months(self, wanted: Mapping[str, Item], stored: Mapping[str, Item]) -> None:
        """Remember the months before there are patches of them, so that none is overlooked."""
        months = {
            attributes["sort"][:7]
            for one, attributes in wanted.items()
            if "sort" not in stored.get(one, {})
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
        question = (index, key[1], str(newest_first))
        page = self.table.query(
            index,
            key,
            newest_first=newest_first,
            limit=limit,
            after=decode_token(question, token) if token else None,
        )
        patches = self.many((row["id"] for row in page.items), consistent=consistent)
        following = encode_token(question, page.last_key) if page.last_key else None
        return Page(tuple(patches), following)


def _is_patch(item: Item) -> bool:
    """Whether an item is a patch: of a mail that turned out to be none, a count of 0 is left."""
    return "patchwork_id" in item or "mail_kind" in item


def _next(months: list[str], month: str) -> Item:
    return {"month": months[months.index(month) + 1]}


def _difference(item_id: str, wanted: Item, stored: Item, asked_at: str) -> Update | None:
    """Return the update that makes the stored fields the wanted ones, None where they are."""
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
    # The months of keys are those of the time that is kept.
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
    """Read a patch; what neither source has told yet comes from the other, or is empty."""
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
