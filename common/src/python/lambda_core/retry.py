"""Retries with exponential backoff and full jitter, and a separate budget for throttling.

Each error is classified first. A throttled call says nothing against the service, so it has a
longer budget than a transient failure. A server's `Retry-After` is a lower bound of the pause. When
the retries end, the last error itself is raised, with a note of the attempts made.

docs/decisions/circuit-breaker-and-rate-limiter.md explains why no library does this. Full jitter is
from "Exponential Backoff And Jitter",
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lambda_core.errors import ApplicationError


class Verdict(StrEnum):
    """How to react to an error."""

    TRANSIENT = "transient"
    """A retry may succeed. `RetryPolicy.attempts` limits these failures."""
    THROTTLED = "throttled"
    """The calls were too frequent. `RetryPolicy.throttle_attempts` limits these failures."""
    PERMANENT = "permanent"
    """A retry cannot help: the error is raised at once."""


type Classifier = Callable[[Exception], Verdict]


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed attempt that another attempt follows, for callbacks that count or log retries.

    Attributes
    ----------
    error
        The error of the failed attempt.
    verdict
        How the error was classified.
    attempt
        Number of the failed attempt, from 1.
    wait_seconds
        Pause before the next attempt.
    """

    error: Exception
    verdict: Verdict
    attempt: int
    wait_seconds: float


_JITTER: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to retry a call, and how long to wait between attempts.

    Parameters
    ----------
    attempts
        Maximum number of transient failures; at least 1. The last one is raised.
    base_seconds, cap_seconds
        The n-th pause is a random number from 0 to
        `min(cap_seconds, base_seconds * 2 ** (n - 1))`.
    throttle_attempts
        Maximum number of throttled calls; at least 1. The last one is raised.
    max_retry_after_seconds
        If the server asks for a longer pause than this, its error is raised.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    A call that fails twice and then succeeds:

    >>> replies = [ConnectionError("reset"), ConnectionError("reset"), "39 regions"]
    >>> def fetch() -> str:
    ...     reply = replies.pop(0)
    ...     if isinstance(reply, Exception):
    ...         raise reply
    ...     return reply
    >>> policy = RetryPolicy(attempts=3, base_seconds=0.01)
    >>> policy.call(
    ...     fetch,
    ...     retry_on=ConnectionError,
    ...     on_retry=lambda retry: print(f"attempt {retry.attempt}: {retry.error}"),
    ... )
    attempt 1: reset
    attempt 2: reset
    '39 regions'
    """

    attempts: int = 3
    base_seconds: float = 1.0
    cap_seconds: float = 30.0
    throttle_attempts: int = 12
    max_retry_after_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Reject numbers that are out of range."""
        if self.attempts < 1 or self.throttle_attempts < 1:
            raise ValueError("attempts and throttle_attempts must be at least 1")
        if self.base_seconds < 0 or self.cap_seconds < self.base_seconds:
            raise ValueError("base_seconds must be from 0 to cap_seconds")
        if self.max_retry_after_seconds < 0:
            raise ValueError("max_retry_after_seconds must be at least 0")

    def pause(self, failures: int, rng: random.Random = _JITTER) -> float:
        """Draw the pause after the given number of failures (from 1), in seconds."""
        # 2 ** 64 times any base exceeds any cap; a larger power would overflow a float.
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 64))
        return rng.uniform(0.0, ceiling)

    def call[T](
        self,
        function: Callable[[], T],
        *,
        retry_on: Classifier | type[Exception] | tuple[type[Exception], ...],
        retry_after: Callable[[Exception], float | None] | None = None,
        on_retry: Callable[[Retry], None] | None = None,
        within_seconds: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random = _JITTER,
    ) -> T:
        """Call `function` until it returns or the retries end.

        Parameters
        ----------
        function
            Must be safe to call more than once.
        retry_on
            Classifies each error; or the types of errors that are transient.
        retry_after
            Returns the pause in seconds that the server asked for, or None. The jitter is added to
            it.
        on_retry
            Called before each pause.
        within_seconds
            No attempt begins later than this after the first.
        sleep, clock, rng
            For tests.

        Raises
        ------
        Exception
            The error of the last attempt, unwrapped. If it was retried, or could have been, it has
            a note that says how many attempts were made and why they ended, and an
            `ApplicationError` has `attempts` in its context.
        """
        classify = _classifier(retry_on)
        ends_at = None if within_seconds is None else clock() + within_seconds
        failures: Counter[Verdict] = Counter()
        while True:
            try:
                return function()
            except Exception as error:
                verdict = classify(error)
                failures[verdict] += 1
                if verdict is Verdict.PERMANENT:
                    if failures.total() > 1:
                        _add_note(error, failures.total(), "the last error is permanent")
                    raise
                stated = max(0.0, (retry_after and retry_after(error)) or 0.0)
                wait = stated + self.pause(failures[verdict], rng)
                is_late = ends_at is not None and clock() + wait > ends_at
                if reason := self._reason_to_stop(verdict, failures[verdict], stated, is_late):
                    _add_note(error, failures.total(), reason)
                    raise
                if on_retry:
                    on_retry(Retry(error, verdict, failures.total(), wait))
            sleep(wait)

    def _reason_to_stop(
        self, verdict: Verdict, failures: int, stated: float, is_late: bool
    ) -> str | None:
        throttled = verdict is Verdict.THROTTLED
        limit = self.throttle_attempts if throttled else self.attempts
        if failures >= limit:
            return f"the limit is {limit} {verdict} {'failure' if limit == 1 else 'failures'}"
        if stated > self.max_retry_after_seconds:
            return (
                f"the server asks to wait {stated:g} s; "
                f"the limit is {self.max_retry_after_seconds:g} s"
            )
        return "the next attempt would begin after the time limit" if is_late else None


STANDARD: Final = RetryPolicy(attempts=3, base_seconds=1.0)
"""The default: 3 attempts, pauses from 1 s."""

AWS: Final = RetryPolicy(attempts=5, base_seconds=1.0, cap_seconds=30.0)
"""For calls to AWS: 5 attempts, pauses of at most 30 s."""


def _classifier(
    retry_on: Classifier | type[Exception] | tuple[type[Exception], ...],
) -> Classifier:
    if isinstance(retry_on, type | tuple):
        return lambda error: Verdict.TRANSIENT if isinstance(error, retry_on) else Verdict.PERMANENT
    return retry_on


def _add_note(error: Exception, attempts: int, reason: str) -> None:
    noun = "attempt" if attempts == 1 else "attempts"
    error.add_note(f"gave up after {attempts} {noun}: {reason}")
    if isinstance(error, ApplicationError):
        error.context["attempts"] = attempts
