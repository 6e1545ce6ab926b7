"""Reading from the web: bounded in time and size, honest about who asks, patient where asked to.

Every way in which an answer can be less than it should be is an error, never a short answer.
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
    """A request failed; its context has the `url`, without credentials."""


class HttpStatusError(HttpError):
    """The server answered with a status that is no success.

    Attributes
    ----------
    status
        The status code.
    retry_after_seconds
        The pause that the server stated, None where it stated none.
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
    """The body, as sent or once decompressed, is larger than allowed."""


class TruncatedResponseError(HttpError):
    """The body ended early or is damaged."""

    transient = True


class HttpTimeoutError(HttpError):
    """The server did not answer, or not completely, in time."""

    transient = True


class HttpUnreachableError(HttpError):
    """The server cannot be reached, or does not speak HTTP."""

    transient = True


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer.

    Attributes
    ----------
    status
        From 200 to 299; or 304, where the request was conditional.
    headers
        The answer's headers; names compare without case.
    content
        The body, decompressed.
    url
        Where it was found after redirects, as it was asked for: it may hold secrets.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a request may take and how far it may lead.

    Attributes
    ----------
    connect_seconds, read_seconds
        To connect, and between two pieces of the answer.
    total_seconds
        For everything: name lookup, redirects, the whole body, further attempts and the pauses
        between them.
    redirects
        How many are followed. They stay in http and https, and never leave https for http.
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
        What asks: tokens of RFC 9110, section 10.1.5.
    purpose
        Why, or where to complain, such as a URL.

    Raises
    ------
    ValueError
        A part has characters that a header must not have.
    """
    if not re.fullmatch(r"[\w.+-]+", product + version, re.ASCII):
        raise ValueError("product and version may have letters, digits and . + - _ only")
    if not re.fullmatch(r"[ -'*-~]*", purpose):
        raise ValueError("purpose must be printable ASCII without parentheses")
    return f"{product}/{version} (+{purpose})" if purpose else f"{product}/{version}"


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked; `check` is as in `HttpSession.get`."""

    method: str
    url: str
    max_bytes: int
    headers: dict[str, str]
    check: Callable[[HttpResponse], None] | None


