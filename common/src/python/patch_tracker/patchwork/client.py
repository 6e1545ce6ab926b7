"""Reads Patchwork, politely and without losing rows between pages."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ValidationError

from lambda_core.errors import ConfigurationError
from lambda_core.http import HttpResponse, HttpStatusError
from patch_tracker.errors import FormatError, UnknownSourceError
from patch_tracker.patchwork.rows import EventRow, PatchRow, ProjectRow
from patch_tracker.throttled_session import ThrottledSession, reject_html

PER_PAGE: Final = 250
"""The largest page: Patchwork silently gives no more."""

MAX_PAGE_BYTES: Final = 64 * 1024 * 1024

_MAX_PAGES: Final = 2_000
_API: Final = "api/1.2"
_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_NEXT: Final = re.compile(r'<[^>]*>\s*;\s*rel="?next"?')


def require_project(name: str) -> str:
    """Return a project's name if it can be one.

    Raises
    ------
    ConfigurationError
        It has other characters than a name of Patchwork's has.
    """
    if not _PROJECT.fullmatch(name):
        raise ConfigurationError(f"{name[:100]!r} cannot be the name of a Patchwork project")
    return name


def require_base_url(url: str) -> str:
    """Return the base URL of a server, with a slash at its end.

    Raises
    ------
    ConfigurationError
        It is no http(s) URL, or has a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError("the URL of a server must be like https://patchwork.example.org/")
    return url.rstrip("/") + "/"


class PatchworkClient:
    """One project of one Patchwork server, by its API 1.2.

    Parameters
    ----------
    base_url
        Such as `https://patchwork.kernel.org/`.
    project
        The project's `link_name`.
    session
        How the server is asked.
    """

    def __init__(self, base_url: str, project: str, session: ThrottledSession) -> None:
        self._base = require_base_url(base_url) + _API
        self.project = require_project(project)
        self._session = session

    def events(self, since: str) -> Iterator[EventRow]:
        """Yield the events from a moment on, that moment included, by the server's own clock.

        Each page begins at the date of the last row before it: rows of one date have no order of
        their own on the server, so that a page number would lose some.

        Raises
        ------
        FormatError
            A row is not what Patchwork's documentation has.
        HttpError
            The server cannot be read.
        """
        seen: set[int] = set()
        page = 1
        for _ in range(_MAX_PAGES):
            rows, more = self._page(
                "events/",
                {"project": self.project, "since": since, "order": "date", "page": str(page)},
            )
            events = [_read(EventRow, row) for row in rows]
            yield from (event for event in events if event.id not in seen)
            seen.update(event.id for event in events)
            if not more or not events:
                return
            # More rows of one date than a page has can be told apart by pages only.
            last = events[-1].date
            since, page = (since, page + 1) if last == since else (last, 1)
        raise FormatError("Patchwork's list of events does not end", pages=_MAX_PAGES)

    def newest_event(self) -> EventRow | None:
        """Return the newest event, None where there is none."""
        rows, _ = self._page("events/", {"project": self.project, "order": "-date"}, per_page=1)
        return _read(EventRow, rows[0]) if rows else None

    def patches(
        self,
        *,
        since: dt.datetime | None = None,
        before: dt.datetime | None = None,
        state: str | None = None,
    ) -> Iterator[list[PatchRow]]:
        """Yield pages of patches, in the order of their numbers.

        Parameters
        ----------
        since, before
            Bounds of the mails' own dates.
        state
            Only patches in this state.

        Raises
        ------
        FormatError, HttpError
            As for `events`.
        """
        query = {"project": self.project, "order": "id"}
        if since is not None:
            query["since"] = _naive(since)
        if before is not None:
            query["before"] = _naive(before)
        if state is not None:
            query["state"] = state
        for page in range(1, _MAX_PAGES):
            rows, more = self._page("patches/", query | {"page": str(page)})
            yield [_read(PatchRow, row) for row in rows]
            if not more:
                return
        raise FormatError("Patchwork's list of patches does not end", pages=_MAX_PAGES)

    def patch(self, number: int) -> PatchRow | None:
        """Return a patch by Patchwork's number, None where it is gone."""
        try:
            answer = self._get(f"{self._base}/patches/{number:d}/")
        except HttpStatusError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return _read(PatchRow, _json(answer))

    def require_exists(self) -> None:
        """Make sure that the project exists: lists of one that does not are empty.

        Raises
        ------
        UnknownSourceError
            The server does not know it.
        """
        try:
            _read(ProjectRow, _json(self._get(f"{self._base}/projects/{self.project}/")))
        except HttpStatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise UnknownSourceError(
                f"Patchwork has no project {self.project!r}: check the setting of the project",
                project=self.project,
            ) from error

    def _page(
        self, path: str, query: dict[str, str], *, per_page: int = PER_PAGE
    ) -> tuple[list[Any], bool]:
        """Return the rows of a page, and whether there is another."""
        asked = urlencode(query | {"per_page": str(per_page)})
        try:
            answer = self._get(f"{self._base}/{path}?{asked}")
        except HttpStatusError as error:
            # A page that there was a moment ago: rows were removed meanwhile.
            if error.status == HTTPStatus.NOT_FOUND and query.get("page", "1") != "1":
                return [], False
            raise
        rows = _json(answer)
        if not isinstance(rows, list):
            raise FormatError(f"Patchwork's list {path} is no JSON array", path=path)
        return rows, bool(_NEXT.search(answer.headers.get("Link", "")))

    def _get(self, url: str) -> HttpResponse:
        return self._session.get(
            url,
            max_bytes=MAX_PAGE_BYTES,
            headers={"Accept": "application/json"},
            check=reject_html,
        )


def _naive(time: dt.datetime) -> str:
    """Write a time as Patchwork wants it: UTC without an offset, as `Z` is an error on some."""
    return time.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat()


def _json(answer: HttpResponse) -> Any:  # noqa: ANN401 - whatever JSON there is
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"Patchwork answered what is no JSON: {error}") from error


def _read[R: BaseModel](model: type[R], row: object) -> R:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        number = row.get("id") if isinstance(row, dict) else None
        raise FormatError(
            f"Patchwork's {model.__name__} {number!r}: {where}: {problem['msg']}", row=number
        ) from error
