"""How the tracker asks servers that others pay for: one request at a time, spaced, and counted."""

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
    """How a server is asked.

    Attributes
    ----------
    contact
        Where its people can complain: a URL or an address, sent in the `User-Agent`.
    spacing_seconds, jitter_seconds
        Requests are at least the first apart, and up to the second more, drawn evenly.
    attempts
        Calls made in all while one fails in a way that may pass.
    """

    contact: str
    spacing_seconds: float = 1.0
    jitter_seconds: float = 0.5
    attempts: int = 4


class ThrottledSession:
    """Asks one server, over one connection; threads may share it, and stand in line.

    Parameters
    ----------
    source
        The server's name in metrics: `{source}Requests`, `{source}Retries`, `{source}Failures`,
        `{source}Latency` in seconds, and `{source}Status429` for each status that is no success.
    policy, limits
        How it is asked, and how long it may take.
    sleep, clock, rng
        For tests.

    Attributes
    ----------
    counts : Counter
        The same counts for whoever reports them: `requests` (each attempt), `retries`,
        `failures`.
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
        self._manners = policy
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
        """Get a page when its turn comes; see `HttpSession.get`."""
        return self._ask(
            lambda: self._session.get(url, max_bytes=max_bytes, headers=headers, check=check)
        )

    def post(
        self, url: str, *, max_bytes: int, check: Callable[[HttpResponse], None] | None = None
    ) -> HttpResponse:
        """Search by a POST when its turn comes; see `HttpSession.post`."""
        return self._ask(lambda: self._session.post(url, max_bytes=max_bytes, check=check))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self, ask: Callable[[], HttpResponse]) -> HttpResponse:
        with self._turn:
            self._limiter.acquire()
            self._limiter.penalize(self._manners.spacing_seconds + self._jitter())
            self._add("requests", 1)
            # So that who looks at failures sees that there are none.
            count(f"{self._source}Failures", 0)
            begun = self._clock()
            try:
                return ask()
            except HttpError as error:
                # What is not there is an answer like any other.
                if not (isinstance(error, HttpStatusError) and error.status == 404):
                    self._add("failures", 1)
                if isinstance(error, HttpStatusError):
                    count(f"{self._source}Status{error.status}")
                raise
            finally:
                measure(f"{self._source}Latency", self._clock() - begun, "Seconds")

    def _jitter(self) -> float:
        return self._rng.uniform(0, self._manners.jitter_seconds)

    def _pause(self, seconds: float) -> None:
        """Wait before another attempt: never shorter than between two requests."""
        self._sleep(max(seconds, self._manners.spacing_seconds) + self._jitter())

    def _note_retry(self, retry: Retry) -> None:
        if isinstance(retry.error, HttpStatusError):
            count(f"{self._source}Status{retry.error.status}")
        self._add("requests", 1)
        self._add("retries", 1)

    def _add(self, name: str, value: int) -> None:
        self.counts[name] += value
        count(f"{self._source}{name.capitalize()}", value)


def reject_html(response: HttpResponse) -> None:
    """Raise where an answer is a page for people.

    Raises
    ------
    OutageError
        It is HTML by its header or its beginning.
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    start = response.content[:200].lstrip().lower()
    if kind in {"text/html", "application/xhtml+xml"} or start.startswith((b"<!doctype", b"<html")):
        raise OutageError(
            "the server answered with a page for people instead of data: it is closed to programs "
            "for now, or down; nothing is known of what is new. Ask its people before asking more",
            content_type=kind,
        )
