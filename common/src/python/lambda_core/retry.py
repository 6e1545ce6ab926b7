"""Trying again: exponential backoff with full jitter, with a budget of its own for throttling.

Built on tenacity, which runs the loop. What is added here is the judgement of each error (a
throttled call says nothing against the service, so it has a longer budget), a server's stated
`Retry-After`, and that the last error itself is raised, with a note of the attempts made.

Full jitter is from "Exponential Backoff And Jitter",
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

from tenacity import RetryCallState, Retrying

from lambda_core.errors import ApplicationError


class Verdict(StrEnum):
    """What an error means for trying again."""

    TRANSIENT = "transient"
    """May succeed later: up to `RetryPolicy.attempts`."""
    THROTTLED = "throttled"
    """Asked too fast: up to `RetryPolicy.throttle_attempts`, counted apart."""
    PERMANENT = "permanent"
    """Trying again cannot help: raised at once."""


type Classifier = Callable[[Exception], Verdict]


@dataclass(frozen=True, slots=True)
class Retry:
    """One failed attempt that will be followed by another, for whoever counts or logs them.

    Attributes
    ----------
    error
        The error of the attempt that failed.
    verdict
        How it was judged.
    attempt
        Number of the attempt that failed, from 1.
    wait_seconds
        How long it is waited before the next.
    """

    error: Exception
    verdict: Verdict
    attempt: int
    wait_seconds: float


_JITTER: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after which pauses a call is tried again.

    Parameters
    ----------
    attempts
        Calls made in all while they fail in a transient way; at least 1.
    base_seconds, cap_seconds
        The n-th pause is drawn evenly from 0 to `min(cap_seconds, base_seconds * 2 ** (n - 1))`.
    throttle_attempts
        How often a call may be throttled; the last time is raised.
    max_retry_after_seconds
        A server that asks for a longer pause than this is not waited for: its error is raised.

    Raises
    ------
    ValueError
        Where a number makes no sense.
    """

    attempts: int = 3
    base_seconds: float = 1.0
    cap_seconds: float = 30.0
    throttle_attempts: int = 12
    max_retry_after_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if self.attempts < 1 or self.throttle_attempts < 1:
            raise ValueError("attempts and throttle_attempts must be at least 1")
        if self.base_seconds < 0 or self.cap_seconds < self.base_seconds:
            raise ValueError("base_seconds must be from 0 to cap_seconds")
        if self.max_retry_after_seconds < 0:
            raise ValueError("max_retry_after_seconds must be at least 0")

    def pause(self, failures: int, rng: random.Random = _JITTER) -> float:
        """Draw the pause after the given number of failures (from 1), in seconds."""
        # 2 ** 64 times any base is beyond any cap; a larger power would overflow a float.
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
        """Call `function` until it returns, or until trying again is over.

        Parameters
        ----------
        function
            What to call; it must be safe to call more than once.
        retry_on
            Judges each error; or the types of errors that count as transient.
        retry_after
            Reads the pause in seconds that the server stated from an error, None where it stated
            none. It is a lower bound of the pause, above which the jitter is added.
        on_retry
            Told of each failed attempt that is followed by another, before the pause.
        within_seconds
            No attempt is begun later than this after the first.
        sleep, clock, rng
            For tests.

        Raises
        ------
        Exception
            The error of the last attempt, unwrapped. Where attempts were spent it carries a note,
            and an `ApplicationError` has `attempts` in its context.
        """
        run = _Run(self, _classifier(retry_on), retry_after, on_retry, within_seconds, clock, rng)
        controller = Retrying(
            retry=run.should_retry,
            wait=run.wait,
            stop=run.should_stop,
            before_sleep=run.report,
            sleep=sleep,
            reraise=True,
        )
        try:
            return controller(function)
        except Exception as error:
            run.annotate(error)
            raise


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


class _Run:
    """The state of one `RetryPolicy.call`: tenacity asks it after each failed attempt."""

    def __init__(
        self,
        policy: RetryPolicy,
        classify: Classifier,
        retry_after: Callable[[Exception], float | None] | None,
        on_retry: Callable[[Retry], None] | None,
        within_seconds: float | None,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._policy = policy
        self._classify = classify
        self._retry_after = retry_after
        self._on_retry = on_retry
        self._clock = clock
        self._rng = rng
        self._ends_at = None if within_seconds is None else clock() + within_seconds
        self._failures: Counter[Verdict] = Counter()
        self._verdict = Verdict.PERMANENT
        self._stated = 0.0
        self._wait = 0.0
        self._reason = "that cannot be mended by trying again"

    def should_retry(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        # KeyboardInterrupt and its like pass through untouched.
        if not isinstance(error, Exception):
            return False
        self._verdict = self._classify(error)
        self._failures[self._verdict] += 1
        return self._verdict is not Verdict.PERMANENT

    def wait(self, state: RetryCallState) -> float:
        error = _error_of(state)
        self._stated = max(0.0, (self._retry_after and self._retry_after(error)) or 0.0)
        self._wait = self._stated + self._policy.pause(self._failures[self._verdict], self._rng)
        return self._wait

    def should_stop(self, _state: RetryCallState) -> bool:
        policy = self._policy
        throttled = self._verdict is Verdict.THROTTLED
        limit = policy.throttle_attempts if throttled else policy.attempts
        if self._failures[self._verdict] >= limit:
            self._reason = f"{limit} {self._verdict} failures are allowed"
        elif self._stated > policy.max_retry_after_seconds:
            self._reason = (
                f"the server asks to wait {self._stated:g} s, "
                f"at most {policy.max_retry_after_seconds:g} s are waited"
            )
        elif self._ends_at is not None and self._clock() + self._wait > self._ends_at:
            self._reason = "the time for it is over"
        else:
            return False
        return True

    def report(self, state: RetryCallState) -> None:
        if self._on_retry:
            self._on_retry(
                Retry(_error_of(state), self._verdict, self._failures.total(), self._wait)
            )

    def annotate(self, error: Exception) -> None:
        attempts = self._failures.total()
        if attempts == 0 or (attempts == 1 and self._verdict is Verdict.PERMANENT):
            return
        noun = "attempt" if attempts == 1 else "attempts"
        error.add_note(f"gave up after {attempts} {noun}: {self._reason}")
        if isinstance(error, ApplicationError):
            error.context["attempts"] = attempts


def _error_of(state: RetryCallState) -> Exception:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, Exception):
        raise TypeError("a retry was asked about without an error")
    return error
