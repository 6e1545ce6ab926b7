from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployment.proof.upgrade import changed_outputs, lost, summary


def change(*actions: str, mode: str = "managed", **details: object) -> Mapping[str, Any]:
    values = {"before": None, "after": None, **details}
    moved = {"previous_address": values.pop("moved")} if "moved" in values else {}
    return {
        "address": "aws_s3_bucket.data",
        "mode": mode,
        "change": {"actions": list(actions), **values},
        **moved,
    }


@pytest.mark.parametrize(
    "actions", [("delete",), ("delete", "create"), ("create", "delete"), ("forget",)]
)
def test_a_resource_that_is_deleted_replaced_or_forgotten_is_lost(actions: tuple[str, ...]) -> None:
    assert list(lost([change(*actions)])) == ["aws_s3_bucket.data"]


@pytest.mark.parametrize("actions", [("no-op",), ("create",), ("update",)])
def test_a_resource_that_stays_or_is_new_is_not_lost(actions: tuple[str, ...]) -> None:
    assert list(lost([change(*actions)])) == []


def test_data_sources_cannot_be_lost() -> None:
    assert list(lost([change("delete", mode="data")])) == []


def test_outputs_must_stay_except_texts_and_versions() -> None:
    before = {"bucket": "a", "queue": "q", "commands": "x", "function_versions": {"f": "1"}}
    after = {"bucket": "b", "commands": "y", "function_versions": {"f": "2"}, "new": 1}
    assert list(changed_outputs(before, after)) == ["bucket", "queue"]
    assert list(changed_outputs(before, after | {"bucket": "a", "queue": "q"})) == []


def test_commands_may_change_but_not_disappear() -> None:
    assert list(changed_outputs({"commands": {}}, {})) == ["commands"]


def test_the_summary_lists_what_changes() -> None:
    changes = [
        change("no-op", moved="aws_s3_bucket.old"),
        change("update", before={"name": "a", "text": "b"}, after={"name": "a", "text": "c"}),
        change("create", after={"name": "a"}),
        change("read", mode="data"),
    ]
    assert list(summary(changes)) == [
        "update aws_s3_bucket.data: text",
        "create aws_s3_bucket.data",
        "1 resources have a new address",
    ]
