"""A local stand-in for a Patchwork server: its REST API 1.2, made from mails.

It answers like Patchwork 2.2.6, including fields, headers and pages, for one project: lists and
details of patches; lists of cover letters, series, events and projects. It is read-only over HTTP;
tests and demonstrations change it with its methods.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Sequence
from email import message_from_bytes
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from local_cloud.loopback_server import Exchange, LoopbackServer, ReceivedRequest
from patch_tracker.mail.message import Mail
from patch_tracker.models import MailKind

PREFIX: Final = "/api/1.2"

MAX_PER_PAGE: Final = 250

STATES: Final = (
    "new",
    "under-review",
    "accepted",
    "rejected",
    "rfc",
    "not-applicable",
    "changes-requested",
    "awaiting-upstream",
    "superseded",
    "deferred",
)

_SIGNATURE: Final = re.compile(r"\n---? ?\n[\w.-]+\s*$")

_HEADERS: Final = {
    "Content-Type": "application/json",
    "Vary": "Accept, Cookie",
    "Allow": "GET, HEAD, OPTIONS",
}

type Row = dict[str, Any]
type Query = dict[str, str]


class PatchworkServer(LoopbackServer):
    """The server; a context manager.

    Parameters
    ----------
    project
        The project's `link_name`.
    mails
        Mails in the order in which they arrived.
    clock
        Returns the server's local time, without an offset, which dates the events.

    Attributes
    ----------
    requests : list of ReceivedRequest
        All requests, in order.
    tick : timedelta
        Difference between the dates of events that happen at the same moment, which keeps their
        order.
    """

    def __init__(
        self,
        project: str,
        mails: Iterable[Mail] = (),
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC).replace(tzinfo=None),
    ) -> None:
        super().__init__()
        self.requests: list[ReceivedRequest] = []
        self.tick = dt.timedelta(microseconds=1)
        self._clock = clock
        self._last_date = dt.datetime.min  # noqa: DTZ901 - the server's own time has no offset
        self._numbers = {kind: count(1) for kind in ("mail", "series", "person", "event")}
        self._people: dict[str, Row] = {}
        self._patches: dict[str, Row] = {}
        self._covers: dict[str, Row] = {}
        self._series: list[Row] = []
        self._series_of: dict[tuple[str, str, int, int], Row] = {}
        self._details: dict[int, Row] = {}
        self._events: list[Row] = []
        self._project: Row = {
            "id": 1,
            "url": f"{self.url}{PREFIX}/projects/1/",
            "name": project.replace("-", " ").title(),
            "link_name": project,
            "list_id": f"{project}.lists.example",
            "list_email": f"{project}@lists.example",
            "web_url": "",
            "scm_url": "",
            "webscm_url": "",
            "list_archive_url": "",
            "list_archive_url_format": "",
            "commit_url_format": "",
        }
        for mail in mails:
            self.receive(mail)

    def receive(self, mail: Mail) -> None:
        """Add a mail, as Patchwork does when it arrives."""
        with self.lock:
            if mail.message_id in self._patches or mail.message_id in self._covers:
                return
            if mail.kind in {MailKind.PATCH, MailKind.PULL}:
                self._receive_patch(mail)
            elif mail.kind is MailKind.COVER:
                self._receive_cover(mail)

    def set_state(self, message_id: str, state: str, *, event: bool = True) -> None:
        """Change a patch's state; `event=False` simulates a lost event."""
        if state not in STATES:
            raise ValueError(f"Patchwork has no state {state!r}")
        with self.lock:
            row = self._patches[message_id]
            before, row["state"] = row["state"], state
            if event:
                states = {"previous_state": before, "current_state": state}
                self._add_event("patch-state-changed", {"patch": _reference(row), **states})

    def set_clock(self, now: dt.datetime) -> None:
        """Stop the server's clock at this local time."""
        with self.lock:
            self._clock = lambda: now
            self._last_date = now - self.tick

    def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self.lock:
            self.requests.append(request)
            status, headers, body = self._respond(parts.path, query)
        if request.method != "GET":
            status, headers, body = 405, {}, {"detail": f'Method "{request.method}" not allowed.'}
        exchange.respond(status, {**_HEADERS, **headers}, json.dumps(body).encode())

    def _respond(self, path: str, query: Query) -> tuple[int, dict[str, str], Any]:
        lists: dict[str, Callable[[Query], list[Row]]] = {
            f"{PREFIX}/patches/": self._list_patches,
            f"{PREFIX}/covers/": lambda query: self._of_project(query, [*self._covers.values()]),
            f"{PREFIX}/series/": lambda query: self._of_project(query, self._series),
            f"{PREFIX}/events/": self._list_events,
            f"{PREFIX}/projects/": lambda _: [self._project_row()],
        }
        if path in lists:
            return self._page(path, query, lists[path](query))
        if path == f"{PREFIX}/people/":
            return 403, {}, {"detail": "Authentication credentials were not provided."}
        detail: Row | None = None
        name = path.rstrip("/").rpartition("/")[2]
        if path == f"{PREFIX}/patches/{name}/" and name.isdecimal():
            detail = self._detail(int(name))
        elif path == f"{PREFIX}/projects/{name}/" and name in {"1", self._project["link_name"]}:
            detail = self._project_row()
        if detail is None:
            return 404, {}, {"detail": "Not found."}
        return 200, {"Allow": "GET, PUT, PATCH, HEAD, OPTIONS"}, detail

    def _page(
        self, path: str, query: Query, rows: Sequence[Row]
    ) -> tuple[int, dict[str, str], Any]:
        size = min(int(query.get("per_page", "30")), MAX_PER_PAGE)
        number = int(query.get("page", "1"))
        shown = rows[(number - 1) * size : number * size]
        if not shown and number > 1:
            return 404, {}, {"detail": "Invalid page."}
        links = []
        for relation, other in (("next", number + 1), ("prev", number - 1)):
            if other >= 1 and (other - 1) * size < len(rows):
                # Patchwork omits the number of the first page.
                linked = {**query, "page": str(other)} if other > 1 else _without_page(query)
                address = f"{self.url}{path}?{urlencode(sorted(linked.items()))}"
                links.append(f'<{address}>; rel="{relation}"')
        return 200, {"Link": ", ".join(links)} if links else {}, list(shown)

    def _of_project(self, query: Query, rows: Sequence[Row]) -> list[Row]:
        wanted = query.get("project", self._project["link_name"])
        return list(rows) if wanted in {"1", self._project["link_name"]} else []

    def _list_patches(self, query: Query) -> list[Row]:
        rows = self._of_project(query, list(self._patches.values()))
        if "state" in query:
            rows = [row for row in rows if row["state"] == query["state"]]
        if "msgid" in query:
            rows = [row for row in rows if row["msgid"] == f"<{query['msgid']}>"]
        return _ordered(_between(rows, query), query)

    def _list_events(self, query: Query) -> list[Row]:
        return _ordered(_between(self._of_project(query, self._events), query), query, "-date")

    def _detail(self, number: int) -> Row | None:
        row = next((item for item in self._patches.values() if item["id"] == number), None)
        return {**row, **self._details[number]} if row else None

    def _project_row(self) -> Row:
        row = dict(self._project)
        maintainer = {
            "id": 1,
            "url": f"{self.url}{PREFIX}/users/1/",
            "username": "maintainer",
            "first_name": "",
            "last_name": "",
            "email": "maintainer@lists.example",
        }
        place = list(row).index("list_archive_url")
        items = list(row.items())
        items[place:place] = [("maintainers", [maintainer]), ("subject_match", "")]
        return dict(items)

    def _receive_patch(self, mail: Mail) -> None:
        number = next(self._numbers["mail"])
        series = self._find_series(mail)
        is_pull = mail.kind is MailKind.PULL
        base, message_id = self.url, mail.message_id
        lines = (line.strip() for line in mail.body.splitlines())
        pull_url = next((line for line in lines if line.startswith(("git://", "https://"))), "")
        row: Row = {
            "id": number,
            "url": f"{base}{PREFIX}/patches/{number}/",
            "web_url": f"{base}/project/{self._project['link_name']}/patch/{message_id}/",
            "project": self._project,
            "msgid": f"<{message_id}>",
            "list_archive_url": None,
            "date": _date(mail),
            "name": _name(mail),
            "commit_ref": None,
            "pull_url": pull_url if is_pull and pull_url else None,
            "state": STATES[0],
            "archived": False,
            "hash": None if is_pull else (mail.digest * 3)[:40],
            "submitter": self._person(mail),
            "delegate": None,
            "mbox": f"{base}/project/{self._project['link_name']}/patch/{message_id}/mbox/",
            "series": [_series_reference(series)],
            "comments": f"{base}/api/patches/{number}/comments/",
            "check": "pending",
            "checks": f"{base}/api/patches/{number}/checks/",
            "tags": {},
            "related": [],
        }
        self._patches[message_id] = row
        headers: dict[str, Any] = {}
        for name, value in message_from_bytes(mail.raw).raw_items():
            text = str(value).encode("utf-8", "replace").decode()
            known = headers.get(name)
            headers[name] = (
                text if known is None else [*(known if isinstance(known, list) else [known]), text]
            )
        content, marker, diff = mail.body.partition("diff --git ")
        self._details[number] = {
            "headers": headers,
            "content": content.strip(),
            # Without the signature that git adds at the end.
            "diff": None if is_pull else _SIGNATURE.sub("\n", marker + diff),
            "prefixes": _prefixes(mail),
        }
        reference = _reference(row)
        self._add_event("patch-created", {"patch": reference})
        first = not series["patches"] and series["cover_letter"] is None
        series["patches"].append(reference)
        series["received_total"] = len(series["patches"])
        series["received_all"] = series["received_total"] >= series["total"]
        if first:
            self._add_event("series-created", {"series": _series_reference(series)})
        self._add_event(
            "patch-completed", {"patch": reference, "series": _series_reference(series)}
        )
        if series["received_all"] and series["received_total"] == series["total"]:
            self._add_event("series-completed", {"series": _series_reference(series)})

    def _receive_cover(self, mail: Mail) -> None:
        number = next(self._numbers["mail"])
        series = self._find_series(mail)
        base, message_id = self.url, mail.message_id
        row: Row = {
            "id": number,
            "url": f"{base}{PREFIX}/covers/{number}/",
            "web_url": f"{base}/project/{self._project['link_name']}/cover/{message_id}/",
            "project": self._project,
            "msgid": f"<{message_id}>",
            "list_archive_url": None,
            "date": _date(mail),
            "name": _name(mail),
            "submitter": self._person(mail),
            "mbox": f"{base}/project/{self._project['link_name']}/cover/{message_id}/mbox/",
            "series": [_series_reference(series)],
            "comments": f"{base}/api/covers/{number}/comments/",
        }
        self._covers[message_id] = row
        self._add_event("cover-created", {"cover": _reference(row)})
        if not series["patches"] and series["cover_letter"] is None:
            self._add_event("series-created", {"series": _series_reference(series)})
        series["cover_letter"] = _reference(row)
        series["name"] = mail.heading.title

    def _find_series(self, mail: Mail) -> Row:
        """Return the mail's series: same thread, author and size; or a new series."""
        total = mail.heading.total or 1
        places = [mail.message_id, *(mail.parents if total > 1 else ())]
        keys = [(place, mail.author.email, mail.heading.version, total) for place in places]
        for key in keys:
            if known := self._series_of.get(key):
                self._series_of |= dict.fromkeys(keys, known)
                return known
        number = next(self._numbers["series"])
        base = self.url
        series: Row = {
            "id": number,
            "url": f"{base}{PREFIX}/series/{number}/",
            "web_url": f"{base}/project/{self._project['link_name']}/list/?series={number}",
            "project": self._project,
            "name": _name(mail) if mail.heading.number in {None, 1} else None,
            "date": _date(mail),
            "submitter": self._person(mail),
            "version": mail.heading.version,
            "total": total,
            "received_total": 0,
            "received_all": False,
            "mbox": f"{base}/series/{number}/mbox/",
            "cover_letter": None,
            "patches": [],
        }
        self._series_of |= dict.fromkeys(keys, series)
        self._series.append(series)
        return series

    def _person(self, mail: Mail) -> Row:
        email = mail.author.email
        if email not in self._people:
            number = next(self._numbers["person"])
            self._people[email] = {
                "id": number,
                "url": f"{self.url}{PREFIX}/people/{number}/",
                "name": mail.author.name or None,
                "email": email,
            }
        return self._people[email]

    def _add_event(self, category: str, payload: Row) -> None:
        date = max(self._clock(), self._last_date + self.tick)
        self._last_date = date
        self._events.append(
            {
                "id": next(self._numbers["event"]),
                "category": category,
                "project": self._project,
                "date": date.isoformat(timespec="microseconds"),
                "actor": None,
                "payload": payload,
            }
        )