class _Session(requests.Session):
    """Sees no redirects: requests would read their bodies whole, even where it follows none."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the base's
        return None


class HttpSession:
    """Gets pages, over connections that stay open; threads may share it. It keeps no cookies.

    Parameters
    ----------
    agent
        The `User-Agent`, see `user_agent`.
    limits
        Time and redirects.
    retry
        How often a transient failure is tried again; `Retry-After` is honoured.
    breakers
        A breaker for each host; an operation whose attempts are spent is one failure. By default
        one that opens after 5 of them.
    pool_size
        Connections kept open for one host.
    on_retry
        Told of each attempt that will be made again.
    sleep
        How to wait between attempts.
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
        """Get one page.

        Parameters
        ----------
        url
            An absolute http or https URL.
        max_bytes
            Largest body that is accepted, both as sent and decompressed.
        headers
            Further request headers. Credentials among them go to the URL's own origin only.
        check
            Raises an `HttpError` where an answer is not what was asked for, whatever its status
            says. It is judged as every other error is: for trying again, and by the breaker.

        Raises
        ------
        HttpStatusError
            The answer is no success.
        ResponseTooLargeError, TruncatedResponseError
            The body is too large, or not complete.
        HttpTimeoutError, HttpUnreachableError
            There was no answer.
        HttpError
            The URL is none, a redirect leads nowhere, or `check` refused the answer.
        CircuitOpenError
            The host failed too often, and was not asked.
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
        """Ask by a POST without a body, for a server that wants a search to be one.

        It is tried again as a GET is, so it must be for what changes nothing. Parameters and
        errors are those of `get`; a redirect that would make it a GET is an error.
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
                    answer = HttpResponse(response.status_code, response.headers, content, url)
                    if request.check:
                        request.check(answer)
                    return answer
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
        """Send the request and read the headers of the answer."""
        # No error is chained here: their texts quote the URL with all its secrets.
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
            refused = HttpUnreachableError(
                f"{shown}: no secure connection; check the certificate, the clock and the proxy: "
                f"{_root_of(error)}",
                url=shown,
            )
            refused.transient = "CERTIFICATE_VERIFY_FAILED" not in str(error)
            raise refused from None
        except requests.ConnectionError as error:
            raise HttpUnreachableError(
                f"{shown} cannot be reached; check the address, the network and the proxy: "
                f"{_root_of(error)}",
                url=shown,
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise HttpError(f"{shown} cannot be asked: {type(error).__name__}", url=shown) from None
        except OSError as error:
            # requests looks for the certificates itself, and says where.
            raise HttpError(
                f"{shown} cannot be asked: {error}; check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE",
                url=shown,
            ) from None


def classify_http_error(error: Exception) -> Verdict:
    """Judge an error of `HttpSession` for trying again.

    Throttled is a status 429, and a 503 that states when to come back.
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
    """Whether an error counts against the host in a circuit breaker."""
    return classify_http_error(error) is Verdict.TRANSIENT


def _stated_pause(error: Exception) -> float | None:
    return error.retry_after_seconds if isinstance(error, HttpStatusError) else None


def parse_retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Read a `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date.

    Parameters
    ----------
    value
        The header, None where there is none.
    now
        The time against which a date is measured; timezone-aware.

    Returns
    -------
    float or None
        Seconds from `now`, at least 0; None where there is no header or it cannot be read.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # The latter where a number of it is larger than the standard library can store.
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=dt.UTC)
    return max(0.0, (date - now).total_seconds())


def _run_until[T](ends_at: float, function: Callable[[], T], url: str) -> T:
    """Run `function` in a thread, and stop waiting for it when the time is over.

    Only a thread bounds everything: neither a name lookup nor a server that sends its headers
    one byte at a time is stopped by the timeouts of a socket. An abandoned thread ends with its
    socket's own timeout.
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
    return HttpTimeoutError(f"{shown} did not answer completely within the time", url=shown)


def _body(response: requests.Response, url: str, max_bytes: int, ends_at: float) -> Iterator[bytes]:
    """Yield the body in pieces, decompressed, while it keeps within its limits."""
    shown = redact_url(url)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise HttpError(
            f"{shown} answered in the encoding {encoding!r}, which was not asked for", url=shown
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
                        f"{shown} answered with more than the {max_bytes} bytes that are allowed",
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
    """Yield the body as it was sent, whatever has arrived at each time."""
    shown = redact_url(url)
    while True:
        if time.monotonic() > ends_at:
            raise _out_of_time(url)
        try:
            piece = response.raw.read1(_CHUNK_BYTES, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise HttpTimeoutError(
                f"{shown} stopped sending in the middle of its answer", url=shown
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise TruncatedResponseError(
                f"{shown} broke off its answer: {_root_of(error)}", url=shown
            ) from error
        if not piece:
            return
        yield piece


class _GunzipStream:
    """Decompresses gzip (RFC 1952, members in a row) in pieces of bounded size."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    @property
    def complete(self) -> bool:
        """Whether the last member has ended, checksum included."""
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
    """Return the host and port of a URL, or raise where it is no http(s) URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        shown = redact_url(url)
        raise HttpError(f"{shown!r} is no http or https URL", url=shown)
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
            f"{shown} redirects to what is no http or https URL: {redact_url(location)!r}",
            url=shown,
        ) from error
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise HttpError(f"{shown} redirects from https to http; not followed", url=shown)
    return target


def _root_of(error: BaseException) -> str:
    """Return what was wrong at the root: the layers above repeat it around the whole URL."""
    reason: BaseException = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (arg for arg in reason.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        reason = inner
    return f"{type(reason).__name__}: {reason}"
