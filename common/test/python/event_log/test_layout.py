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

GROUPS = st.builds(Group, st.text(min_size=1, max_size=40), st.sampled_from(DATATYPES))


@pytest.mark.parametrize("template", TEMPLATES)
@given(group=GROUPS, other=GROUPS)
@example(group=Group("../../evil", "form"), other=Group("..", "form"))
@example(group=Group("a-gwas", "form"), other=Group("a", "gwas"))
def test_key_identifies_the_group(template: str, group: Group, other: Group) -> None:
    layout = GroupedCheckpoints(template)
    key = layout.key_of(group)
    assert require_key(key) == key
    assert layout.group_of(key) == group
    assert (layout.key_of(other) == key) == (other == group)
    assert key not in {layout.sidecar("rejected"), layout.sidecar("left-out")}
    sidecar = layout.sidecar("rejected")
    assert layout.group_of(sidecar) is None
    assert sidecar.rpartition("/")[2].startswith("_")


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
def test_other_keys_are_not_checkpoints(key: str) -> None:
    assert GroupedCheckpoints(TEMPLATES[0]).group_of(key) is None


def test_single_checkpoint_for_all_groups() -> None:
    layout = OneCheckpoint("c/events.parquet")
    assert {layout.key_of(Group(study, "form")) for study in ("a", "b")} == {"c/events.parquet"}
    assert layout.sidecar("rejected") == "c/_events.rejected.parquet"
    assert OneCheckpoint("latest").sidecar("rejected") == "_latest.rejected.parquet"


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a\n"])
def test_invalid_keys(key: str) -> None:
    with pytest.raises(InvalidEventError):
        OneCheckpoint(key)


@pytest.mark.parametrize("template", ["g/{study}/{datatype}/events.parquet", "{study}_{datatype}"])
@pytest.mark.parametrize("study", ["_", "_adrc", "__all", ".adrc"])
def test_no_study_hides_its_checkpoint_from_query_engines(template: str, study: str) -> None:
    """Athena and Spark silently ignore names that begin with an underscore or a dot."""
    layout = GroupedCheckpoints(template)
    key = layout.key_of(Group(study, "form"))
    assert not any(part.startswith(("_", ".")) for part in key.split("/"))
    assert layout.group_of(key) == Group(study, "form")
