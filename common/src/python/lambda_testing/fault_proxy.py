"""An HTTP proxy in front of a real server, with scripted faults.

Tests let a real client talk to moto's server through it, and choose which calls go wrong and how:

>>> with FaultProxy(upstream, [Fault(every(3), throttling())]) as proxy:  # doctest: +SKIP
...     client = boto3.client("ssm", endpoint_url=proxy.url)
...     ...
...     assert proxy.calls["GetParametersByPath"] == 4

For each request the first fault whose matcher says yes acts; where none does, the request is
forwarded as it is.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local_cloud.loopback_server import Exchange, LoopbackServer, ReceivedRequest

UPSTREAM_TIMEOUT_SECONDS = 60.0

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})

type Matcher = Callable[[ReceivedRequest], bool]
"""Says whether a fault acts on a request.

Matchers are asked one request at a time, so those that count need no lock.
"""


@dataclass
class UpstreamResponse:
    """What the server behind the proxy answered; an action may change it before it goes on."""

    status: int
    headers: dict[str, str]
    body: bytes


class UpstreamError(Exception):
    """The server behind the proxy could not be reached or broke off."""


type Fetch = Callable[[], UpstreamResponse]


@dataclass(frozen=True)
class Action:
    """What a fault does with a request.

    Attributes
    ----------
    outcome
        Its name in `FaultProxy.outcomes`.
    act
        Answers the request. The second argument asks the server behind the proxy, and raises
        `UpstreamError` where that fails.
    """

    outcome: str
    act: Callable[[Exchange, Fetch], None]


@dataclass(frozen=True)
class Fault:
    """Which requests go wrong, and how."""

    matches: Matcher
    action: Action


def always(request: ReceivedRequest) -> bool:
    """Match every request."""
    del request
    return True


def every(n: int) -> Matcher:
    """Match each n-th of the requests about which it is asked."""
    seen = Counter[str]()

    def matches(_: ReceivedRequest) -> bool:
        seen["requests"] += 1
        return seen["requests"] % n == 0

    return matches


def first(n: int) -> Matcher:
    """Match the first n of the requests about which it is asked."""
    seen = Counter[str]()

    def matches(_: ReceivedRequest) -> bool:
        seen["requests"] += 1
        return seen["requests"] <= n

    return matches


def on_operation(name: str) -> Matcher:
    """Match calls of one AWS operation, such as `GetParametersByPath`."""
    return lambda request: request.operation == name


def on_path(prefix: str) -> Matcher:
    """Match calls whose JSON body has a `Path` (SSM's parameter hierarchy) of this beginning."""

    def matches(request: ReceivedRequest) -> bool:
        body = request.json
        path = body.get("Path") if isinstance(body, dict) else None
        return isinstance(path, str) and path.startswith(prefix)

    return matches


def all_of(*matchers: Matcher) -> Matcher:
    """Match what every matcher matches, asked in their order until one says no.

    A counting matcher in the last place counts only what the others let through:
    `all_of(on_operation("PutObject"), first(2))` is the first two such calls.
    """
    return lambda request: all(matches(request) for matches in matchers)


def respond(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, outcome: str = ""
) -> Action:
    """Answer without asking the server behind."""
    stated = dict(headers or {})
    return Action(
        outcome or str(status), lambda exchange, _: exchange.respond(status, stated, body)
    )


def aws_error(code: str, status: int = 400, message: str = "Scripted by the test.") -> Action:
    """Answer an error of AWS's JSON protocol, named in body and header as AWS does."""
    body = json.dumps({"__type": code, "message": message}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    return respond(status, body, headers, outcome=code)


def throttling() -> Action:
    """Answer `ThrottlingException`, which AWS sends with status 400."""
    return aws_error("ThrottlingException", message="Rate exceeded")


def access_denied() -> Action:
    """Answer `AccessDeniedException`."""
    return aws_error("AccessDeniedException", message="User is not authorized to do this.")


def internal_server_error() -> Action:
    """Answer `InternalServerError` with status 500."""
    return aws_error("InternalServerError", status=500, message="An error occurred.")


def reset_connection() -> Action:
    """Break the connection off (RST) instead of answering."""
    return Action("reset", lambda exchange, _: exchange.reset())


def hang() -> Action:
    """Never answer: the client must run into its timeout."""

    def act(exchange: Exchange, _: Fetch) -> None:
        exchange.wait()
        exchange.close()

    return Action("hung", act)


def delay(seconds: float) -> Action:
    """Forward after a wait."""

    def act(exchange: Exchange, fetch: Fetch) -> None:
        exchange.wait(seconds)
        relay(exchange, fetch())

    return Action("delayed", act)


def truncate(keep: int | None = None) -> Action:
    """Send the real answer's head and the first `keep` bytes of its body, half of it by default.

    The stated length is the whole one, so the client can tell that something is missing.
    """

    def act(exchange: Exchange, fetch: Fetch) -> None:
        response = fetch()
        kept = len(response.body) // 2 if keep is None else keep
        headers = {**response.headers, "Content-Length": str(len(response.body))}
        exchange.send(exchange.head(response.status, headers) + response.body[:kept])
        exchange.close()

    return Action("truncated", act)


def mutate(change: Callable[[bytes], bytes]) -> Action:
    """Forward, and change the body of the answer."""

    def act(exchange: Exchange, fetch: Fetch) -> None:
        response = fetch()
        response.body = change(response.body)
        relay(exchange, response)

    return Action("mutated", act)


def mutate_json(change: Callable[[Any], Any]) -> Action:
    """Forward, and change the answer's JSON value."""
    return mutate(lambda body: json.dumps(change(json.loads(body))).encode())


def relay(exchange: Exchange, response: UpstreamResponse) -> None:
    """Send a response on; its length is stated anew, but for HEAD, which has no body."""
    headers = response.headers
    if exchange.request.method != "HEAD":
        headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
    exchange.respond(response.status, headers, response.body)


_FORWARD = Action("forwarded", lambda exchange, fetch: relay(exchange, fetch()))


class FaultProxy(LoopbackServer):
    """The proxy, a context manager.

    Parameters
    ----------
    upstream_url
        Base URL of the server behind it; plain HTTP.
    faults
        What goes wrong; the first that matches acts.

    Attributes
    ----------
    calls : Counter
        Requests by AWS operation, or by HTTP method where there is none (S3).
    outcomes : Counter
        Requests by what became of them: `forwarded`, or the outcome of the action that acted,
        or `upstream unreachable`, which the client sees as status 502.
    """

    def __init__(self, upstream_url: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__()
        address = urlsplit(upstream_url)
        self._upstream = (address.hostname or "", address.port or 80)
        self._faults = tuple(faults)
        self.calls: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def answer(self, exchange: Exchange) -> None:
        """Forward the request, or let the first fault that matches answer it."""
        request = exchange.request
        with self.lock:
            self.calls[request.operation or request.method] += 1
            action = next(
                (fault.action for fault in self._faults if fault.matches(request)), _FORWARD
            )
            self.outcomes[action.outcome] += 1
        try:
            action.act(exchange, lambda: self._fetch(request))
        except UpstreamError as error:
            with self.lock:
                self.outcomes[action.outcome] -= 1
                self.outcomes["upstream unreachable"] += 1
            exchange.respond(502, {"Content-Type": "text/plain"}, str(error).encode())

    def _fetch(self, request: ReceivedRequest) -> UpstreamResponse:
        connection = http.client.HTTPConnection(*self._upstream, timeout=UPSTREAM_TIMEOUT_SECONDS)
        # The body is here as a whole, so a transfer coding of the client's no longer holds.
        headers = _end_to_end(request.headers)
        headers["Content-Length"] = str(len(request.body))
        try:
            connection.request(request.method, request.path, request.body, headers)
            response = connection.getresponse()
            return UpstreamResponse(response.status, _end_to_end(response.headers), response.read())
        except (OSError, http.client.HTTPException) as error:
            host, port = self._upstream
            raise UpstreamError(
                f"The proxy for tests could not ask http://{host}:{port}: {error!r}"
            ) from error
        finally:
            connection.close()


def _end_to_end(headers: http.client.HTTPMessage) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
