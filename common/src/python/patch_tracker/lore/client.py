"""Client for a public-inbox archive: all mails of a period in one request, or one thread.

The queries are documented at https://public-inbox.org/public-inbox-httpd.html and under
`/_/text/help/` of each archive.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from lambda_core.errors import ConfigurationError
from lambda_core.http import HttpResponse, HttpStatusError
from patch_tracker.errors import OutageError, UnknownSourceError
from patch_tracker.mail.mbox import GZIP_MAGIC, RawMail, mails_of_gzip
from patch_tracker.patchwork.client import require_base_url
from patch_tracker.throttled_session import ThrottledSession, reject_html

MAX_RESPONSE_BYTES: Final = 256 * 1024 * 1024
"""Limit of a compressed response; a week of the largest list takes a tenth of it."""

_FOLDERS: Final = frozenset({"", ".", ".."})
"""Path segments that would leave the list's folder instead of naming a mail."""

_LIST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def require_list(name: str) -> str:
    """Return the name of a list after checking it.

    Raises
    ------
    ConfigurationError
        If it contains characters that list names do not have.
    """
    if not _LIST.fullmatch(name):
        raise ConfigurationError(
            f"{name[:100]!r} is not a valid list name: use letters, digits, '.', '_' and '-'"
        )
    return name


class LoreClient:
    """Client for one list of one archive.

    Parameters
    ----------
    base_url
        The archive, such as `https://lore.kernel.org/`.
    name
        The list's name in the archive.
    session
        Session with the server.
    """

    def __init__(self, base_url: str, name: str, session: ThrottledSession) -> None:
        self._inbox = require_base_url(base_url) + require_list(name) + "/"
        self.name = name
        self._session = session
        self._known = False

    def received(self, since: dt.datetime, until: dt.datetime | None = None) -> Iterator[RawMail]:
        """Yield every mail that the archive received in a period. This takes one request.

        Parameters
        ----------
        since, until
            Start and end in whole seconds; without an end, until now.

        Raises
        ------
        OutageError
            If the archive returned an HTML page instead of data.
        UnknownSourceError
            If the archive has no such list.
        MailboxError, HttpError
            If the archive cannot be read.
        """
        end = f"{int(until.timestamp())}" if until else ""
        url = f"{self._inbox}?q=rt:{int(since.timestamp())}..{end}&x=m"
        try:
            response = self._session.post(url, max_bytes=MAX_RESPONSE_BYTES, check=_require_gzip)
        except HttpStatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            # The status of "no match" is also that of "no such list".
            self.require_exists()
            return
        self._known = True
        yield from mails_of_gzip(io.BytesIO(response.content))

    def thread(self, message_id: str) -> Iterator[RawMail] | None:
        """Return all mails of a message's thread, or None if the archive does not have it.

        Raises
        ------
        OutageError, MailboxError, HttpError
            As for `received`.
        """
        if message_id in _FOLDERS:
            return None
        url = f"{self._inbox}{quote(message_id, safe='@')}/t.mbox.gz"
        try:
            response = self._session.get(url, max_bytes=MAX_RESPONSE_BYTES, check=_require_gzip)
        except HttpStatusError as error:
            # Status 300 offers similar message IDs, or other lists that have this one.
            if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.MULTIPLE_CHOICES}:
                return None
            raise
        return mails_of_gzip(io.BytesIO(response.content))

    def link(self, message_id: str) -> str:
        """Return the URL of a mail's web page."""
        return f"{self._inbox}{quote(message_id, safe='@')}/"

    def require_exists(self) -> None:
        """Check that the list exists by requesting its feed.

        Raises
        ------
        UnknownSourceError
            If the archive has no such list.
        OutageError
            If the archive returned an HTML page instead of data.
        """
        if self._known:
            return
        try:
            self._session.get(
                f"{self._inbox}new.atom", max_bytes=MAX_RESPONSE_BYTES, check=_require_feed
            )
        except HttpStatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise UnknownSourceError(
                f"the archive has no list {self.name!r}: check LORE_LIST",
                list=self.name,
            ) from error
        self._known = True


def _require_gzip(response: HttpResponse) -> None:
    if response.content.startswith(GZIP_MAGIC):
        return
    reject_html(response)
    raise OutageError(
        "the archive's response is not a gzipped mbox, so it is unknown whether there is new mail",
        begins=response.content[:40].decode("latin-1"),
    )


def _require_feed(response: HttpResponse) -> None:
    reject_html(response)
    if b"<feed" not in response.content[:1000]:
        raise OutageError(
            "the archive's response is not an Atom feed, so it is unknown whether the list exists"
        )
