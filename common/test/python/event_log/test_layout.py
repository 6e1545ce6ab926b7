from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from event_log.layout import Group, GroupedCheckpoints, OneCheckpoint
from event_log.models import DATATYPES
from lambda_core.errors import InvalidEventError
from lambda_core.s3 import require_key

TEMPLATES = [
    "g/{study}/{datatype}/events.parquet",
    "{datatype}/{study}.parquet",
    "{study}-{datatype}",
    "{datatype}{study}.parquet",
    "a.b+c/{study}_{datatype}.parquet",
]

groups = st.builds(Group, st.text(min_size=1, max_size=40), st.sampled_from(DATATYPES))


@pytest.mark.parametrize("template", TEMPLATES)
@given(one=groups, other=groups)
@example(one=Group("../../evil", "form"), other=Group("..", "form"))
@example(one=Group("a-gwas", "form"), other=Group("a", "gwas"))
def test_a_group_can_be_read_from_its_key_and_no_other_has_it(
    template: str, one: Group, other: Group
) -> None:
    layout = GroupedCheckpoints(template)
    key = layout.key_of(one)
    assert require_key(key) == key
    assert layout.group_of(key) == one
    assert (layout.key_of(other) == key) == (other == one)
    assert key not in {layout.beside("rejected"), layout.beside("left-out")}
    beside = layout.beside("rejected")
    assert layout.group_of(beside) is None
    assert beside.rpartition("/")[2].startswith("_")


@pytest.mark.parametrize(
    "key",
    [
        "g/adrc/forms/events.parquet",
        "g/adrc/form/_events.damaged-20240101T000000Z-1.parquet",
        "g/adrc/form/old/events.parquet",
        "g//form/events.parquet",
        "g/a.b/form/events.parquet",
        "g/%2e/form/events.parquet",
        "g/%FF/form/events.parquet",
    ],
)
def test_other_keys_are_no_checkpoints(key: str) -> None:
    assert GroupedCheckpoints(TEMPLATES[0]).group_of(key) is None


def test_one_checkpoint_is_for_all() -> None:
    layout = OneCheckpoint("c/events.parquet")
    assert {layout.key_of(Group(study, "form")) for study in ("a", "b")} == {"c/events.parquet"}
    assert layout.beside("rejected") == "c/_events.rejected.parquet"
    assert OneCheckpoint("latest").beside("rejected") == "_latest.rejected.parquet"


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a\n"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(InvalidEventError):
        OneCheckpoint(key)


@pytest.mark.parametrize("template", ["g/{study}/{datatype}/events.parquet", "{study}_{datatype}"])
@pytest.mark.parametrize("study", ["_", "_adrc", "__all", ".adrc"])
def test_no_study_hides_its_checkpoint_from_a_query_engine(template: str, study: str) -> None:
    """Athena and Spark leave out what begins with an underscore or a dot, without a word."""
    layout = GroupedCheckpoints(template)
    key = layout.key_of(Group(study, "form"))
    assert not any(part.startswith(("_", ".")) for part in key.split("/"))
    assert layout.group_of(key) == Group(study, "form")
