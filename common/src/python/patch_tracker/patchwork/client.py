"""Client for Patchwork's REST API 1.2 that loses no rows between pages."""

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
"""Patchwork's maximum. It silently reduces larger values."""

MAX_PAGE_BYTES: Final = 64 * 1024 * 1024

_MAX_PAGES: Final = 2_000
_API: Final = "api/1.2"
_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_NEXT: Final = re.compile(r'<[^>]*>\s*;\s*rel="?next"?')


def require_project(name: str) -> str:
    """Return the link name of a project after checking it.

    Raises
    ------
    ConfigurationError
        If it contains characters that link names do not have.
    """
    if not _PROJECT.fullmatch(name):
        raise ConfigurationError(
            f"{name[:100]!r} is not a project of Patchwork: use letters, digits, '.', '_' and '-'"
        )
    return name


def require_base_url(url: str) -> str:
    """Return the base URL of a server with a trailing slash.

    Raises
    ------
    ConfigurationError
        If it is not an http(s) URL, or contains a user, a query or a fragment.

    Examples
    --------
    >>> require_base_url("https://patchwork.example.org")
    'https://patchwork.example.org/'
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            f"{url[:100]!r} is not a server's URL: write it like https://patchwork.example.org/"
        )
    return url.rstrip("/") + "/"


class PatchworkClient:
    """Client for one project of one Patchwork server.

    Parameters
    ----------
    base_url
        The server, such as `https://patchwork.kernel.org/`.
    project
        The project's `link_name`.
    session
        Session with the server.
    """

    def __init__(self, base_url: str, project: str, session: ThrottledSession) -> None:
        self._base = require_base_url(base_url) + _API
        self.project = require_project(project)
        self._session = session

    def events(self, since: str) -> Iterator[EventRow]:
        """Yield all events from a time on, inclusive.

        Each request starts at the date of the last event before it. Page numbers would lose
        events, because the server does not order events with the same date.

        Parameters
        ----------
        since
            The server's local time, as the server writes it in `EventRow.date`.

        Raises
        ------
        FormatError
            If a row does not match Patchwork's documentation.
        HttpError
            If the server cannot be read.
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
            # If all events of a page have the same date, only the page number leads on.
            last = events[-1].date
            since, page = (since, page + 1) if last == since else (last, 1)
        raise FormatError("Patchwork's list of events does not end", pages=_MAX_PAGES)

    def newest_event(self) -> EventRow | None:
        """Return the newest event, or None if the project has no events."""
        rows, _ = self._page("events/", {"project": self.project, "order": "-date"}, per_page=1)
        return _read(EventRow, rows[0]) if rows else None

    def patches(
        self,
        *,
        since: dt.datetime | None = None,
        before: dt.datetime | None = None,
        state: str | None = None,
    ) -> Iterator[list[PatchRow]]:
        """Yield pages of patches, ordered by number.

        Parameters
        ----------
        since, before
            Limits of the Date header of the mails.
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
        """Return a patch by its number, or None if Patchwork no longer has it."""
        try:
            response = self._get(f"{self._base}/patches/{number:d}/")
        except HttpStatusError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return _read(PatchRow, _json(response))

    def require_exists(self) -> None:
        """Check that the project exists. The lists of an unknown project are just empty.

        Raises
        ------
        UnknownSourceError
            If the server does not know the project.
        """
        try:
            _read(ProjectRow, _json(self._get(f"{self._base}/projects/{self.project}/")))
        except HttpStatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise UnknownSourceError(
                f"Patchwork has no project {self.project!r}: check PATCHWORK_PROJECT",
                project=self.project,
            ) from error

    def _page(
        self, path: str, query: dict[str, str], *, per_page: int = PER_PAGE
    ) -> tuple[list[Any], bool]:
        """Return the rows of a page, and whether there is a next page."""
        parameters = urlencode(query | {"per_page": str(per_page)})
        try:
            response = self._get(f"{self._base}/{path}?{parameters}")
        except HttpStatusError as error:
            # The page existed a moment ago; rows have been removed since.
            if error.status == HTTPStatus.NOT_FOUND and query.get("page", "1") != "1":
                return [], False
            raise
        rows = _json(response)
        if not isinstance(rows, list):
            raise FormatError(f"Patchwork's response for {path} is not a JSON array", path=path)
        return rows, bool(_NEXT.search(response.headers.get("Link", "")))

    def _get(self, url: str) -> HttpResponse:
        return self._session.get(
            url,
            max_bytes=MAX_PAGE_BYTES,
            headers={"Accept": "application/json"},
            check=reject_html,
        )


def _naive(time: dt.datetime) -> str:
    """Format a time as UTC without an offset, because some servers fail on `Z`."""
    return time.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat()


def _json(response: HttpResponse) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"Patchwork's response is not valid JSON: {error}") from error


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
