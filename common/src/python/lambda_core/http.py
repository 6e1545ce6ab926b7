"""HTTP requests with limits on time and size, retries and an honest user agent.

An incomplete response is always an error, never a short response.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from lambda_core.circuit_breaker import CircuitBreakers
from lambda_core.errors import DataSourceError
from lambda_core.redaction import redact_url
from lambda_core.retry import STANDARD, Retry, RetryPolicy, Verdict

_CHUNK_BYTES: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})
_TRANSIENT_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CREDENTIAL_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


class HttpError(DataSourceError):
    """A request failed. The context has the `url` without credentials."""


class HttpStatusError(HttpError):
    """The status of the response is an error.

    Attributes
    ----------
    status
        The status code.
    retry_after_seconds
        The pause that the server asked for, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after_seconds: float | None = None,
        **context: object,
    ) -> None:
        super().__init__(message, status=status, **context)
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.transient = status in _TRANSIENT_STATUS


class ResponseTooLargeError(HttpError):
    """The body is larger than allowed, as sent or after decompression."""


class TruncatedResponseError(HttpError):
    """The body ended early or is damaged."""

    transient = True


class HttpTimeoutError(HttpError):
    """There was no complete response in time."""

    transient = True


class HttpUnreachableError(HttpError):
    """There is no connection to the server, or it is not an HTTP server."""

    transient = True


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response.

    Attributes
    ----------
    status
        From 200 to 299, or 304 for a conditional request.
    headers
        The response headers; names are case-insensitive.
    content
        The decompressed body.
    url
        The URL after redirects. It may contain secrets.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits on the time and the redirects of a request.

    Attributes
    ----------
    connect_seconds, read_seconds
        To connect, and between two parts of the response.
    total_seconds
        For everything: name lookup, redirects, the whole body, retries and their pauses.
    redirects
        Maximum number of redirects. A redirect must be http or https, and never from https to http.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    total_seconds: float = 120.0
    redirects: int = 5


def user_agent(product: str, version: str, purpose: str = "") -> str:
    """Return an honest `User-Agent`: `product/version (+purpose)`.

    Parameters
    ----------
    product, version
        The client, as tokens of RFC 9110, section 10.1.5.
    purpose
        The purpose, or a contact such as a URL.

    Raises
    ------
    ValueError
        A part has characters that are not allowed in the header.

    Examples
    --------
    >>> user_agent("report", "1.0", "https://example.org/contact")
    'report/1.0 (+https://example.org/contact)'
    """
    if not re.fullmatch(r"[\w.+-]+", product + version, re.ASCII):
        raise ValueError("product and version may contain only letters, digits and . + - _")
    if not re.fullmatch(r"[ -'*-~]*", purpose):
        raise ValueError("purpose must be printable ASCII without parentheses")
    return f"{product}/{version} (+{purpose})" if purpose else f"{product}/{version}"


@dataclass(frozen=True, slots=True)
class _Request:
    """A request; `check` is as in `HttpSession.get`."""

    method: str
    url: str
    max_bytes: int
    headers: dict[str, str]
    check: Callable[[HttpResponse], None] | None


