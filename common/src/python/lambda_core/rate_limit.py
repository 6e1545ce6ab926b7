"""A token bucket: at most `rate x t + burst` permits in any interval of `t` seconds.

Its state is one number, the time at which the bucket would be full again (the "generic cell rate
algorithm", ITU-T I.371). docs/decisions/circuit-breaker-and-rate-limiter.md explains why no library
does this.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """A token bucket that threads may share.

    A permit counts from the moment a thread receives it, not from the moment it asked. So a thread
    that wakes up late cannot exceed the limit together with the next thread. Waiting threads form a
    queue: the first one sleeps until the next permit, the others wait for their turn. A caller that
    can choose between several limiters does not queue: it takes a spare permit of any of them.

    Parameters
    ----------
    rate_per_second
        Average number of permits per second; above 0.
    burst
        Permits available at once after a quiet period; at least 1.
    clock, sleep
        Return monotonic seconds, and wait for some seconds.

    Raises
    ------
    ValueError
        If the rate or the burst is out of range.

    Examples
    --------
    A burst of two permits, then a permit every 100 s:

    >>> limiter = RateLimiter(rate_per_second=0.01, burst=2, clock=lambda: 0.0)
    >>> limiter.acquire(), limiter.acquire(), limiter.take_spare()
    (0.0, 0.0, 100.0)
    """

    def __init__(
        self,
        rate_per_second: float,
        burst: int = 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < rate_per_second < float("inf"):
            raise ValueError(f"rate_per_second must be a number above 0, not {rate_per_second!r}")
        if burst < 1:
            raise ValueError(f"burst must be at least 1, not {burst!r}")
        self._interval = 1.0 / rate_per_second
        self._tolerance = self._interval * (burst - 1)
        self._clock = clock
        self._sleep = sleep
        self._turn = threading.Lock()
        self._state = threading.Lock()
        self._full_at = float("-inf")
        self._waiting = 0

    def acquire(self) -> float:
        """Wait for a permit.

        Returns
        -------
        float
            Seconds slept, without the time in the queue.
        """
        slept = 0.0
        with self._state:
            self._waiting += 1
        try:
            with self._turn:
                while (wait := self._take()) > 0:
                    self._sleep(wait)
                    slept += wait
        finally:
            with self._state:
                self._waiting -= 1
        return slept

    def take_spare(self) -> float:
        """Take a permit if it is available now and no thread is waiting for it. Never waits.

        Returns
        -------
        float
            0 if a permit was taken; otherwise the seconds until a spare permit may be available.
        """
        with self._state:
            # The next permit belongs to a waiting thread; the one after it may be spare.
            return self._book() if not self._waiting else self._wait() + self._interval

    def penalize(self, seconds: float) -> None:
        """Give no permit for some seconds from now, and no burst right after them.

        Use it if a service throttles a call although the limit was respected, because other clients
        use the same quota.
        """
        with self._state:
            self._full_at = max(self._full_at, self._clock() + seconds + self._tolerance)

    def _take(self) -> float:
        with self._state:
            return self._book()

    def _book(self) -> float:
        """Take a permit and return 0, or return the seconds until a permit is available."""
        if (wait := self._wait()) > 0:
            return wait
        self._full_at = max(self._full_at, self._clock()) + self._interval
        return 0.0

    def _wait(self) -> float:
        return max(0.0, self._full_at - self._tolerance - self._clock())
