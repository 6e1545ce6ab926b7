"""A circuit breaker: a service that keeps failing is left alone for a while.

Closed, calls go through. After some failures in a row it opens: calls are refused at once. After
a pause it is half-open: a few trial calls go through; if they succeed it closes, if one fails it
opens again. Written here because no library fits: pybreaker holds its lock during the call,
purgatory and circuitbreaker do not limit the calls of the half-open state.

Put it around the retry, not inside: then a failure is an operation whose attempts are spent, and
one short hiccup of a service under many threads does not open the circuit.
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
    """The three states of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and closes.

    Attributes
    ----------
    failure_threshold
        Failures in a row that open it.
    open_seconds
        How long it stays open.
    half_open_calls
        Trial calls at the same time in the half-open state, and successes that close it.

    Raises
    ------
    ValueError
        Where a number makes no sense.
    """

    failure_threshold: int = 5
    open_seconds: float = 30.0
    half_open_calls: int = 3

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if self.failure_threshold < 1 or self.half_open_calls < 1 or self.open_seconds < 0:
            raise ValueError("a breaker's counts must be at least 1, its seconds at least 0")


STANDARD: Final = BreakerPolicy()
"""The default: 5 failures, 30 s, 3 trial calls."""

AWS: Final = BreakerPolicy(failure_threshold=3, open_seconds=60.0, half_open_calls=2)
"""For AWS's services: 3 failures, 60 s, 2 trial calls."""

type FailureJudge = Callable[[Exception], bool]


def _every_error(_error: Exception) -> bool:
    return True


class CircuitBreaker:
    """The breaker of one service; threads may share it, and it is never locked during a call.

    Parameters
    ----------
    service
        Its name in messages, such as a host.
    policy
        When it opens and closes.
    is_failure
        Whether an error is the service's fault. One that is not (throttling, a wrong request)
        changes nothing: it neither counts as a failure nor as a success.
    clock
        Monotonic seconds.
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
        # Counts each change of state: what a call from before the last change tells is too old.
        self._era = 0
        self._failures = 0
        self._successes = 0
        self._trials = 0
        self._opened_at = 0.0
        self._last_failure = ""

    @property
    def state(self) -> CircuitState:
        """The state now; an open breaker becomes half-open when its time is over."""
        with self._lock:
            self._advance()
            return self._state

    def call[T](self, function: Callable[[], T]) -> T:
        """Call `function` if the circuit allows it.

        Raises
        ------
        CircuitOpenError
            The circuit is open, or half-open with all its trial calls under way.
        Exception
            Whatever the function raises, unchanged.
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
                    f"{self.service} is not called: it failed {self._failures} times in a row and "
                    f"is left alone for another {wait:.0f} s; last failure: {self._last_failure}",
                    service=self.service,
                    retry_in_seconds=wait,
                )
            if self._state is CircuitState.HALF_OPEN:
                if self._trials >= self._policy.half_open_calls:
                    raise CircuitOpenError(
                        f"{self.service} is not called: it is being tried with {self._trials} "
                        f"calls after failures; last failure: {self._last_failure}",
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
    """One breaker a name (a host, a service), made when first asked for.

    Parameters
    ----------
    policy, is_failure, clock
        As for `CircuitBreaker`; the same for all.
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
        """Return the breaker of this name, always the same one."""
        with self._lock:
            breaker = self._breakers.get(service)
            if breaker is None:
                breaker = self._breakers[service] = CircuitBreaker(
                    service, self._policy, is_failure=self._is_failure, clock=self._clock
                )
            return breaker
