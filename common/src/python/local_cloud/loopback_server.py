"""A threaded HTTP/1.1 server on loopback that lets its owner misbehave at the level of sockets.

The two servers for tests, `fault_proxy` and `static_server`, are built on it: they decide what to
answer, this module reads requests, writes bytes, and ends every connection when a test is over.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

LOOPBACK = "127.0.0.1"

BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses whose responses have no body, whatever their headers say (RFC 9110, section 6.4.1)."""


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came in.

    Attributes
    ----------
    number
        Its running number at this server, from 1, in the order in which requests were complete.
    method, path
        Such as `POST` and `/bucket/key?uploads`; the path still has its query.
    headers
        Looked up without regard to case.
    body
        The whole body, without transfer coding.
    """

    number: int
    method: str
    path: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def operation(self) -> str | None:
        """AWS's operation, as the JSON protocol names it (`GetParametersByPath`), or None.

        From the header `X-Amz-Target: AmazonSSM.GetParametersByPath`.
        """
        target = self.headers.get("X-Amz-Target")
        return target.rpartition(".")[2] if target else None

    @cached_property
    def json(self) -> object:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Exchange:
    """One request and the connection on which it must be answered.

    Parameters
    ----------
    request
        What was asked.
    connection
        The client's socket.
    stopping
        Set when the server ends; waits end with it.
    """

    def __init__(
        self, request: ReceivedRequest, connection: socket.socket, stopping: threading.Event
    ) -> None:
        self.request = request
        self.close_after = False
        self._connection = connection
        self._stopping = stopping

    def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a complete response; its length is stated unless `headers` state another."""
        has_body = self.request.method != "HEAD" and status not in BODILESS
        stated = {name.lower() for name in headers}
        length = {} if "content-length" in stated else {"Content-Length": str(len(body))}
        self.send(self.head(status, {**headers, **length}) + (body if has_body else b""))

    def head(self, status: int, headers: Mapping[str, str]) -> bytes:
        """Return the status line and the headers as they go over the wire."""
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            reason = ""
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def send(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises
        ------
        ConnectionError
            If the client has gone.
        """
        self._connection.sendall(data)

    def close(self) -> None:
        """End the connection after this exchange, in order (FIN)."""
        self.close_after = True

    def reset(self) -> None:
        """Break the connection off at once (RST): the client sees "connection reset by peer"."""
        # Lingering for zero seconds makes the kernel discard what is unsent and send RST.
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self._connection.detach())
        self.close_after = True

    def wait(self, seconds: float | None = None) -> bool:
        """Wait, but no longer than the server lives.

        Returns
        -------
        bool
            Whether the time passed; False when the server ended first.
        """
        return not self._stopping.wait(seconds)


class LoopbackServer(ABC):
    """Base of the servers: a context manager that serves on a free loopback port."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self._received = 0
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, exchange: Exchange) -> None:
        """Answer one request, in the thread of its connection."""

    def next_number(self) -> int:
        """Count one more request."""
        with self.lock:
            self._received += 1
            return self._received

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End every connection and every wait, and leave no thread behind."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, owner: LoopbackServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__((LOOPBACK, 0), _Handler)

    def track(self, connection: socket.socket) -> None:
        with self.owner.lock:
            self._open.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self.owner.lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        """Wake the threads that wait for another request of a client."""
        with self.owner.lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.track(self.connection)

    def finish(self) -> None:
        self.server.forget(self.connection)
        super().finish()

    def handle(self) -> None:
        # A client that goes away in the middle is what many tests are about.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def handle_one_request(self) -> None:
        owner = self.server.owner
        if owner.stopping.is_set():
            self.close_connection = True
            return
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self._read_body()
        request = ReceivedRequest(
            number=owner.next_number(),
            method=self.command,
            path=self.path,
            headers=self.headers,  # type: ignore[arg-type]  # typeshed says Message; it is one
            body=body,
        )
        exchange = Exchange(request, self.connection, owner.stopping)
        owner.answer(exchange)
        self.close_connection = (
            self.close_connection or exchange.close_after or owner.stopping.is_set()
        )

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers are of no use here

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: one line a request would bury the output of the tests."""
