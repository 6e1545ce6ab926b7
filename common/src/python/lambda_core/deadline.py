"""The time a function has left."""

from __future__ import annotations

import time


def deadline(context: object, margin: float, *, at_most: float | None = None) -> float | None:
    """Return when a function should stop starting new work, to finish before Lambda ends it.

    Parameters
    ----------
    context
        Lambda's context. A context without a numeric remaining time, such as a `Mock` or None,
        has no deadline.
    margin
        Seconds to reserve for finishing. At least half of the remaining time is always available
        for work.
    at_most
        Seconds of work at most, whatever time is left.

    Returns
    -------
    float or None
        Seconds on the clock of `time.monotonic`, or None if there is no deadline.

    Examples
    --------
    >>> deadline(None, margin=60.0) is None
    True
    """
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    milliseconds = remaining() if callable(remaining) else None
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    seconds = milliseconds / 1000
    work = max(seconds - margin, seconds / 2)
    return time.monotonic() + (work if at_most is None else min(at_most, work))
