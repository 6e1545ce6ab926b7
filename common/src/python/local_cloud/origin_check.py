"""Keeps web sites out: who reaches the local cloud may run code in it, and a browser reaches it.

Loopback is no wall against a page that somebody looks at: its requests come from this machine too.
A page names itself in `Origin` and, by the browser, in `Sec-Fetch-Site`; and one that leads a name
of its own to loopback, so as to be of the same origin, has that name in `Host`. Clients of AWS send
neither of the first two.

https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_OWN_HOST = re.compile(
    r"(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9._-]+\.)?localhost)(?::\d{1,5})?", re.ASCII | re.IGNORECASE
)
"""Names of loopback that nobody else can be given; S3's clients put buckets before `.localhost`.

Any port: a tunnel may lead here from another one.
"""


class Gate:
    """Answers requests that come from web sites with 403, and hands all others on."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        reason = refusal(environ)
        if reason is None:
            return self._application(environ, start_response)
        body = f"Forbidden: {reason}\n".encode()
        start_response(
            f"{HTTPStatus.FORBIDDEN.value} {HTTPStatus.FORBIDDEN.phrase}",
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
                # What the request brings is not read.
                ("Connection", "close"),
            ],
        )
        return [body]


def refusal(environ: Mapping[str, Any]) -> str | None:
    """Return why a request is not answered; None where it comes from this machine's own programs.

    Parameters
    ----------
    environ
        The request, as WSGI has it.
    """
    host = str(environ.get("HTTP_HOST", ""))
    if not _OWN_HOST.fullmatch(host):
        return "the local cloud goes by no such name; use http://127.0.0.1 or http://localhost"
    origin = environ.get("HTTP_ORIGIN")
    own_site = environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    if not own_site or (origin is not None and origin != f"http://{host}"):
        return "this request comes from another site, and a site may do nothing in the local cloud"
    return None
