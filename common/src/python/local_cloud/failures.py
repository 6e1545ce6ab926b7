"""Reports a request that moto failed to answer in one line, instead of with a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Failures:
    """Answers 500 if the application raises an error, and reports the error on standard error.

    moto may raise any error if it does not support a request.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        try:
            return self._application(environ, start_response)
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
        request = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')!r}"
        print(f"local cloud: {request}: {' '.join(message.split())}", file=sys.stderr, flush=True)
        body = f"The local cloud cannot process this request: {message}\n".encode(errors="replace")
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
