from __future__ import annotations

import datetime as dt
import json
import pickle
from pathlib import PurePosixPath

import pytest

from lambda_core.errors import (
    ApplicationError,
    CircuitOpenError,
    ConfigurationError,
    DataSourceError,
    ProcessingError,
    ReportError,
    cause_chain,
    describe_error,
)


@pytest.mark.parametrize(
    "kind",
    [CircuitOpenError, ConfigurationError, DataSourceError, ProcessingError, ReportError],
)
def test_every_error_is_an_application_error(kind: type[ApplicationError]) -> None:
    error = kind("what failed", where="here")
    assert isinstance(error, ApplicationError)
    assert str(error) == "what failed"
    assert error.context == {"where": "here"}
    assert error.transient is False


def test_the_message_is_on_one_line() -> None:
    assert str(ApplicationError("first\n  second\r\tthird")) == "first second third"


def test_the_context_is_json() -> None:
    error = ApplicationError(
        "x",
        none=None,
        when=dt.date(2024, 5, 1),
        path=PurePosixPath("a/b"),
        names={"b", "a"},
        nested={1: (2.5, True, ValueError("no"))},
    )
    assert json.loads(json.dumps(error.context)) == {
        "none": None,
        "when": "2024-05-01",
        "path": "a/b",
        "names": ["a", "b"],
        "nested": {"1": [2.5, True, "no"]},
    }


def test_errors_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(DataSourceError("no", path="/a")))  # noqa: S301 - own bytes
    assert (type(copy), str(copy), copy.context) == (DataSourceError, "no", {"path": "/a"})


def _failure(*, suppress: bool) -> BaseException:
    try:
        try:
            raise KeyError("root")
        except KeyError as root:
            if suppress:
                raise DataSourceError("top") from None
            raise DataSourceError("top", path="/a") from root
    except DataSourceError as error:
        return error


def test_the_description_shows_all_causes() -> None:
    error = _failure(suppress=False)
    error.add_note("gave up")
    assert describe_error(error) == [
        {
            "type": "DataSourceError",
            "message": "top",
            "context": {"path": "/a"},
            "notes": ["gave up"],
        },
        {"type": "KeyError", "message": "'root'"},
    ]


def test_the_description_omits_a_suppressed_cause() -> None:
    assert [entry["type"] for entry in describe_error(_failure(suppress=True))] == [
        "DataSourceError"
    ]


def test_the_chain_includes_the_error_that_was_being_handled() -> None:
    inner = ValueError("inner")
    outer = RuntimeError("outer")
    outer.__context__ = inner
    assert list(cause_chain(outer)) == [outer, inner]


def test_the_chain_of_a_cycle_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert list(cause_chain(first)) == [first, second]
