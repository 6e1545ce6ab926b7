from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.rate_limit import RateLimiter


class FakeTime:
    """A clock that threads may share; sleeping advances it."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 1000.0
        self.late = late
        self._lock = threading.Lock()

    def clock(self) -> float:
        with self._lock:
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds + self.late


def assert_never_too_many(grants: list[float], rate: float, burst: int) -> None:
    grants = sorted(grants)
    for first, start in enumerate(grants):
        for last in range(first, len(grants)):
            allowed = rate * (grants[last] - start) + burst
            assert last - first + 1 <= allowed + 1e-6


rates = st.floats(0.1, 500)
bursts = st.integers(1, 8)


@given(
    rate=rates,
    burst=bursts,
    late=st.sampled_from([0.0, 0.003, 0.4]),
    steps=st.lists(st.one_of(st.none(), st.floats(0, 5)), max_size=40),
)
def test_the_rate_holds_in_every_interval(
    rate: float, burst: int, late: float, steps: list[float | None]
) -> None:
    fake = FakeTime(late)
    limiter = RateLimiter(rate, burst, clock=fake.clock, sleep=fake.sleep)
    grants = []
    for quiet in steps:
        if quiet is not None:
            fake.now += quiet
            if limiter.take_spare() == 0:
                grants.append(fake.now)
        else:
            limiter.acquire()
            grants.append(fake.now)
    assert_never_too_many(grants, rate, burst)


@given(rate=rates, burst=bursts, count=st.integers(1, 40))
def test_it_is_not_slower_than_the_rate(rate: float, burst: int, count: int) -> None:
    fake = FakeTime()
    limiter = RateLimiter(rate, burst, clock=fake.clock, sleep=fake.sleep)
    slept = sum(limiter.acquire() for _ in range(count))
    assert slept == pytest.approx(max(0, count - burst) / rate, abs=1e-6)


@given(burst=bursts)
def test_a_burst_is_available_at_once(burst: int) -> None:
    fake = FakeTime()
    limiter = RateLimiter(1.0, burst, clock=fake.clock, sleep=fake.sleep)
    assert [limiter.take_spare() for _ in range(burst)] == [0.0] * burst
    assert limiter.take_spare() == pytest.approx(1.0)
    fake.now += 1.0
    assert limiter.take_spare() == 0
    assert limiter.take_spare() > 0


def test_a_long_quiet_period_allows_only_one_burst() -> None:
    fake = FakeTime()
    limiter = RateLimiter(10.0, 3, clock=fake.clock, sleep=fake.sleep)
    fake.now += 1_000_000
    assert [limiter.take_spare() == 0 for _ in range(5)] == [True, True, True, False, False]


@given(rate=rates, burst=bursts)
def test_a_spare_permit_is_available_after_the_returned_time(rate: float, burst: int) -> None:
    fake = FakeTime()
    limiter = RateLimiter(rate, burst, clock=fake.clock, sleep=fake.sleep)
    while (wait := limiter.take_spare()) == 0:
        continue
    fake.now += wait + 1e-6
    assert limiter.take_spare() == 0


def test_take_spare_does_not_take_the_permit_of_a_waiting_thread() -> None:
    fake = FakeTime()
    seconds_to_wait: list[float] = []

    def sleep(seconds: float) -> None:
        # Other threads ask before and after the permit of the waiting thread is available.
        seconds_to_wait.append(limiter.take_spare())
        fake.sleep(seconds)
        seconds_to_wait.append(limiter.take_spare())

    limiter = RateLimiter(10.0, clock=fake.clock, sleep=sleep)
    limiter.acquire()
    assert limiter.acquire() == pytest.approx(0.1)
    assert seconds_to_wait == pytest.approx([0.2, 0.1])
    assert limiter.take_spare() == pytest.approx(0.1)


def test_a_penalty_delays_all_permits_and_ends_the_burst() -> None:
    fake = FakeTime()
    limiter = RateLimiter(10.0, 3, clock=fake.clock, sleep=fake.sleep)
    limiter.penalize(5.0)
    assert limiter.take_spare() == pytest.approx(5.0)
    assert limiter.acquire() == pytest.approx(5.0)
    assert limiter.acquire() == pytest.approx(0.1)


def test_a_small_penalty_never_shortens_a_large_one() -> None:
    fake = FakeTime()
    limiter = RateLimiter(10.0, clock=fake.clock, sleep=fake.sleep)
    limiter.penalize(5.0)
    limiter.penalize(1.0)
    assert limiter.acquire() == pytest.approx(5.0)


def test_a_penalty_also_delays_a_sleeping_thread() -> None:
    fake = FakeTime()
    penalties = [3.0]

    def sleep(seconds: float) -> None:
        if penalties:
            limiter.penalize(penalties.pop())
        fake.sleep(seconds)

    limiter = RateLimiter(1.0, clock=fake.clock, sleep=sleep)
    limiter.acquire()
    assert limiter.acquire() == pytest.approx(3.0)


def test_the_limiter_works_after_an_interrupted_wait() -> None:
    fake = FakeTime()
    interrupts = [KeyboardInterrupt()]

    def sleep(seconds: float) -> None:
        if interrupts:
            raise interrupts.pop()
        fake.sleep(seconds)

    limiter = RateLimiter(1.0, clock=fake.clock, sleep=sleep)
    limiter.acquire()
    with pytest.raises(KeyboardInterrupt):
        limiter.acquire()
    assert limiter.take_spare() == pytest.approx(1.0), "nobody waits any longer"
    assert limiter.acquire() == pytest.approx(1.0)


def test_threads_together_respect_the_limit() -> None:
    rate, burst = 400.0, 4
    read = threading.local()
    grants: list[float] = []

    def clock() -> float:
        # A permit counts from the time that the limiter read last in this thread.
        read.last = time.monotonic()
        return float(read.last)

    limiter = RateLimiter(rate, burst, clock=clock)

    def work() -> None:
        for _ in range(10):
            limiter.acquire()
            grants.append(read.last)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(grants) == 80
    assert_never_too_many(grants, rate, burst)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_out_of_range_is_rejected(rate: float) -> None:
    with pytest.raises(ValueError, match="rate_per_second"):
        RateLimiter(rate)


def test_a_burst_out_of_range_is_rejected() -> None:
    with pytest.raises(ValueError, match="burst"):
        RateLimiter(1, 0)
