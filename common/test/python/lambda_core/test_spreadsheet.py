from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.spreadsheet import cell_text, literal, neutralise, visible

DANGEROUS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "  =1",
        "\u00a0=1",
        "\uff1d1",
        "=",
        " \t-x",
    ],
)
def test_text_that_could_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert neutralise(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "ec2", "a=b", "1-2", "'=1", "us-east-1", "✓", "#N/A"])
def test_other_text_does_not_change(text: str) -> None:
    assert neutralise(text) == text


@given(st.text())
def test_neutralising_is_safe_idempotent_and_only_adds_an_apostrophe(text: str) -> None:
    done = neutralise(text)
    assert not done.lstrip().startswith(tuple(DANGEROUS))
    assert not done.startswith(("\t", "\r", "\n"))
    assert neutralise(done) == done
    assert done in (text, f"'{text}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x07b", r"a\x07b"),
        ("a\r\nb\tc", r"a\x0d\x0ab\x09c"),
        ("\x7f\x85", r"\x7f\x85"),
        ("\ud800", r"\ud800"),
        ("\uffff\u2028", r"\uffff\u2028"),
        ("S\u00e3o \U0001f600", "S\u00e3o \U0001f600"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters() | st.sampled_from(DANGEROUS + " \x00\x0b\ud800\ufffe")))
def test_a_cell_is_a_printable_line_and_never_a_formula(text: str) -> None:
    shown = cell_text(text)
    assert len(shown.splitlines()) <= 1
    assert not shown.lstrip().startswith(tuple(DANGEROUS))
    shown.encode("utf-8")
    assert cell_text(shown) == shown


@pytest.mark.parametrize(
    ("text", "protected"),
    [("_x003D_1", "_x005F_x003D_1"), ("_x_", "_x_"), ("a_b", "a_b"), ("_x00G0_", "_x00G0_")],
)
def test_text_that_looks_like_an_escape_is_protected(text: str, protected: str) -> None:
    assert literal(text) == protected