class _Session(requests.Session):
    """Ignores redirects. Otherwise requests reads their whole body, even without following them."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the base's
        return None


class HttpSession:
    """Sends requests over persistent connections. Threads may share it. It stores no cookies.

    Parameters
    ----------
    agent
        The `User-Agent`; see `user_agent`.
    limits
        Limits on time and redirects.
    retry
        How often to retry a transient failure. `Retry-After` is respected.
    breakers
        Circuit breakers of the hosts. A request that used all its attempts counts as a failure. By
        default a circuit opens after 5 failures.
    pool_size
        Connections per host.
    on_retry
        Called before each pause.
    sleep
        Waits between attempts.
    """

    def __init__(
        self,
        agent: str,
        *,
        limits: HttpLimits | None = None,
        retry: RetryPolicy = STANDARD,
        breakers: CircuitBreakers | None = None,
        pool_size: int = 10,
        on_retry: Callable[[Retry], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits or HttpLimits()
        self._retry = retry
        self._breakers = breakers or CircuitBreakers(is_failure=is_server_fault)
        self._on_retry = on_retry
        self._sleep = sleep
        self._session = _Session()
        self._session.headers.update({"User-Agent": agent, "Accept-Encoding": "gzip"})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=pool_size))

    def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        check: Callable[[HttpResponse], None] | None = None,
    ) -> HttpResponse:
        """Send a GET request.

        Parameters
        ----------
        url
            An absolute http or https URL.
        max_bytes
            Maximum size of the body, as sent and after decompression.
        headers
            Additional request headers. Credentials are sent only to the origin of the URL.
        check
            Raises an `HttpError` if a successful response is not what was requested. Retries and
            the circuit breaker treat it like any other error.

        Raises
        ------
        HttpStatusError
            The status is an error.
        ResponseTooLargeError, TruncatedResponseError
            The body is too large or incomplete.
        HttpTimeoutError, HttpUnreachableError
            There was no response.
        HttpError
            The URL is not valid, a redirect is not allowed, or `check` rejected the response.
        CircuitOpenError
            The host failed too often, so no request was sent.
        """
        return self._request(_Request("GET", url, max_bytes, dict(headers or {}), check))

    def post(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        check: Callable[[HttpResponse], None] | None = None,
    ) -> HttpResponse:
        """Send a POST request without a body, for servers that require it for a search.

        It is retried like a GET, so it must not change anything. Parameters and errors are those of
        `get`. A redirect that would turn it into a GET is an error.
        """
        return self._request(_Request("POST", url, max_bytes, dict(headers or {}), check))

    def _request(self, request: _Request) -> HttpResponse:
        host = _require_http(request.url)
        ends_at = time.monotonic() + self._limits.total_seconds
        attempt = partial(
            _run_until, ends_at, partial(self._attempt, request, ends_at), request.url
        )
        return self._breakers.get(host).call(
            lambda: self._retry.call(
                attempt,
                retry_on=classify_http_error,
                retry_after=_stated_pause,
                on_retry=self._on_retry,
                within_seconds=ends_at - time.monotonic(),
                sleep=self._sleep,
            )
        )

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _attempt(self, request: _Request, ends_at: float) -> HttpResponse:
        url, send = request.url, request.headers
        for _ in range(self._limits.redirects + 1):
            with self._open(request.method, url, send) as response:
                location = response.headers.get("Location")
                if response.status_code not in _REDIRECTS or location is None:
                    _require_success(response, url)
                    content = b"".join(_body(response, url, request.max_bytes, ends_at))
                    complete = HttpResponse(response.status_code, response.headers, content, url)
                    if request.check:
                        request.check(complete)
                    return complete
                if request.method != "GET" and response.status_code not in _SAME_METHOD:
                    raise HttpError(
                        f"{redact_url(url)} redirects a {request.method} to a GET; not followed",
                        url=redact_url(url),
                    )
            target = _redirect_target(url, location)
            if _origin(target) != _origin(url):
                send = {
                    name: value
                    for name, value in send.items()
                    if name.lower() not in _CREDENTIAL_HEADERS
                }
            url = target
        raise HttpError(
            f"{redact_url(url)}: more than {self._limits.redirects} redirects",
            url=redact_url(url),
        )

    def _open(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        """Send the request and read the response headers."""
        # Errors are not chained, because their messages contain the URL with its secrets.
        shown = redact_url(url)
        limits = self._limits
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                timeout=(limits.connect_seconds, limits.read_seconds),
                allow_redirects=False,
                stream=True,
            )
        except requests.Timeout:
            raise HttpTimeoutError(
                f"{shown} did not answer within {limits.connect_seconds:g} s to connect and "
                f"{limits.read_seconds:g} s to read",
                url=shown,
            ) from None
        except requests.exceptions.SSLError as error:
            unreachable = HttpUnreachableError(
                f"{shown}: no secure connection; check the certificate, the clock and the proxy: "
                f"{_root_of(error)}",
                url=shown,
            )
            unreachable.transient = "CERTIFICATE_VERIFY_FAILED" not in str(error)
            raise unreachable from None
        except requests.ConnectionError as error:
            raise HttpUnreachableError(
                f"{shown} cannot be reached; check the address, the network and the proxy: "
                f"{_root_of(error)}",
                url=shown,
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise HttpError(
                f"cannot send a request to {shown}: {type(error).__name__}", url=shown
            ) from None
        except OSError as error:
            # requests itself opens the certificate file, and names it.
            raise HttpError(
                f"cannot send a request to {shown}: {error}; check REQUESTS_CA_BUNDLE and "
                "CURL_CA_BUNDLE",
                url=shown,
            ) from None


def classify_http_error(error: Exception) -> Verdict:
    """Classify an error of `HttpSession` for retries.

    Status 429, and 503 with `Retry-After`, mean throttling.
    """
    if isinstance(error, HttpStatusError) and (
        error.status == HTTPStatus.TOO_MANY_REQUESTS
        or (
            error.status == HTTPStatus.SERVICE_UNAVAILABLE and error.retry_after_seconds is not None
        )
    ):
        return Verdict.THROTTLED
    if isinstance(error, HttpError) and error.transient:
        return Verdict.TRANSIENT
    return Verdict.PERMANENT


def is_server_fault(error: Exception) -> bool:
    """Whether an error is a failure of the host for a circuit breaker."""
    return classify_http_error(error) is Verdict.TRANSIENT


def _stated_pause(error: Exception) -> float | None:
    return error.retry_after_seconds if isinstance(error, HttpStatusError) else None


def parse_retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Parse a `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date.

    Parameters
    ----------
    value
        The header, or None.
    now
        The current time, timezone-aware.

    Returns
    -------
    float or None
        Seconds from `now`, at least 0; None if there is no header or it cannot be parsed.

    Examples
    --------
    >>> now = dt.datetime(2024, 5, 1, 12, 0, tzinfo=dt.UTC)
    >>> parse_retry_after("120", now)
    120.0
    >>> parse_retry_after("Wed, 01 May 2024 12:00:30 GMT", now)
    30.0
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # OverflowError: a number is larger than the standard library can store.
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=dt.UTC)
    return max(0.0, (date - now).total_seconds())


def _run_until[T](ends_at: float, function: Callable[[], T], url: str) -> T:
    """Run `function` in a thread, and stop waiting at the time limit.

    Only a thread limits the total time: socket timeouts stop neither a name lookup nor a server
    that sends its headers byte by byte. An abandoned thread ends at its socket timeout.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="http-get", daemon=True).start()
    try:
        return future.result(timeout=max(0.0, ends_at - time.monotonic()))
    except TimeoutError as error:
        raise _out_of_time(url) from error


