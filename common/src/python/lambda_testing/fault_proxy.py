"""An HTTP proxy in front of a real server, with scripted faults.

In tests, a real client uses a server through the proxy, and the test decides which calls fail and
how. Usually the server is moto's; here it is a static server:

>>> import requests
>>> from lambda_testing.static_server import Reply, static_server
>>> with (
...     static_server(Reply(body=b"39 regions")) as upstream,
...     FaultProxy(upstream.url, [Fault(every(3), throttling())]) as proxy,
... ):
...     [requests.get(proxy.url, timeout=10).status_code for _ in range(4)]
[200, 200, 400, 200]
>>> sorted(proxy.outcomes.items())
[('ThrottlingException', 1), ('forwarded', 3)]

The first fault whose matcher matches a request acts on it. If none matches, the request is
forwarded unchanged.
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
"""Decides whether a fault acts on a request.

Matchers are called for one request at a time, so those that count need no lock.
"""


@dataclass
class UpstreamResponse:
    """The response of the server behind the proxy; an action may change it."""

    status: int
    headers: dict[str, str]
    body: bytes


class UpstreamError(Exception):
    """The server behind the proxy could not be reached, or closed the connection early."""


type Fetch = Callable[[], UpstreamResponse]


@dataclass(frozen=True)
class Action:
    """What a fault does with a request.

    Attributes
    ----------
    outcome
        Its name in `FaultProxy.outcomes`.
    act
        Answers the request. The second argument forwards the request to the server behind the
        proxy, and raises `UpstreamError` if that fails.
    """

    outcome: str
    act: Callable[[Exchange, Fetch], None]


@dataclass(frozen=True)
class Fault:
    """Which requests fail, and how."""

    matches: Matcher
    action: Action


def always(request: ReceivedRequest) -> bool:
    """Match every request."""
    del request
    return True


def every(n: int, *, most_for_a_call: int | None = None) -> Matcher:
    """Match every n-th request for which the matcher is called.

    Parameters
    ----------
    most_for_a_call
        Match at most so many requests with the same body, so that a client that repeats failed
        calls more often always succeeds in the end. By default, there is no limit.
    """
    seen = Counter[str]()
    matched = Counter[bytes]()

    def matches(request: ReceivedRequest) -> bool:
        seen["requests"] += 1
        if seen["requests"] % n or matched[request.body] == most_for_a_call:
            return False
        matched[request.body] += 1
        return True

    return matches


def first(n: int) -> Matcher:
    """Match the first n requests for which the matcher is called."""
    seen = Counter[str]()

    def matches(_: ReceivedRequest) -> bool:
        seen["requests"] += 1
        return seen["requests"] <= n

    return matches


def on_operation(name: str) -> Matcher:
    """Match calls of an AWS operation, such as `GetParametersByPath`."""
    return lambda request: request.operation == name


def on_path(prefix: str) -> Matcher:
    """Match calls whose JSON body has a `Path` (of SSM's hierarchy) that begins with `prefix`."""

    def matches(request: ReceivedRequest) -> bool:
        body = request.json
        path = body.get("Path") if isinstance(body, dict) else None
        return isinstance(path, str) and path.startswith(prefix)

    return matches


def all_of(*matchers: Matcher) -> Matcher:
    """Match requests that every matcher matches; stop at the first matcher that does not match.

    A counting matcher at the end counts only what the others matched:
    `all_of(on_operation("PutObject"), first(2))` matches the first two calls of that operation.
    """
    return lambda request: all(matches(request) for matches in matchers)


def respond(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, outcome: str = ""
) -> Action:
    """Answer without forwarding the request."""
    stated = dict(headers or {})
    return Action(
        outcome or str(status), lambda exchange, _: exchange.respond(status, stated, body)
    )


def aws_error(code: str, status: int = 400, message: str = "Scripted by the test.") -> Action:
    """Answer with an error of AWS's JSON protocol, with its code in body and header."""
    body = json.dumps({"__type": code, "message": message}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    return respond(status, body, headers, outcome=code)


def throttling() -> Action:
    """Answer with `ThrottlingException`, which AWS sends with status 400."""
    return aws_error("ThrottlingException", message="Rate exceeded")


def access_denied() -> Action:
    """Answer with `AccessDeniedException`."""
    return aws_error("AccessDeniedException", message="User is not authorized to do this.")


def internal_server_error() -> Action:
    """Answer with `InternalServerError` and status 500."""
    return aws_error("InternalServerError", status=500, message="An error occurred.")


def reset_connection() -> Action:
    """Reset the connection (RST) instead of answering."""
    return Action("reset", lambda exchange, _: exchange.reset())


def hang() -> Action:
    """Never answer, so that the client times out."""

    def act(exchange: Exchange, _: Fetch) -> None:
        exchange.wait()
        exchange.close()

    return Action("hung", act)


def delay(seconds: float) -> Action:
    """Forward the request after a pause."""

    def act(exchange: Exchange, fetch: Fetch) -> None:
        exchange.wait(seconds)
        relay(exchange, fetch())

    return Action("delayed", act)


def truncate(keep: int | None = None) -> Action:
    """Send the headers and the first `keep` bytes of the real body, by default half of it.

    Content-Length is that of the whole body, so the client can detect that a part is missing.
    """

    def act(exchange: Exchange, fetch: Fetch) -> None:
        response = fetch()
        kept = len(response.body) // 2 if keep is None else keep
        headers = {**response.headers, "Content-Length": str(len(response.body))}
        exchange.send(exchange.head(response.status, headers) + response.body[:kept])
        exchange.close()

    return Action("truncated", act)


def mutate(change: Callable[[bytes], bytes]) -> Action:
    """Forward the request, and change the body of the response."""

    def act(exchange: Exchange, fetch: Fetch) -> None:
        response = fetch()
        response.body = change(response.body)
        relay(exchange, response)

    return Action("mutated", act)


def mutate_json(change: Callable[[Any], Any]) -> Action:
    """Forward the request, and change the JSON value of the response."""
    return mutate(lambda body: json.dumps(change(json.loads(body))).encode())


def relay(exchange: Exchange, response: UpstreamResponse) -> None:
    """Send a response to the client, with a new Content-Length unless the request is a HEAD."""
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
        Base URL of the server behind the proxy, with the scheme http.
    faults
        The faults; the first one that matches a request acts on it.

    Attributes
    ----------
    calls : Counter
        Requests by AWS operation, or by HTTP method if there is no operation (S3).
    outcomes : Counter
        Requests by outcome: `forwarded`, the outcome of the action, or `upstream unreachable`,
        which the client receives as status 502.
    """

    def __init__(self, upstream_url: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__()
        address = urlsplit(upstream_url)
        self._upstream = (address.hostname or "", address.port or 80)
        self._faults = tuple(faults)
        self.calls: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def answer(self, exchange: Exchange) -> None:
        """Forward the request, or let the first matching fault answer it."""
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
        # The proxy has read the whole body, so the transfer coding of the client does not apply.
        headers = _end_to_end(request.headers)
        headers["Content-Length"] = str(len(request.body))
        try:
            connection.request(request.method, request.path, request.body, headers)
            response = connection.getresponse()
            return UpstreamResponse(response.status, _end_to_end(response.headers), response.read())
        except (OSError, http.client.HTTPException) as error:
            host, port = self._upstream
            raise UpstreamError(
                f"The test proxy could not forward a request to http://{host}:{port}: {error!r}"
            ) from error
        finally:
            connection.close()


def _end_to_end(headers: http.client.HTTPMessage) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
