"""Refuses requests from web sites.

Anyone who can send requests to the local cloud can run code in it. Listening on the loopback
interface does not keep web sites out, because the requests of a page in a browser also come from
this machine. Browsers send the origin of the page in `Origin` and `Sec-Fetch-Site`; AWS clients
send neither. A site could also point its own host name at the loopback address, so that its pages
have the same origin as the local cloud (DNS rebinding); then `Host` contains that name.

Sources: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
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
"""Host names that always refer to this machine; S3 clients put bucket names before `.localhost`.

Any port is allowed, because requests may arrive through a tunnel from another port.
"""


class OriginCheck:
    """Answers requests from web sites with 403, and passes on all others."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        reason = refusal(environ)
        if reason is None:
            return self._application(environ, start_response)
        body = f"Forbidden: {reason}\n".encode()
        start_response(
            f"{HTTPStatus.FORBIDDEN.value} {HTTPStatus.FORBIDDEN.phrase}",
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
                # The body of the request is not read.
                ("Connection", "close"),
            ],
        )
        return [body]


def refusal(environ: Mapping[str, Any]) -> str | None:
    """Return why a request is refused; None if it is not from a web site.

    Parameters
    ----------
    environ
        The WSGI environment of the request.

    Examples
    --------
    >>> refusal({"HTTP_HOST": "127.0.0.1:4566"}) is None
    True
    >>> refusal({"HTTP_HOST": "127.0.0.1:4566", "HTTP_ORIGIN": "https://example.com"})
    'requests from other web sites are not allowed in the local cloud'
    """
    host = str(environ.get("HTTP_HOST", ""))
    if not _OWN_HOST.fullmatch(host):
        return (
            "this is not a host name of the local cloud; use http://127.0.0.1 or http://localhost"
        )
    origin = environ.get("HTTP_ORIGIN")
    own_site = environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    if not own_site or (origin is not None and origin != f"http://{host}"):
        return "requests from other web sites are not allowed in the local cloud"
    return None
