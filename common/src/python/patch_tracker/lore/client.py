"""Reads a list's archive: everything since a moment in one request, or one thread.

https://public-inbox.org/public-inbox-httpd.html and `/_/text/help/` of each archive tell what can
be asked.
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

MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
"""Compressed; a week of the largest list is a tenth of it."""

_FOLDERS: Final = frozenset({"", ".", ".."})
"""What would lead out of the list's folder instead of naming a mail."""

_LIST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def require_list(name: str) -> str:
    """Return a list's name if it can be one.

    Raises
    ------
    ConfigurationError
        It has other characters than a name of a list has.
    """
    if not _LIST.fullmatch(name):
        raise ConfigurationError(f"{name[:100]!r} cannot be the name of a list in an archive")
    return name


class LoreClient:
    """One list of one archive.

    Parameters
    ----------
    base_url
        Such as `https://lore.kernel.org/`.
    name
        The list's name in the archive.
    session
        How the server is asked.
    """

    def __init__(self, base_url: str, name: str, session: ThrottledSession) -> None:
        self._inbox = require_base_url(base_url) + require_list(name) + "/"
        self.name = name
        self._session = session
        self._known = False

    def received(self, since: dt.datetime, until: dt.datetime | None = None) -> Iterator[RawMail]:
        """Yield every mail that the archive received in a span of time; one request for all.

        Parameters
        ----------
        since, until
            Bounds in whole seconds; until now where there is no end.

        Raises
        ------
        OutageError
            The archive answered with a page for people: nothing is known.
        UnknownSourceError
            There is no such list.
        MailboxError, HttpError
            It cannot be read.
        """
        end = f"{int(until.timestamp())}" if until else ""
        url = f"{self._inbox}?q=rt:{int(since.timestamp())}..{end}&x=m"
        try:
            answer = self._session.post(url, max_bytes=MAX_ANSWER_BYTES, check=_require_gzip)
        except HttpStatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            # "No match" and "no such list" have the same status.
            self.require_exists()
            return
        self._known = True
        yield from mails_of_gzip(io.BytesIO(answer.content))

    def thread(self, message_id: str) -> Iterator[RawMail] | None:
        """Return all mails of the thread of one, None where the archive does not have that.

        Raises
        ------
        OutageError, MailboxError, HttpError
            As for `received`.
        """
        if message_id in _FOLDERS:
            return None
        url = f"{self._inbox}{quote(message_id, safe='@')}/t.mbox.gz"
        try:
            answer = self._session.get(url, max_bytes=MAX_ANSWER_BYTES, check=_require_gzip)
        except HttpStatusError as error:
            # An id that several lists have, or that is like others, is answered by a choice.
            if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.MULTIPLE_CHOICES}:
                return None
            raise
        return mails_of_gzip(io.BytesIO(answer.content))

    def link(self, message_id: str) -> str:
        """Return the address under which a person reads a mail."""
        return f"{self._inbox}{quote(message_id, safe='@')}/"

    def require_exists(self) -> None:
        """Make sure that the list exists, by its feed.

        Raises
        ------
        UnknownSourceError
            There is no such list.
        OutageError
            The archive answered with a page for people.
        """
        if self._known:
            return
        try:
            self._session.get(
                f"{self._inbox}new.atom", max_bytes=MAX_ANSWER_BYTES, check=_require_feed
            )
        except HttpStatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise UnknownSourceError(
                f"the archive has no list {self.name!r}: check the setting of the list",
                list=self.name,
            ) from error
        self._known = True


def _require_gzip(response: HttpResponse) -> None:
    if response.content.startswith(GZIP_MAGIC):
        return
    reject_html(response)
    raise OutageError(
        "the archive answered with something that is no gzipped mbox; nothing is known of what "
        "is new",
        begins=response.content[:40].decode("latin-1"),
    )


def _require_feed(response: HttpResponse) -> None:
    reject_html(response)
    if b"<feed" not in response.content[:1000]:
        raise OutageError("the archive's feed is none; nothing is known of what is new")
