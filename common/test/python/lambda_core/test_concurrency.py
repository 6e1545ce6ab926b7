from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lambda_core.concurrency import map_concurrently


def test_results_are_in_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return number * number

    results = map_concurrently(slow_first, range(50), workers=4, window=8)
    assert list(results) == [number * number for number in range(50)]


def test_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=10)
    names = map_concurrently(
        lambda _: meeting.wait() >= 0 and threading.current_thread().name,
        range(8),
        workers=4,
        window=8,
    )
    assert len(set(names)) == 4


@pytest.mark.parametrize("window", [4, 9])
def test_takes_no_more_items_than_its_window(window: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_concurrently(lambda number: number, items(), workers=4, window=window)
    assert taken == []
    for consumed in range(1, 21):
        assert next(results) == consumed - 1
        assert len(taken) <= consumed - 1 + window


def test_stops_early_without_starting_the_remaining_calls() -> None:
    started: list[int] = []
    release = threading.Event()

    def call(number: int) -> int:
        started.append(number)
        if number:
            release.wait(10)
            time.sleep(0.02)
        return number

    results = map_concurrently(call, range(100), workers=1, window=50)
    assert next(results) == 0
    threading.Timer(0.1, release.set).start()
    results.close()
    # Most of the 49 pending calls were cancelled, however slow this machine is.
    assert len(started) < 40
    assert not [t for t in threading.enumerate() if t.name.startswith("concurrent")]


def test_an_error_is_raised_in_its_place_and_cancels_the_remaining_calls() -> None:
    calls: list[int] = []

    def call(number: int) -> int:
        calls.append(number)
        if number == 3:
            raise KeyError(number)
        return number

    results = map_concurrently(call, range(10), workers=2, window=4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError):
        next(results)
    assert len(calls) <= 3 + 4


def test_an_error_of_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the list ended early")

    with pytest.raises(OSError, match="the list ended early"):
        list(map_concurrently(lambda number: number, items(), workers=2, window=4))


def test_no_items() -> None:
    assert list(map_concurrently(str, [], workers=2, window=4)) == []


@pytest.mark.parametrize(("workers", "window"), [(0, 4), (4, 3), (-1, -1)])
def test_numbers_out_of_range_are_rejected(workers: int, window: int) -> None:
    with pytest.raises(ValueError, match="workers"):
        list(map_concurrently(str, [1], workers=workers, window=window))
