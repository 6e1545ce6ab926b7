from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.errors import ApplicationError, DataSourceError
from lambda_core.retry import (
    AWS,
    STANDARD,
    Retry,
    RetryPolicy,
    Verdict,
)


class FlakyError(ApplicationError):
    pass


class ThrottledError(ApplicationError):
    pass


def classify(error: Exception) -> Verdict:
    if isinstance(error, ThrottledError):
        return Verdict.THROTTLED
    return Verdict.TRANSIENT if isinstance(error, FlakyError) else Verdict.PERMANENT


class Script:
    """A function that raises the given errors in turn, then returns "done"."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


class Seeded(random.Random):
    """Returns the same numbers in each run."""


class Highest(random.Random):
    """Returns the upper bound each time, which makes the bounds visible."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_defaults() -> None:
    assert (STANDARD.attempts, STANDARD.base_seconds) == (3, 1.0)
    assert (AWS.attempts, AWS.cap_seconds) == (5, 30.0)


def test_a_successful_call_is_not_repeated() -> None:
    time = FakeTime()
    script = Script()
    assert STANDARD.call(script, retry_on=classify, sleep=time.sleep) == "done"
    assert (script.calls, time.sleeps) == (1, [])


def test_a_transient_error_is_retried_after_a_growing_pause() -> None:
    time = FakeTime()
    policy = RetryPolicy(attempts=5, base_seconds=1.0, cap_seconds=3.0)
    script = Script(*[FlakyError("no")] * 4)
    result = policy.call(script, retry_on=classify, sleep=time.sleep, rng=Highest())
    assert (result, script.calls, time.sleeps) == ("done", 5, [1.0, 2.0, 3.0, 3.0])


def test_the_last_error_is_raised_with_the_number_of_attempts() -> None:
    last = FlakyError("third", where="x")
    script = Script(FlakyError("first"), FlakyError("second"), last, FlakyError("never"))
    with pytest.raises(FlakyError) as caught:
        STANDARD.call(script, retry_on=classify, sleep=FakeTime().sleep)
    assert caught.value is last
    assert last.context == {"where": "x", "attempts": 3}
    assert last.__notes__ == ["gave up after 3 attempts: the limit is 3 transient failures"]
    assert script.calls == 3


def test_a_permanent_error_is_raised_at_once_and_unchanged() -> None:
    time = FakeTime()
    error = DataSourceError("denied")
    script = Script(error)
    with pytest.raises(DataSourceError) as caught:
        STANDARD.call(script, retry_on=classify, sleep=time.sleep)
    assert caught.value is error
    assert (error.context, getattr(error, "__notes__", [])) == ({}, [])
    assert (script.calls, time.sleeps) == (1, [])


def test_a_permanent_error_after_a_transient_one_ends_the_retries() -> None:
    script = Script(FlakyError("once"), DataSourceError("denied"))
    with pytest.raises(DataSourceError) as caught:
        STANDARD.call(script, retry_on=classify, sleep=FakeTime().sleep)
    assert caught.value.context["attempts"] == 2
    assert caught.value.__notes__ == ["gave up after 2 attempts: the last error is permanent"]


def test_throttling_has_a_separate_budget() -> None:
    policy = RetryPolicy(attempts=2, throttle_attempts=6)
    script = Script(
        *[ThrottledError("slow down")] * 3, FlakyError("no"), *[ThrottledError("slow down")] * 2
    )
    assert policy.call(script, retry_on=classify, sleep=FakeTime().sleep) == "done"
    assert script.calls == 7


def test_throttled_attempts_are_limited() -> None:
    policy = RetryPolicy(attempts=2, throttle_attempts=4)
    script = Script(*[ThrottledError("slow down")] * 9)
    with pytest.raises(ThrottledError) as caught:
        policy.call(script, retry_on=classify, sleep=FakeTime().sleep)
    assert script.calls == 4
    assert caught.value.__notes__ == ["gave up after 4 attempts: the limit is 4 throttled failures"]


@pytest.mark.parametrize("retry_on", [KeyError, (KeyError, OSError)])
def test_given_types_of_errors_are_transient(
    retry_on: type[Exception] | tuple[type[Exception], ...],
) -> None:
    script = Script(KeyError("a"))
    assert STANDARD.call(script, retry_on=retry_on, sleep=FakeTime().sleep) == "done"
    with pytest.raises(ValueError, match="b"):
        STANDARD.call(Script(ValueError("b")), retry_on=retry_on, sleep=FakeTime().sleep)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_never_retried(stop: type[BaseException]) -> None:
    script = Script(stop())
    with pytest.raises(stop):
        STANDARD.call(script, retry_on=lambda _: Verdict.TRANSIENT, sleep=FakeTime().sleep)
    assert script.calls == 1


def test_an_interrupt_during_the_pause_is_raised() -> None:
    def interrupted(_seconds: float) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        STANDARD.call(Script(FlakyError("no")), retry_on=classify, sleep=interrupted)


