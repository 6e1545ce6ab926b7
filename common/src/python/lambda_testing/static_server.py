"""A tiny HTTP server on loopback that gives scripted answers, for clients of feeds and files.

>>> with static_server(Reply(status=503), Reply(body=feed)) as server:  # doctest: +SKIP
...     fetch(server.url + "/regions.rss")

Bodies may be made while they are sent, so that a huge one never is in memory, and may stop early,
so that a client can show that it notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from local_cloud.loopback_server import Exchange, LoopbackServer, ReceivedRequest

_PIECE_BYTES = 64 * 1024

type Pieces = Callable[[], Iterable[bytes]]
"""Makes the pieces of a body, anew for each response."""


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    Attributes
    ----------
    body
        The bytes, or a function that makes them piece by piece while they are sent.
    status, headers
        Sent as they are; headers may state anything.
    content_length
        The length that is stated. By default that of `body` where it is bytes; where it is made
        in pieces, none is stated and the end of the connection is the end of the body. A stated
        length above the real one makes a truncated answer.
    chunked
        Whether to send in chunks (each piece one) instead of stating a length.
    complete
        False breaks off in the middle: a chunked body ends without its last chunk.
    pause_seconds
        Wait before each piece.
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
        """Return the headers that say where the body ends."""
        if self.chunked:
            return {"Transfer-Encoding": "chunked"}
        if self.content_length is not None:
            return {"Content-Length": str(self.content_length)}
        if isinstance(self.body, bytes):
            return {"Content-Length": str(len(self.body))}
        return {"Connection": "close"}


def repeated(piece: bytes, size: int) -> Pieces:
    """Make a body of `size` bytes out of one piece, without holding it in memory."""

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
        What was asked, in order.
    bytes_sent : int
        Bytes of bodies that the clients' sockets took, over all requests.
    """

    def __init__(self, replies: Iterable[Reply]) -> None:
        super().__init__()
        self._replies = tuple(replies)
        self.requests: list[ReceivedRequest] = []
        self.bytes_sent = 0

    def answer(self, exchange: Exchange) -> None:
        """Send the next reply; the last one is repeated."""
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
    """Return a server (a context manager) that answers with `replies` in turn.

    The path of a request does not matter. After the last reply, that one is repeated.
    """
    return StaticServer(replies)
