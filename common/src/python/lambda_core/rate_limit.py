"""A token bucket: at most `rate x t + burst` grants in any span of `t` seconds.

It is kept as one number (the "generic cell rate algorithm", ITU-T I.371): the time at which the
bucket would be full again. Libraries were looked at: pyrate-limiter keeps a log of a sliding
window and waits in steps of 50 ms, throttled-py counts whole seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """A token bucket that threads may share.

    A grant is booked at the moment it is given, not when it was asked for, so that a thread that
    wakes late cannot meet the next one and break the limit together with it. Those who wait
    stand in line: one of them sleeps for the next grant, the others for their turn. Who has a
    choice of several limiters stands in no line, and takes what one of them has to spare.

    Parameters
    ----------
    rate_per_second
        Grants a second in the long run; above 0.
    burst
        Grants that may come at once after a quiet time; at least 1.
    clock, sleep
        Monotonic seconds, and how to wait for some of them.

    Raises
    ------
    ValueError
        Where the rate or the burst makes no sense.
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
        """Wait for a grant.

        Returns
        -------
        float
            Seconds slept for it, without the time spent in line.
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
        """Take a grant that is there now and that nobody waits for; never waits.

        Returns
        -------
        float
            0 where it was taken, or else the seconds after which there may be one to spare.
        """
        with self._state:
            # The next grant belongs to those who wait; ask for the one after it.
            return self._book() if not self._waiting else self._wait() + self._interval

    def penalize(self, seconds: float) -> None:
        """Give no grant for some seconds from now, and no burst right after them.

        For a service that says that it is asked too fast although the limit was kept, as others
        use the same quota.
        """
        with self._state:
            self._full_at = max(self._full_at, self._clock() + seconds + self._tolerance)

    def _take(self) -> float:
        with self._state:
            return self._book()

    def _book(self) -> float:
        """Book a grant and return 0, or return the seconds until there is one."""
        if (wait := self._wait()) > 0:
            return wait
        self._full_at = max(self._full_at, self._clock()) + self._interval
        return 0.0

    def _wait(self) -> float:
        return max(0.0, self._full_at - self._tolerance - self._clock())