@pytest.mark.parametrize(
    ("stated", "pauses"),
    [(7.0, [8.0, 9.0]), (None, [1.0, 2.0]), (-5.0, [1.0, 2.0]), (0.0, [1.0, 2.0])],
)
def test_the_pause_that_the_server_asks_for_is_a_lower_bound(
    stated: float | None, pauses: list[float]
) -> None:
    time = FakeTime()
    STANDARD.call(
        Script(FlakyError("1"), FlakyError("2")),
        retry_on=classify,
        retry_after=lambda _error: stated,
        sleep=time.sleep,
        rng=Highest(),
    )
    assert time.sleeps == pauses


def test_a_requested_pause_above_the_limit_ends_the_retries() -> None:
    time = FakeTime()
    error = FlakyError("maintenance")
    with pytest.raises(FlakyError):
        STANDARD.call(
            Script(error), retry_on=classify, retry_after=lambda _error: 61.0, sleep=time.sleep
        )
    assert time.sleeps == []
    assert error.__notes__ == [
        "gave up after 1 attempt: the server asks to wait 61 s; the limit is 60 s"
    ]


def test_no_attempt_begins_after_the_time_limit() -> None:
    time = FakeTime()
    policy = RetryPolicy(attempts=50, base_seconds=1.0, cap_seconds=4.0)
    script = Script(*[FlakyError("no")] * 49)
    with pytest.raises(FlakyError) as caught:
        policy.call(
            script,
            retry_on=classify,
            within_seconds=12.0,
            sleep=time.sleep,
            clock=time.clock,
            rng=Highest(),
        )
    assert time.sleeps == [1.0, 2.0, 4.0, 4.0]
    assert caught.value.__notes__ == [
        "gave up after 5 attempts: the next attempt would begin after the time limit"
    ]


def test_every_retry_is_reported_before_its_pause() -> None:
    time = FakeTime()
    seen: list[tuple[Retry, int]] = []
    first, second = FlakyError("1"), ThrottledError("2")
    STANDARD.call(
        Script(first, second),
        retry_on=classify,
        on_retry=lambda retry: seen.append((retry, len(time.sleeps))),
        sleep=time.sleep,
        rng=Highest(),
    )
    assert seen == [
        (Retry(first, Verdict.TRANSIENT, 1, 1.0), 0),
        (Retry(second, Verdict.THROTTLED, 2, 1.0), 1),
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RetryPolicy(attempts=0),
        lambda: RetryPolicy(throttle_attempts=0),
        lambda: RetryPolicy(base_seconds=-1),
        lambda: RetryPolicy(base_seconds=2, cap_seconds=1),
        lambda: RetryPolicy(max_retry_after_seconds=-1),
    ],
)
def test_numbers_out_of_range_are_rejected(make: Callable[[], RetryPolicy]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()


@given(
    base=st.floats(0, 100),
    extra=st.floats(0, 1000),
    failures=st.integers(1, 5000),
    seed=st.integers(0, 2**32),
)
def test_a_pause_is_from_zero_to_its_bound(
    base: float, extra: float, failures: int, seed: int
) -> None:
    policy = RetryPolicy(base_seconds=base, cap_seconds=base + extra)
    pause = policy.pause(failures, Seeded(seed))
    assert 0 <= pause <= policy.cap_seconds
    if failures < 60:
        assert pause <= base * 2 ** (failures - 1)


def test_the_jitter_is_full() -> None:
    policy = RetryPolicy(base_seconds=8.0, cap_seconds=8.0)
    rng = Seeded(7)
    pauses = [policy.pause(1, rng) for _ in range(2000)]
    assert min(pauses) < 0.1
    assert max(pauses) > 7.9
    assert 3.7 < sum(pauses) / len(pauses) < 4.3


@given(
    script=st.lists(st.sampled_from(list(Verdict)), max_size=12),
    attempts=st.integers(1, 4),
    throttle_attempts=st.integers(1, 6),
)
def test_the_number_of_calls_follows_from_the_budgets(
    script: list[Verdict], attempts: int, throttle_attempts: int
) -> None:
    left = {
        Verdict.TRANSIENT: attempts,
        Verdict.THROTTLED: throttle_attempts,
        Verdict.PERMANENT: 1,
    }
    expected = 0
    for verdict in script:
        expected += 1
        left[verdict] -= 1
        if left[verdict] == 0:
            break
    else:
        expected += 1
    kinds: dict[Verdict, ApplicationError] = {
        Verdict.TRANSIENT: FlakyError("no"),
        Verdict.THROTTLED: ThrottledError("no"),
        Verdict.PERMANENT: DataSourceError("no"),
    }
    function = Script(*[kinds[verdict] for verdict in script])
    policy = RetryPolicy(attempts=attempts, throttle_attempts=throttle_attempts)
    succeeds = expected == len(script) + 1
    if succeeds:
        assert policy.call(function, retry_on=classify, sleep=FakeTime().sleep) == "done"
    else:
        with pytest.raises(type(kinds[script[expected - 1]])):
            policy.call(function, retry_on=classify, sleep=FakeTime().sleep)
    assert function.calls == expected


def test_an_error_that_is_followed_by_a_success_is_released() -> None:
    """A cycle through the traceback would keep the error, and what it refers to, alive."""
    gc.disable()
    try:
        error = FlakyError("no")
        released = weakref.ref(error)
        script = Script(error)
        del error
        assert STANDARD.call(script, retry_on=classify, sleep=FakeTime().sleep) == "done"
        assert released() is None
    finally:
        gc.enable()
