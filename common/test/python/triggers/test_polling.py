from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from triggers import polling, targets
from triggers.errors import InvocationError
from triggers.polling import Polling


@pytest.mark.parametrize("module", [polling, targets], ids=lambda module: module.__name__)
def test_docstring_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_it_checks_until_the_condition_is_true() -> None:
    answers = iter([False, False, True])
    Polling(interval_seconds=0).wait_for(lambda: next(answers), "it did not end")
    assert list(answers) == []


def test_it_checks_at_least_once() -> None:
    Polling(timeout_seconds=0).wait_for(lambda: True, "it did not end")


def test_it_gives_up_after_the_timeout() -> None:
    with pytest.raises(InvocationError, match=r"^it did not end within 0 s$"):
        Polling(interval_seconds=0, timeout_seconds=0.01).wait_for(lambda: False, "it did not end")
