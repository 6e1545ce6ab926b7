"""Concurrent calls with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice


def map_concurrently[T, R](
    function: Callable[[T], R], items: Iterable[T], *, workers: int, window: int
) -> Generator[R]:
    """Call `function` for each item in threads, and yield the results in order.

    Unlike `Executor.map`, which takes all items at once, this holds at most `window` items and
    results: a slow consumer slows down the calls. A slow call delays the results after it.

    Parameters
    ----------
    function
        Called in a thread. Its error is raised instead of its result, and ends the iteration.
    items
        Consumed on demand, in the thread that takes the results.
    workers
        Calls at the same time; at least 1.
    window
        Items that are waiting, running or finished, but not yet yielded; at least `workers`.

    Yields
    ------
    R
        The result for each item.

    Raises
    ------
    ValueError
        If `workers` is less than 1, or greater than `window`.

    Examples
    --------
    >>> list(map_concurrently(len, ["a", "bb", "ccc"], workers=2, window=4))
    [1, 2, 3]
    """
    if workers > window:
        raise ValueError(f"{workers} workers need a window of at least {workers}, not {window}")
    remaining = iter(items)
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="concurrent")
    try:
        while True:
            for item in islice(remaining, window - len(pending)):
                pending.append(pool.submit(function, item))
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
