"""The backfill's definition, checked against the rules of Step Functions without running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artefacts.function_settings import read_settings
from artefacts.repository import SETTINGS_FILE
from run_local.event_log.backfill import DEFINITION_FILE, BackfillSettings, definition
from run_local.event_log.demonstration import PIPELINE, PREFIX

FUNCTIONS = read_settings(Path(SETTINGS_FILE))[PIPELINE]

CHILD_SECONDS = 300
"""Maximum duration of an express workflow.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

BATCH_BYTES = 262_144
"""Maximum size of a child's input, from the same page."""

ENDS = {"Succeed", "Fail"}

type Machine = dict[str, Any]


@pytest.fixture
def machine() -> Machine:
    text = definition(
        Path(DEFINITION_FILE).read_text(encoding="utf-8"),
        FUNCTIONS,
        {name: f"arn:{name}" for name in FUNCTIONS},
        ("the-events", "the-checkpoints"),
        BackfillSettings(),
    )
    read: Machine = json.loads(text)
    return read


def next_states(state: Machine) -> set[str]:
    """Return the names of the states that can follow a state."""
    choices = {choice["Next"] for choice in state.get("Choices", ())}
    return choices | {state[key] for key in ("Next", "Default") if key in state}


def test_every_state_is_reachable_and_every_path_ends(machine: Machine) -> None:
    states = machine["States"]
    reached, waiting = set(), [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(next_states(states[name]))
    assert reached == states.keys()
    for name, state in states.items():
        if state["Type"] in ENDS:
            assert not next_states(state), name
        elif state["Type"] == "Choice":
            assert "Default" in state, name
        else:
            assert "Next" in state, name
    assert {name for name, state in states.items() if state["Type"] in ENDS} == {
        "BackfillDone",
        "BackfillIncomplete",
    }


def test_every_failure_fails_the_execution_with_its_own_error(machine: Machine) -> None:
    for name, state in machine["States"].items():
        assert "Catch" not in state, name
    left = machine["States"]["IsAnythingLeft"]
    assert left["Default"] == "DescribeIncompleteBackfill"
    assert machine["States"]["BackfillIncomplete"]["Error"] == "IncompleteBackfillError"


def test_timeouts_and_retries_of_each_call(machine: Machine) -> None:
    states = machine["States"]
    child = states["ReadEventFiles"]["ItemProcessor"]["States"]["ReadBatch"]
    called = {"child": child, **{name: states[name] for name in ("MergeParts", "CatchUp")}}
    for name, state in called.items():
        function = state["Parameters"]["FunctionName"].removeprefix("arn:")
        if name == "child":
            assert state["TimeoutSeconds"] < CHILD_SECONDS
        else:
            assert state["TimeoutSeconds"] > FUNCTIONS[function].timeout_seconds
        last = state["Retry"][-1]
        assert last["ErrorEquals"] == ["States.ALL"], name
        assert (last["IntervalSeconds"], last["BackoffRate"]) == (2, 2), name
        assert last["JitterStrategy"] == "FULL", name
        assert all(retry["MaxAttempts"] == 0 for retry in state["Retry"][:-1]), name
    functions = [state["Parameters"]["FunctionName"] for state in called.values()]
    assert functions == [f"arn:event_log_{name}" for name in ("backfill", "backfill", "checkpoint")]


def test_map_reads_the_listing_in_batches_and_writes_its_results(machine: Machine) -> None:
    state = machine["States"]["ReadEventFiles"]
    assert state["ItemReader"]["Resource"] == "arn:aws:states:::s3:listObjectsV2"
    assert state["ItemReader"]["Parameters"] == {"Bucket": "the-events", "Prefix": PREFIX}
    batcher = state["ItemBatcher"]
    assert batcher["MaxItemsPerBatch"] == 800
    assert batcher["MaxInputBytesPerBatch"] < BATCH_BYTES - 10_000
    assert state["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "EXPRESS",
    }
    assert (state["MaxConcurrency"], state["ToleratedFailurePercentage"]) == (40, 10)
    # Without a result writer, the results of all children must fit into 256 kB.
    writer = state["ResultWriter"]
    assert writer["Resource"] == "arn:aws:states:::s3:putObject"
    assert writer["Parameters"] == {"Bucket": "the-checkpoints", "Prefix": "backfill/results"}
