"""Lambda's Runtime API, from which a function's process fetches its invocations.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOPBACK = "127.0.0.1"

_ROOT = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """An invocation for the process.

    Attributes
    ----------
    deadline_ms
        Time at which the function times out, in milliseconds since 1970-01-01 UTC.
    """

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str


@dataclass(frozen=True)
class Ready:
    """The process has loaded its modules and asks for the next invocation."""


@dataclass(frozen=True)
class InitFailed:
    """The process could not load its handler; `error` is JSON."""

    error: bytes


@dataclass(frozen=True)
class Answered:
    """The handler returned, or raised if `failed` is true; `payload` is JSON."""

    request_id: str
    payload: bytes
    failed: bool


type Message = Ready | InitFailed | Answered


class RuntimeApi:
    """Serves one function's process, on a separate loopback port."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()
        self._next: queue.Queue[Invocation | None] = queue.Queue()
        self._server = _Server(self)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def address(self) -> str:
        """Host and port, in the format of `AWS_LAMBDA_RUNTIME_API`."""
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    def send_invocation(self, invocation: Invocation) -> None:
        """Give the process its next invocation."""
        self._next.put(invocation)

    def close(self) -> None:
        """Stop serving."""
        self._next.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next_invocation(self) -> Invocation | None:
        """Wait for the next invocation; None if the server was closed."""
        self.messages.put(Ready())
        return self._next.get()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__((LOOPBACK, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Send headers and body together: with two packets, each response would wait for 40 ms.
    wbufsize = -1
    server: _Server

    def handle(self) -> None:
        # Connections break when the process is killed.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        if self.path != f"{_ROOT}/invocation/next":
            self._answer(HTTPStatus.NOT_FOUND)
            return
        invocation = self.server.api.next_invocation()
        if invocation is None:
            self.close_connection = True
            return
        self._answer(
            HTTPStatus.OK,
            invocation.payload,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        match self.path.removeprefix(_ROOT).strip("/").split("/"):
            case ["init", "error"]:
                self.server.api.messages.put(InitFailed(body))
            case ["invocation", request_id, "response" | "error" as kind]:
                self.server.api.messages.put(Answered(request_id, body, kind == "error"))
            case _:
                self._answer(HTTPStatus.NOT_FOUND)
                return
        self._answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(
        self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: only the function's own log is of interest."""