def _without_page(query: Query) -> Query:
    return {name: value for name, value in query.items() if name != "page"}


def _between(rows: Iterable[Row], query: Query) -> list[Row]:
    def time(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(text)

    try:
        since = time(query["since"]) if "since" in query else None
        before = time(query["before"]) if "before" in query else None
    except ValueError:
        # Patchwork returns nothing for an invalid date, not an error.
        return []
    return [
        row
        for row in rows
        if (since is None or time(row["date"]) >= since)
        and (before is None or time(row["date"]) < before)
    ]


def _ordered(rows: list[Row], query: Query, default: str = "id") -> list[Row]:
    order = query.get("order", default)
    name = order.removeprefix("-")
    if name not in {"id", "date"}:
        name = "id"
    return sorted(rows, key=lambda row: row[name], reverse=order.startswith("-"))


def _date(mail: Mail) -> str:
    return (mail.date or mail.timestamp).replace(tzinfo=None).isoformat()


def _prefixes(mail: Mail) -> list[str]:
    heading = mail.heading
    words = [word for word in heading.prefixes if word.upper() != "PATCH"]
    if heading.has_version:
        words.append(f"v{heading.version}")
    if heading.number is not None:
        # Git pads the numbers of a series to one width, and Patchwork keeps them so.
        words.append(f"{heading.number:0{len(str(heading.total))}d}/{heading.total}")
    return words


def _name(mail: Mail) -> str:
    prefixes = _prefixes(mail)
    return f"[{','.join(prefixes)}] {mail.heading.title}" if prefixes else mail.heading.title


def _reference(row: Row) -> Row:
    names = ("id", "url", "web_url", "msgid", "list_archive_url", "date", "name", "mbox")
    return {name: row[name] for name in names}


def _series_reference(series: Row) -> Row:
    names = ("id", "url", "web_url", "date", "name", "version", "mbox")
    return {name: series[name] for name in names}
