from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambda_core.circuit_breaker import (
    AWS,
    STANDARD,
    BreakerPolicy,
    CircuitBreaker,
    CircuitBreakers,
    CircuitState,
)
from lambda_core.errors import CircuitOpenError

POLICY = BreakerPolicy(failure_threshold=3, open_seconds=10.0, half_open_calls=2)


class BrokenError(Exception):
    """A failure of the service."""


class ThrottledError(Exception):
    """Not a failure of the service."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def raising(error: BaseException) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


def state_of(breaker: CircuitBreaker) -> CircuitState:
    """Read the state again; a type checker would assume that it has not changed."""
    return breaker.state


def make(clock: Clock, policy: BreakerPolicy = POLICY) -> CircuitBreaker:
    return CircuitBreaker(
        "ssm", policy, is_failure=lambda error: isinstance(error, BrokenError), clock=clock
    )


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(BrokenError):
            breaker.call(raising(BrokenError("500")))


def test_defaults() -> None:
    assert BreakerPolicy(5, 30.0, 3) == STANDARD
    assert BreakerPolicy(3, 60.0, 2) == AWS


def test_consecutive_failures_open_it_and_calls_are_rejected() -> None:
    clock = Clock()
    breaker = make(clock)
    fail(breaker, 3)
    clock.now = 4.0
    called: list[int] = []
    with pytest.raises(CircuitOpenError) as caught:
        breaker.call(lambda: called.append(1))
    assert called == []
    assert caught.value.context == {"service": "ssm", "retry_in_seconds": 6.0}
    assert str(caught.value) == (
        "ssm is not called for another 6 s, because it failed 3 times in a row; "
        "last failure: BrokenError: 500"
    )


def test_a_success_resets_the_count_of_failures() -> None:
    breaker = make(Clock())
    fail(breaker, 2)
    assert breaker.call(lambda: "fine") == "fine"
    fail(breaker, 2)
    assert state_of(breaker) is CircuitState.CLOSED


def test_successful_trial_calls_close_it() -> None:
    clock = Clock()
    breaker = make(clock)
    fail(breaker, 3)
    clock.now = 10.0
    assert state_of(breaker) is CircuitState.HALF_OPEN
    breaker.call(lambda: None)
    assert state_of(breaker) is CircuitState.HALF_OPEN
    breaker.call(lambda: None)
    assert state_of(breaker) is CircuitState.CLOSED
    fail(breaker, 2)
    assert state_of(breaker) is CircuitState.CLOSED


def test_a_failed_trial_call_opens_it_for_the_full_time() -> None:
    clock = Clock()
    breaker = make(clock)
    fail(breaker, 3)
    clock.now = 10.0
    breaker.call(lambda: None)
    fail(breaker)
    assert state_of(breaker) is CircuitState.OPEN
    clock.now = 19.9
    assert state_of(breaker) is CircuitState.OPEN
    clock.now = 20.0
    assert state_of(breaker) is CircuitState.HALF_OPEN


def test_throttling_neither_opens_it_nor_resets_the_count() -> None:
    breaker = make(Clock())
    fail(breaker, 2)
    for _ in range(20):
        with pytest.raises(ThrottledError):
            breaker.call(raising(ThrottledError()))
    assert state_of(breaker) is CircuitState.CLOSED
    fail(breaker)
    assert state_of(breaker) is CircuitState.OPEN


@pytest.mark.parametrize("error", [ThrottledError(), KeyboardInterrupt(), SystemExit()])
def test_an_inconclusive_trial_call_frees_its_place(error: BaseException) -> None:
    clock = Clock()
    breaker = make(clock)
    fail(breaker, 3)
    clock.now = 10.0
    for _ in range(5):
        with pytest.raises(type(error)):
            breaker.call(raising(error))
    assert state_of(breaker) is CircuitState.HALF_OPEN
    breaker.call(lambda: None)
    breaker.call(lambda: None)
    assert state_of(breaker) is CircuitState.CLOSED


def test_a_call_that_began_before_the_change_of_state_is_ignored() -> None:
    clock = Clock()
    breaker = make(clock)

    def slow_failure() -> None:
        fail(breaker, 3)
        clock.now = 10.0
        breaker.call(lambda: None)
        raise BrokenError("late")

    with pytest.raises(BrokenError):
        breaker.call(slow_failure)
    assert state_of(breaker) is CircuitState.HALF_OPEN
    breaker.call(lambda: None)
    assert state_of(breaker) is CircuitState.CLOSED


def test_concurrent_trial_calls_are_limited() -> None:
    clock = Clock()
    breaker = make(clock)
    fail(breaker, 3)
    clock.now = 10.0

    def inner() -> None:
        with pytest.raises(CircuitOpenError, match="being tried with 2 calls"):
            breaker.call(lambda: None)

    breaker.call(lambda: breaker.call(inner))
    assert state_of(breaker) is CircuitState.CLOSED


def test_calls_run_concurrently() -> None:
    """The lock is not held during a call: all threads are inside a call at the same time."""
    breaker = make(Clock())
    together = threading.Barrier(8, timeout=20)
    threads = [threading.Thread(target=breaker.call, args=(together.wait,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken
    assert state_of(breaker) is CircuitState.CLOSED


def test_threads_never_exceed_the_number_of_trial_calls() -> None:
    clock = Clock()
    breaker = make(clock, BreakerPolicy(1, 10.0, 3))
    fail(breaker)
    clock.now = 10.0
    release = threading.Event()
    refused = threading.Semaphore(0)
    admitted: list[int] = []

    def trial() -> None:
        admitted.append(1)
        release.wait(20)

    def work() -> None:
        try:
            breaker.call(trial)
        except CircuitOpenError:
            refused.release()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(9):
        assert refused.acquire(timeout=20)
    assert len(admitted) == 3
    release.set()
    for thread in threads:
        thread.join()
    assert state_of(breaker) is CircuitState.CLOSED


def test_each_service_has_its_own_circuit_breaker() -> None:
    clock = Clock()
    breakers = CircuitBreakers(POLICY, clock=clock)
    breaker = breakers.get("a.example")
    assert breakers.get("a.example") is breaker
    fail(breaker, 3)
    assert breakers.get("a.example").state is CircuitState.OPEN
    assert breakers.get("b.example").state is CircuitState.CLOSED
    clock.now = 10.0
    assert breaker.state is CircuitState.HALF_OPEN


@pytest.mark.parametrize("numbers", [(0, 1.0, 1), (1, -1.0, 1), (1, 1.0, 0)])
def test_numbers_out_of_range_are_rejected(numbers: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        BreakerPolicy(*numbers)


class BreakerMachine(RuleBasedStateMachine):
    """Compares calls that overlap in any way with a model of plain numbers.

    Separate rules begin and end a call. In between, the call waits for its outcome in a thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = make(self.clock)
        self.hanging: list[tuple[Hanging, int, bool]] = []
        self.era = 0
        self.state = CircuitState.CLOSED
        self.failures = 0
        self.successes = 0
        self.opened_at = 0.0

    def enter(self, state: CircuitState) -> None:
        self.state = state
        self.era += 1
        self.failures = self.successes = 0
        if state is CircuitState.OPEN:
            self.opened_at = self.clock.now

    def trials(self) -> int:
        return sum(1 for _, era, trial in self.hanging if trial and era == self.era)

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.5, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        if self.state is CircuitState.OPEN and self.clock.now >= self.opened_at + 10.0:
            self.enter(CircuitState.HALF_OPEN)

    @precondition(lambda self: len(self.hanging) < 5)
    @rule()
    def begin(self) -> None:
        allowed = self.state is CircuitState.CLOSED or (
            self.state is CircuitState.HALF_OPEN and self.trials() < POLICY.half_open_calls
        )
        call = Hanging(self.breaker)
        assert call.admitted == allowed
        if allowed:
            self.hanging.append((call, self.era, self.state is CircuitState.HALF_OPEN))

    @precondition(lambda self: self.hanging)
    @rule(
        data=st.data(),
        outcome=st.sampled_from([None, BrokenError("b"), ThrottledError("t"), KeyboardInterrupt()]),
    )
    def end(self, data: st.DataObject, outcome: BaseException | None) -> None:
        index = data.draw(st.integers(0, len(self.hanging) - 1))
        call, era, _ = self.hanging.pop(index)
        call.end(outcome)
        if era != self.era:
            return
        if isinstance(outcome, BrokenError):
            self.failures += 1
            if self.state is CircuitState.HALF_OPEN or self.failures == POLICY.failure_threshold:
                self.enter(CircuitState.OPEN)
        elif outcome is None:
            self.failures = 0
            self.successes += 1
            if self.state is CircuitState.HALF_OPEN and self.successes == POLICY.half_open_calls:
                self.enter(CircuitState.CLOSED)

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.breaker.state is self.state

    def teardown(self) -> None:
        for call, _, _ in self.hanging:
            call.end(None)


class Hanging:
    """A call through a circuit breaker that waits until the test sets its outcome."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._known = threading.Event()
        self._ended = threading.Event()
        self._outcome: BaseException | None = None
        self.admitted = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._known.wait(20)

    def _run(self) -> None:
        try:
            self._breaker.call(self._inside)
        except CircuitOpenError:
            self._known.set()
        except BaseException as error:
            if error is not self._outcome:
                raise

    def _inside(self) -> None:
        self.admitted = True
        self._known.set()
        self._ended.wait(20)
        if self._outcome is not None:
            raise self._outcome

    def end(self, outcome: BaseException | None) -> None:
        self._outcome = outcome
        self._ended.set()
        self._thread.join(20)


BreakerMachine.TestCase.settings = settings(stateful_step_count=30)
TestBreakerMachine = BreakerMachine.TestCase
