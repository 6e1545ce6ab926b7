from __future__ import annotations

import pytest

from triggers.errors import InvocationError
from triggers.polling import Polling


def test_it_asks_until_the_answer_is_yes() -> None:
    answers = iter([False, False, True])
    Polling(interval_seconds=0).wait_for(lambda: next(answers), "it did not end")
    assert list(answers) == []


def test_it_asks_at_least_once() -> None:
    Polling(timeout_seconds=0).wait_for(lambda: True, "it did not end")


def test_it_gives_up_after_the_timeout() -> None:
    with pytest.raises(InvocationError, match=r"^it did not end within 0 s$"):
        Polling(interval_seconds=0, timeout_seconds=0.01).wait_for(lambda: False, "it did not end")