def _out_of_time(url: str) -> HttpTimeoutError:
    shown = redact_url(url)
    return HttpTimeoutError(f"{shown} did not answer completely within the time limit", url=shown)


def _body(response: requests.Response, url: str, max_bytes: int, ends_at: float) -> Iterator[bytes]:
    """Yield the decompressed body in pieces, within the limits."""
    shown = redact_url(url)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise HttpError(
            f"{shown} answered in the encoding {encoding!r}, which was not requested", url=shown
        )
    decoder = _GunzipStream() if encoding != "identity" else None
    received = decoded = 0
    try:
        for piece in _pieces(response, url, ends_at):
            received += len(piece)
            for part in decoder.decode(piece) if decoder else (piece,):
                decoded += len(part)
                if max(received, decoded) > max_bytes:
                    raise ResponseTooLargeError(
                        f"{shown} answered with more than {max_bytes} bytes, which is the limit",
                        url=shown,
                        max_bytes=max_bytes,
                    )
                yield part
        if decoder and received and not decoder.complete:
            raise EOFError("the compressed body ends early")
    except (zlib.error, EOFError) as error:
        raise TruncatedResponseError(
            f"{shown}: the compressed body is damaged: {error}", url=shown
        ) from error


def _pieces(response: requests.Response, url: str, ends_at: float) -> Iterator[bytes]:
    """Yield the body as sent, in pieces as they arrive."""
    shown = redact_url(url)
    while True:
        if time.monotonic() > ends_at:
            raise _out_of_time(url)
        try:
            piece = response.raw.read1(_CHUNK_BYTES, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise HttpTimeoutError(
                f"{shown} stopped sending in the middle of its response", url=shown
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise TruncatedResponseError(
                f"{shown} closed the connection before the end of its response: {_root_of(error)}",
                url=shown,
            ) from error
        if not piece:
            return
        yield piece


class _GunzipStream:
    """Decompresses gzip (RFC 1952, one or more members) in pieces of limited size."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    @property
    def complete(self) -> bool:
        """Whether the last member is complete, including its checksum."""
        return self._decoder.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decoder.eof:
                self._decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            yield self._decoder.decompress(data, _CHUNK_BYTES)
            data = self._decoder.unconsumed_tail or self._decoder.unused_data


def _require_success(response: requests.Response, url: str) -> None:
    status = response.status_code
    if 200 <= status < 300 or status == HTTPStatus.NOT_MODIFIED:
        return
    shown = redact_url(url)
    pause = parse_retry_after(response.headers.get("Retry-After"), dt.datetime.now(dt.UTC))
    raise HttpStatusError(
        f"{shown} answered {status} {response.reason or ''}",
        status=status,
        retry_after_seconds=pause,
        url=shown,
    )


def _require_http(url: str) -> str:
    """Return the host and port of a URL; raise if it is not an http or https URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        shown = redact_url(url)
        raise HttpError(f"{shown!r} is not an http or https URL", url=shown)
    return f"{host}:{port}" if port else host


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, _require_http(url)


def _redirect_target(url: str, location: str) -> str:
    shown = redact_url(url)
    try:
        target = urljoin(url, location)
        _require_http(target)
    except (ValueError, HttpError) as error:
        raise HttpError(
            f"{shown} redirects to a target that is not an http or https URL: "
            f"{redact_url(location)!r}",
            url=shown,
        ) from error
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise HttpError(f"{shown} redirects from https to http; not followed", url=shown)
    return target


def _root_of(error: BaseException) -> str:
    """Describe the root cause; the layers above repeat it together with the whole URL."""
    reason: BaseException = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (arg for arg in reason.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        reason = inner
    return f"{type(reason).__name__}: {reason}"
