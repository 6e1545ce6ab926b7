"""Waits until a condition is true, by checking it repeatedly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from triggers.errors import InvocationError


@dataclass(frozen=True)
class Polling:
    """How often to check a condition, and for how long.

    Attributes
    ----------
    interval_seconds
        Pause between two checks.
    timeout_seconds
        Give up after this time. By default, never give up.

    Examples
    --------
    >>> answers = iter([False, False, True])
    >>> Polling(interval_seconds=0).wait_for(lambda: next(answers), "the function did not end")
    """

    interval_seconds: float = 2.0
    timeout_seconds: float = math.inf

    def wait_for(self, condition: Callable[[], bool], failure: str) -> None:
        """Wait until a condition is true.

        Parameters
        ----------
        condition
            Called at least once.
        failure
            What to report if it does not become true, such as "the function did not end".

        Raises
        ------
        InvocationError
            The condition was still false after `timeout_seconds`.
        """
        deadline = time.monotonic() + self.timeout_seconds
        while not condition():
            if time.monotonic() >= deadline:
                raise InvocationError(f"{failure} within {self.timeout_seconds:.0f} s")
            time.sleep(self.interval_seconds)
