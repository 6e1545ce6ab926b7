from __future__ import annotations

import time
from unittest.mock import MagicMock, Mock

import pytest

from lambda_core.deadline import deadline


class Context:
    def __init__(self, milliseconds: object) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> object:
        return self._milliseconds


@pytest.mark.parametrize(
    "context",
    [None, object(), Mock(), MagicMock(), Context(None), Context("900000"), Context(True)],
    ids=lambda context: type(context).__name__,
)
def test_a_context_without_a_numeric_time_has_no_deadline(context: object) -> None:
    assert deadline(context, 60.0) is None


@pytest.mark.parametrize(
    ("milliseconds", "margin", "at_most", "expected"),
    [
        (900_000, 60.0, None, 840.0),
        (900_000.0, 60.0, 50.0, 50.0),
        (60_000, 15.0, 50.0, 45.0),
        # Half of the time always remains for work.
        (10_000, 15.0, 50.0, 5.0),
        (0, 15.0, None, 0.0),
    ],
)
def test_the_margin_is_reserved(
    milliseconds: float, margin: float, at_most: float | None, expected: float
) -> None:
    before = time.monotonic()
    end = deadline(Context(milliseconds), margin, at_most=at_most)
    after = time.monotonic()
    assert end is not None
    assert before + expected <= end <= after + expected
