"""A threaded HTTP/1.1 server on the loopback interface that can simulate network faults.

Subclasses decide what to answer. This module reads requests, writes bytes, and closes all
connections at the end.
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
"""Statuses whose responses never have a body (RFC 9110, section 6.4.1)."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A complete request.

    Attributes
    ----------
    number
        Number of the request at this server, starting at 1.
    method, path
        Such as `POST` and `/bucket/key?uploads`; the path includes the query.
    headers
        Names are case-insensitive.
    body
        The whole body, without transfer encoding.
    """

    number: int
    method: str
    path: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def operation(self) -> str | None:
        """Name of the operation in AWS's JSON protocol, such as `GetParametersByPath`; or None.

        It is in the header `X-Amz-Target: AmazonSSM.GetParametersByPath`.
        """
        target = self.headers.get("X-Amz-Target")
        return target.rpartition(".")[2] if target else None

    @cached_property
    def json(self) -> object:
        """The parsed body; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Exchange:
    """A request and the connection on which it must be answered.

    Parameters
    ----------
    connection
        The client's socket.
    stopping
        Set when the server ends; this also ends `wait`.
    """

    def __init__(
        self, request: ReceivedRequest, connection: socket.socket, stopping: threading.Event
    ) -> None:
        self.request = request
        self.close_after = False
        self._connection = connection
        self._stopping = stopping

    def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a complete response; `Content-Length` is added unless `headers` contain it."""
        has_body = self.request.method != "HEAD" and status not in BODILESS
        names = {name.lower() for name in headers}
        length = {} if "content-length" in names else {"Content-Length": str(len(body))}
        self.send(self.head(status, {**headers, **length}) + (body if has_body else b""))

    def head(self, status: int, headers: Mapping[str, str]) -> bytes:
        """Return the bytes of the status line and the headers."""
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            reason = ""
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def send(self, data: bytes) -> None:
        """Send bytes unchanged.

        Raises
        ------
        ConnectionError
            The client has closed the connection.
        """
        self._connection.sendall(data)

    def close(self) -> None:
        """Close the connection normally (FIN) after this exchange."""
        self.close_after = True

    def reset(self) -> None:
        """Reset the connection now (RST): the client sees "connection reset by peer"."""
        # With SO_LINGER and zero seconds, the kernel discards unsent data and sends RST.
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self._connection.detach())
        self.close_after = True

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the time has passed or the server ends.

        Returns
        -------
        bool
            Whether the time has passed; False if the server ended first.
        """
        return not self._stopping.wait(seconds)


class LoopbackServer(ABC):
    """Base class of servers: a context manager that serves on a free port."""

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
        """Base URL without a trailing slash."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, exchange: Exchange) -> None:
        """Answer a request. Called in the thread of the connection."""

    def next_number(self) -> int:
        """Return the number of the next request."""
        with self.lock:
            self._received += 1
            return self._received

    def __enter__(self) -> Self:
        """Start the server."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close all connections, interrupt all waits, and wait for all threads."""
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
        """Close all connections, so that no thread waits for another request."""
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
        # Many tests close connections early.
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
            headers=self.headers,  # type: ignore[arg-type]  # typeshed declares the base class
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
            continue  # ignore trailers

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a line for each request would hide the output of the tests."""
