from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lambda_core.contracts import Contract, ExecutionId, parse_event
from lambda_core.errors import InvalidEventError


class Visit(Contract):
    patient: str
    day: dt.date


def test_text_in_json_becomes_a_date() -> None:
    visit = parse_event(Visit, {"patient": "110001", "day": "2026-01-31"})
    assert visit == Visit(patient="110001", day=dt.date(2026, 1, 31))


def test_the_error_names_every_field_and_no_value() -> None:
    with pytest.raises(InvalidEventError) as caught:
        parse_event(Visit, {"day": "someday", "extra": "secret-value"})
    message = str(caught.value)
    assert message.startswith("the event is not a valid Visit: ")
    for field in ("patient", "day", "extra"):
        assert f"{field}: " in message
    assert "secret-value" not in message
    assert "someday" not in message


def test_many_problems_are_counted() -> None:
    with pytest.raises(InvalidEventError, match=r"; 14 more$"):
        parse_event(Visit, {f"field{number}": 0 for number in range(22)})


@pytest.mark.parametrize("event", [None, [], "text", 7, float("nan"), object(), {"a": object()}])
def test_other_values_are_rejected(event: object) -> None:
    with pytest.raises(InvalidEventError, match="the event is not a valid Visit"):
        parse_event(Visit, event)


def test_several_kinds_of_event() -> None:
    class Other(Contract):
        other: int

    adapter: TypeAdapter[Visit | Other] = TypeAdapter(Visit | Other)
    assert parse_event(adapter, {"other": 1}) == Other(other=1)
    with pytest.raises(InvalidEventError, match="the event is not a valid request"):
        parse_event(adapter, {"third": 1})


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", fullmatch=True))
def test_an_execution_id_is_a_single_part_of_a_key(text: str) -> None:
    assert TypeAdapter(ExecutionId).validate_python(text) == text
    assert not set(text) & set("/.")


@pytest.mark.parametrize("text", ["", "-a", "_a", "a/b", "..", "a.b", "a\n", "é", "a" * 81])
def test_invalid_execution_ids_are_rejected(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ExecutionId).validate_python(text)
