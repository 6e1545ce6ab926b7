from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.subject import Subject, parse_subject


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[PATCH] x: y", Subject("x: y", ("PATCH",))),
        (
            "[PATCH v2 3/7] x: y",
            Subject("x: y", ("PATCH",), 2, 3, 7, has_version=True),
        ),
        ("[v6,1/1] hwmon: z", Subject("hwmon: z", (), 6, 1, 1, has_version=True)),
        ("[PATCHv3 01/10] a", Subject("a", ("PATCH",), 3, 1, 10, has_version=True)),
        ("[RFC PATCH net-next] a", Subject("a", ("RFC", "PATCH", "net-next"))),
        ("[PATCH RESEND] [v4] a", Subject("a", ("PATCH", "RESEND"), 4, has_version=True)),
        ("Re: [PATCH 1/2] a", Subject("a", ("PATCH",), 1, 1, 2, is_reply=True)),
        ("RE: Re: AW: [PATCH] a", Subject("a", ("PATCH",), is_reply=True)),
        ("答复: [PATCH] a", Subject("a", ("PATCH",), is_reply=True)),
        ("Re: 回复: [v2,1/1] a", Subject("a", (), 2, 1, 1, is_reply=True, has_version=True)),
        ("[GIT PULL] a", Subject("a", ("GIT", "PULL"))),
        ("[PATCH 0 of 3] a", Subject("a", ("PATCH", "0", "of", "3"))),
        ("no brackets [here]", Subject("no brackets [here]")),
        ("", Subject("")),
    ],
)
def test_subjects_are_parsed(text: str, expected: Subject) -> None:
    assert parse_subject(text) == expected


def test_the_kind_and_title_of_a_subject() -> None:
    assert parse_subject("[v6,1/1] a").is_patch
    assert parse_subject("[Patch] a").is_patch
    assert not parse_subject("[lkp] a").is_patch
    assert parse_subject("[GIT PULL] a").is_pull
    assert parse_subject("[PATCH] Fix  Typo").normal_title == "fix typo"


@given(st.text())
def test_any_text_is_accepted(text: str) -> None:
    found = parse_subject(text)
    assert found.version >= 1


@given(
    st.integers(1, 99),
    st.integers(0, 99),
    st.integers(1, 99),
    st.text(st.characters(categories=["L", "N"]), min_size=1).map(lambda t: f"x: {t}"),
)
def test_subjects_of_git_are_parsed(version: int, number: int, total: int, title: str) -> None:
    found = parse_subject(f"[PATCH v{version} {number}/{total}] {title}")
    assert (found.version, found.number, found.total) == (version, number, total)
    assert found.title == title
