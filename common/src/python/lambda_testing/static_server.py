"""A small HTTP server on loopback with scripted responses, for tests of HTTP clients.

>>> import requests
>>> with static_server(Reply(status=503), Reply(body=b"39 regions")) as server:
...     [requests.get(server.url + "/feed", timeout=10).status_code for _ in range(3)]
[503, 200, 200]

A body may be generated while it is sent, so that a huge body is never in memory. It may also stop
early, to test whether a client notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from local_cloud.loopback_server import Exchange, LoopbackServer, ReceivedRequest

_PIECE_BYTES = 64 * 1024

type Pieces = Callable[[], Iterable[bytes]]
"""Generates the pieces of a body; called for each response."""


@dataclass(frozen=True)
class Reply:
    """A scripted response.

    Attributes
    ----------
    body
        The bytes, or a function that generates them piece by piece while they are sent.
    status, headers
        Sent unchanged and unchecked.
    content_length
        The value of the header. By default the length of `body` if it is bytes; if it is generated,
        there is no header, and the body ends with the connection. A value above the real length
        makes a truncated response.
    chunked
        Whether to send each piece as a chunk, without a Content-Length.
    complete
        If False, a chunked body ends without its last chunk.
    pause_seconds
        Pause before each piece.
    """

    body: bytes | Pieces = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_length: int | None = None
    chunked: bool = False
    complete: bool = True
    pause_seconds: float = 0.0

    def pieces(self) -> Iterable[bytes]:
        """Return the body piece by piece."""
        return (self.body,) if isinstance(self.body, bytes) else self.body()

    def framing(self) -> dict[str, str]:
        """Return the headers that define where the body ends."""
        if self.chunked:
            return {"Transfer-Encoding": "chunked"}
        if self.content_length is not None:
            return {"Content-Length": str(self.content_length)}
        if isinstance(self.body, bytes):
            return {"Content-Length": str(len(self.body))}
        return {"Connection": "close"}


def repeated(piece: bytes, size: int) -> Pieces:
    """Return a body of `size` bytes that repeats a piece; it is never in memory as a whole."""

    def pieces() -> Iterator[bytes]:
        block = piece * (_PIECE_BYTES // len(piece) + 1)
        sent = 0
        while sent < size:
            part = block[: size - sent]
            sent += len(part)
            yield part

    return pieces


class StaticServer(LoopbackServer):
    """The server; see `static_server`.

    Attributes
    ----------
    requests : list of ReceivedRequest
        The requests in order.
    bytes_sent : int
        Bytes of bodies that the clients' sockets accepted, over all requests.
    """

    def __init__(self, replies: Iterable[Reply]) -> None:
        super().__init__()
        self._replies = tuple(replies)
        self.requests: list[ReceivedRequest] = []
        self.bytes_sent = 0

    def answer(self, exchange: Exchange) -> None:
        """Send the next reply, or the last reply again."""
        with self.lock:
            self.requests.append(exchange.request)
            reply = self._replies[min(len(self.requests), len(self._replies)) - 1]
        exchange.send(exchange.head(reply.status, {**reply.headers, **reply.framing()}))
        if exchange.request.method != "HEAD":
            self._send_body(exchange, reply)
        if not isinstance(reply.body, bytes) or reply.content_length or not reply.complete:
            exchange.close()

    def _send_body(self, exchange: Exchange, reply: Reply) -> None:
        for piece in reply.pieces():
            if reply.pause_seconds and not exchange.wait(reply.pause_seconds):
                return
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
            with self.lock:
                self.bytes_sent += len(piece)
        if reply.chunked and reply.complete:
            exchange.send(b"0\r\n\r\n")


def static_server(*replies: Reply) -> StaticServer:
    """Return a server, a context manager, that sends the replies in order.

    The path of a request does not matter. The last reply is repeated.
    """
    return StaticServer(replies)
