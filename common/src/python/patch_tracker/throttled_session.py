"""HTTP session for public servers: one request at a time, spaced, retried and counted."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lambda_core.circuit_breaker import CircuitBreakers
from lambda_core.http import (
    HttpError,
    HttpLimits,
    HttpResponse,
    HttpSession,
    HttpStatusError,
    is_server_fault,
    user_agent,
)
from lambda_core.observability import count, measure
from lambda_core.rate_limit import RateLimiter
from lambda_core.retry import Retry, RetryPolicy
from patch_tracker import __version__
from patch_tracker.errors import OutageError

PRODUCT: Final = "patch-tracker"

_JITTER: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """How often requests may be sent to a server.

    Attributes
    ----------
    contact
        URL or address at which the server's operators can report problems; sent in the
        `User-Agent`.
    spacing_seconds, jitter_seconds
        Minimum time between two requests, and the maximum of the random time added to it.
    attempts
        Maximum number of attempts if requests fail with a transient error.
    """

    contact: str
    spacing_seconds: float = 1.0
    jitter_seconds: float = 0.5
    attempts: int = 4


class ThrottledSession:
    """Session with one server over one connection. Threads can share it; requests queue up.

    Parameters
    ----------
    source
        The server's name in metrics: `{source}Requests`, `{source}Retries`, `{source}Failures`,
        `{source}Latency` in seconds, and `{source}Status429` for each unsuccessful status.
    policy, limits
        Pace of the requests, and limits for each of them.
    sleep, clock, rng
        Replaced in tests.

    Attributes
    ----------
    counts : Counter
        `requests` (every attempt), `retries` and `failures` since the session was created.
    """

    def __init__(
        self,
        source: str,
        policy: RequestPolicy,
        *,
        limits: HttpLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random = _JITTER,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._source = source
        self._policy = policy
        self._sleep = sleep
        self._clock = clock
        self._rng = rng
        self._turn = threading.Lock()
        self._limiter = RateLimiter(
            1 / policy.spacing_seconds if policy.spacing_seconds else 1e6,
            clock=clock,
            sleep=sleep,
        )
        self._session = HttpSession(
            user_agent(PRODUCT, __version__, policy.contact),
            limits=limits,
            retry=RetryPolicy(attempts=policy.attempts, base_seconds=2.0),
            breakers=CircuitBreakers(
                is_failure=lambda error: is_server_fault(error) or isinstance(error, OutageError)
            ),
            pool_size=1,
            on_retry=self._note_retry,
            sleep=self._pause,
        )

    def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        check: Callable[[HttpResponse], None] | None = None,
    ) -> HttpResponse:
        """Send a GET request; see `HttpSession.get`."""
        return self._send(
            lambda: self._session.get(url, max_bytes=max_bytes, headers=headers, check=check)
        )

    def post(
        self, url: str, *, max_bytes: int, check: Callable[[HttpResponse], None] | None = None
    ) -> HttpResponse:
        """Send a POST request; see `HttpSession.post`."""
        return self._send(lambda: self._session.post(url, max_bytes=max_bytes, check=check))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _send(self, send: Callable[[], HttpResponse]) -> HttpResponse:
        with self._turn:
            self._limiter.acquire()
            self._limiter.penalize(self._policy.spacing_seconds + self._jitter())
            self._add("requests", 1)
            # Emit the metric even if nothing fails, so that dashboards show 0.
            count(f"{self._source}Failures", 0)
            begun = self._clock()
            try:
                return send()
            except HttpError as error:
                # "Not found" is a normal response.
                if not (isinstance(error, HttpStatusError) and error.status == 404):
                    self._add("failures", 1)
                if isinstance(error, HttpStatusError):
                    count(f"{self._source}Status{error.status}")
                raise
            finally:
                measure(f"{self._source}Latency", self._clock() - begun, "Seconds")

    def _jitter(self) -> float:
        return self._rng.uniform(0, self._policy.jitter_seconds)

    def _pause(self, seconds: float) -> None:
        """Wait before a retry, at least as long as between two requests."""
        self._sleep(max(seconds, self._policy.spacing_seconds) + self._jitter())

    def _note_retry(self, retry: Retry) -> None:
        if isinstance(retry.error, HttpStatusError):
            count(f"{self._source}Status{retry.error.status}")
        self._add("requests", 1)
        self._add("retries", 1)

    def _add(self, name: str, value: int) -> None:
        self.counts[name] += value
        count(f"{self._source}{name.capitalize()}", value)


def reject_html(response: HttpResponse) -> None:
    """Reject an HTML page.

    Raises
    ------
    OutageError
        If the response is HTML, according to its header or its first bytes.
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    start = response.content[:200].lstrip().lower()
    if kind in {"text/html", "application/xhtml+xml"} or start.startswith((b"<!doctype", b"<html")):
        raise OutageError(
            "the server answered with an HTML page instead of data: it is down or blocks programs "
            "at the moment, so it is unknown whether there is new data. Contact its operators "
            "before sending more requests",
            content_type=kind,
        )
