"""A circuit breaker: stops calling a service that keeps failing, and tries again after a pause.

While the circuit is closed, calls go through. After several consecutive failures it opens, and
calls are rejected at once. After a pause it is half-open, and a few trial calls go through: if they
succeed, the circuit closes; if a trial call fails, it opens again.
docs/decisions/circuit-breaker-and-rate-limiter.md explains why no library does this.

Put the circuit breaker around the retries, not inside them. Then a failure is an operation that
used all its attempts, and a short outage that several threads notice does not open the circuit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lambda_core.errors import CircuitOpenError

_logger = logging.getLogger(__name__)


class CircuitState(StrEnum):
    """The states of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a circuit breaker opens and closes.

    Attributes
    ----------
    failure_threshold
        Consecutive failures that open it.
    open_seconds
        How long it stays open.
    half_open_calls
        Concurrent trial calls in the half-open state, and number of successes that close it.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    failure_threshold: int = 5
    open_seconds: float = 30.0
    half_open_calls: int = 3

    def __post_init__(self) -> None:
        """Reject numbers that are out of range."""
        if self.failure_threshold < 1 or self.half_open_calls < 1 or self.open_seconds < 0:
            raise ValueError("counts must be at least 1, and seconds at least 0")


STANDARD: Final = BreakerPolicy()
"""The default: 5 failures, 30 s, 3 trial calls."""

AWS: Final = BreakerPolicy(failure_threshold=3, open_seconds=60.0, half_open_calls=2)
"""For AWS services: 3 failures, 60 s, 2 trial calls."""

type FailureJudge = Callable[[Exception], bool]


def _every_error(_error: Exception) -> bool:
    return True


class CircuitBreaker:
    """The circuit breaker of one service. Threads may share it; it is not locked during a call.

    Parameters
    ----------
    service
        Name of the service in messages, such as a host.
    policy
        When the circuit opens and closes.
    is_failure
        Whether an error is the service's fault. Other errors, such as throttling or an invalid
        request, count neither as a failure nor as a success.
    clock
        Returns monotonic seconds.

    Examples
    --------
    >>> policy = BreakerPolicy(failure_threshold=1)
    >>> breaker = CircuitBreaker("example.org", policy, clock=lambda: 0.0)
    >>> def fail() -> None:
    ...     raise ConnectionError("reset")
    >>> breaker.call(fail)
    Traceback (most recent call last):
    ConnectionError: reset
    >>> breaker.call(fail)
    Traceback (most recent call last):
    lambda_core.errors.CircuitOpenError: example.org is not called for another 30 s, because it \
failed 1 time in a row; last failure: ConnectionError: reset
    """

    def __init__(
        self,
        service: str,
        policy: BreakerPolicy = STANDARD,
        *,
        is_failure: FailureJudge = _every_error,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self._policy = policy
        self._is_failure = is_failure
        self._clock = clock
        self._lock = threading.Lock()
        self._state = CircuitState.CLOSED
        # Counts the changes of state. The result of a call that began before a change is ignored.
        self._era = 0
        self._failures = 0
        self._successes = 0
        self._trials = 0
        self._opened_at = 0.0
        self._last_failure = ""

    @property
    def state(self) -> CircuitState:
        """The current state. An open circuit becomes half-open when its time has passed."""
        with self._lock:
            self._advance()
            return self._state

    def call[T](self, function: Callable[[], T]) -> T:
        """Call `function` if the circuit allows it.

        Raises
        ------
        CircuitOpenError
            The circuit is open, or it is half-open and all trial calls are running.
        Exception
            What the function raises, unchanged.
        """
        era = self._admit()
        try:
            result = function()
        except Exception as error:
            self._settle(era, failure=error if self._is_failure(error) else None)
            raise
        except BaseException:
            self._settle(era)
            raise
        self._settle(era, success=True)
        return result

    def _admit(self) -> int:
        with self._lock:
            self._advance()
            if self._state is CircuitState.OPEN:
                wait = self._opened_at + self._policy.open_seconds - self._clock()
                raise CircuitOpenError(
                    f"{self.service} is not called for another {wait:.0f} s, because it failed "
                    f"{self._failures} {'time' if self._failures == 1 else 'times'} in a row; "
                    f"last failure: {self._last_failure}",
                    service=self.service,
                    retry_in_seconds=wait,
                )
            if self._state is CircuitState.HALF_OPEN:
                if self._trials >= self._policy.half_open_calls:
                    raise CircuitOpenError(
                        f"{self.service} is not called: after failures, it is being tried with "
                        f"{self._trials} calls; last failure: {self._last_failure}",
                        service=self.service,
                        retry_in_seconds=0.0,
                    )
                self._trials += 1
            return self._era

    def _settle(self, era: int, *, failure: Exception | None = None, success: bool = False) -> None:
        with self._lock:
            if era != self._era:
                return
            trial = self._state is CircuitState.HALF_OPEN
            self._trials -= trial
            if failure is not None:
                self._failures += 1
                self._last_failure = f"{type(failure).__name__}: {failure}"
                if trial or self._failures >= self._policy.failure_threshold:
                    self._opened_at = self._clock()
                    self._enter(CircuitState.OPEN)
            elif success and trial:
                self._successes += 1
                if self._successes >= self._policy.half_open_calls:
                    self._failures = 0
                    self._enter(CircuitState.CLOSED)
            elif success:
                self._failures = 0

    def _advance(self) -> None:
        if (
            self._state is CircuitState.OPEN
            and self._clock() >= self._opened_at + self._policy.open_seconds
        ):
            self._enter(CircuitState.HALF_OPEN)

    def _enter(self, state: CircuitState) -> None:
        self._state = state
        self._era += 1
        self._successes = 0
        self._trials = 0
        level = logging.WARNING if state is CircuitState.OPEN else logging.INFO
        _logger.log(level, "The circuit of %s is %s", self.service, state)


class CircuitBreakers:
    """A circuit breaker for each service or host, created when it is first requested.

    Parameters
    ----------
    policy, is_failure, clock
        As in `CircuitBreaker`; they apply to all.
    """

    def __init__(
        self,
        policy: BreakerPolicy = STANDARD,
        *,
        is_failure: FailureJudge = _every_error,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._is_failure = is_failure
        self._clock = clock
        self._lock = threading.Lock()
        self._breakers: dict[str, CircuitBreaker] = {}

    def get(self, service: str) -> CircuitBreaker:
        """Return the circuit breaker of a service, always the same object."""
        with self._lock:
            breaker = self._breakers.get(service)
            if breaker is None:
                breaker = self._breakers[service] = CircuitBreaker(
                    service, self._policy, is_failure=self._is_failure, clock=self._clock
                )
            return breaker
