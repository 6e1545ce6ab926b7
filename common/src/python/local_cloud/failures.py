"""Tells of a request on which moto failed: its error in one line, instead of a page of frames."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Failures:
    """Answers 500 where an application raises, and names the error to client and terminal.

    What moto raises is its answer to a request that it does not know, so that any error may be.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            return self._application(environ, start_response)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        asked = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')!r}"
        print(f"local cloud: {asked}: {' '.join(told.split())}", file=sys.stderr, flush=True)
        body = f"The local cloud cannot answer this: {told}\n".encode(errors="replace")
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        start_response(
            f"{status.value} {status.phrase}",
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ],
        )
        return [body]
