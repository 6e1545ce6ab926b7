"""A local stand-in for a public-inbox archive: returns searches and threads as gzipped mboxes."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from local_cloud.loopback_server import Exchange, LoopbackServer, ReceivedRequest
from patch_tracker.mail.message import Mail
from patch_tracker.mail.threads import components, merge_nodes, nodes_of

FROM_LINE: Final = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"

_RANGE: Final = re.compile(r"rt:(\d*)\.\.(\d*)")
_NOTHING: Final = re.compile(r"rt:\d{8}\.\..*|d:\d{14}\.\..*")
"""Days given as times of receipt, and seconds given as days: public-inbox finds nothing."""

_HTML: Final = {"Content-Type": "text/html; charset=UTF-8"}
_GZIP: Final = {"Content-Type": "application/gzip"}


class LoreServer(LoopbackServer):
    """The server; a context manager.

    Parameters
    ----------
    name
        Name of its only list.
    mails
        Mails in the order in which the list received them.

    Attributes
    ----------
    requests : list of ReceivedRequest
        All requests, in order.
    """

    def __init__(self, name: str, mails: Iterable[Mail] = ()) -> None:
        super().__init__()
        self.requests: list[ReceivedRequest] = []
        self._name = name
        self._mails = list(mails)

    def receive(self, mail: Mail) -> None:
        """Add a mail to the archive."""
        with self.lock:
            self._mails.append(mail)

    def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        parts = urlsplit(request.path)
        with self.lock:
            self.requests.append(request)
            inbox, _, rest = parts.path.removeprefix("/").partition("/")
            if inbox != self._name:
                status, headers, body = _not_found("404 Not Found")
            elif rest == "":
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                status, headers, body = self._search(request.method, query)
            elif rest == "new.atom":
                status, headers, body = 200, {"Content-Type": "application/atom+xml"}, _FEED
            else:
                status, headers, body = self._mail(rest)
        exchange.respond(status, headers, body)

    def _search(self, method: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        search = query.get("q", "")
        found = _RANGE.fullmatch(search)
        if method == "POST" and query.get("x") == "m" and _NOTHING.fullmatch(search):
            return _not_found("[No results found]")
        if method != "POST" or query.get("x") != "m" or found is None:
            # A search in a browser, which gets a page.
            return 200, _HTML, b"<html><head><title>search</title></head></html>"
        begin, end = int(found[1] or 0), int(found[2] or 2**62)
        mails = [
            mail
            for mail in self._mails
            if begin <= (mail.received or mail.timestamp).timestamp() <= end
        ]
        return (200, _GZIP, mbox(mails)) if mails else _not_found("[No results found]")

    def _mail(self, rest: str) -> tuple[int, dict[str, str], bytes]:
        quoted, _, what = rest.partition("/")
        message_id = unquote(quoted)
        if all(mail.message_id != message_id for mail in self._mails):
            return _not_found("404 Not Found") if what else (300, _HTML, b"<html>?</html>")
        if what == "t.mbox.gz":
            return 200, _GZIP, mbox(self._mails_of_thread(message_id))
        if what == "raw":
            mail = next(item for item in self._mails if item.message_id == message_id)
            return 200, {"Content-Type": "text/plain"}, FROM_LINE + mail.raw
        page = f"<html><pre>{html.escape(message_id)}</pre></html>"
        return 200, _HTML, page.encode()

    def _mails_of_thread(self, message_id: str) -> list[Mail]:
        nodes = merge_nodes(
            node
            for mail in self._mails
            for node in nodes_of(mail.message_id, mail.parents, mail.kind)
        )
        (thread,) = [thread for thread in components(nodes) if message_id in thread]
        return [mail for mail in self._mails if mail.message_id in thread]


_FEED: Final = b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"></feed>'


def _not_found(text: str) -> tuple[int, dict[str, str], bytes]:
    return 404, _HTML, f"<html><body>{text}</body></html>".encode()


def mbox(mails: Iterable[Mail]) -> bytes:
    """Return mails as a gzipped mboxrd."""
    return gzip.compress(b"".join(FROM_LINE + _quoted(mail.raw) + b"\n" for mail in mails), mtime=0)


def _quoted(content: bytes) -> bytes:
    quoted = re.sub(rb"^(>*From )", rb">\1", content, flags=re.MULTILINE)
    return quoted if quoted.endswith(b"\n") else quoted + b"\n"
