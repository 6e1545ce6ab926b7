from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
from aws_ssm_fetcher_testing.stage_runs import STARTED, SerialS3, relay_answer
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.pointer import (
    Outcome,
    Pointer,
    decide,
    read_pointer,
    switch_pointer,
)
from lambda_core.errors import ReportError
from lambda_testing.fault_proxy import Fetch
from local_cloud.loopback_server import Exchange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def pointer(execution_id: str = "run-1", *, minutes: int = 0, pairs: int = 1000) -> Pointer:
    return Pointer(
        execution_id=execution_id,
        prefix=f"reports/{execution_id}/",
        generated_at=STARTED + dt.timedelta(minutes=minutes),
        pairs=pairs,
        regions=2,
        services=3,
        complete=True,
    )


POINTERS = st.builds(
    lambda number, minutes, pairs: pointer(f"run-{number}", minutes=minutes, pairs=pairs),
    st.integers(0, 20),
    st.integers(-2, 2),
    st.integers(0, 300),
)


@pytest.mark.parametrize(
    ("pairs", "outcome"),
    [
        (1000, Outcome.SWITCHED),
        (5000, Outcome.SWITCHED),
        (980, Outcome.SWITCHED),
        (979, Outcome.HELD_BACK),
        (0, Outcome.HELD_BACK),
    ],
)
def test_a_set_that_lost_more_than_two_percent_is_held_back(pairs: int, outcome: Outcome) -> None:
    assert decide(pointer(), pointer("run-2", minutes=1, pairs=pairs), 2) is outcome
    assert decide(pointer(), pointer("run-2", minutes=1, pairs=pairs), 100) is Outcome.SWITCHED


def test_the_first_set_is_published() -> None:
    assert decide(None, pointer(pairs=0), 2) is Outcome.SWITCHED


def test_of_the_same_second_the_greater_name_is_newer() -> None:
    assert decide(pointer("run-1"), pointer("run-2"), 2) is Outcome.SWITCHED
    assert decide(pointer("run-2"), pointer("run-1"), 2) is Outcome.SUPERSEDED


@given(POINTERS, POINTERS, st.floats(0, 100))
def test_the_pointer_never_returns_to_an_older_set(
    current: Pointer, ours: Pointer, percent: float
) -> None:
    assume(current.execution_id != ours.execution_id)
    outcome = decide(current, ours, percent)
    if outcome is Outcome.SWITCHED:
        assert ours.is_newer_than(current)
        assert ours.pairs >= current.pairs * (1 - percent / 100) - 1e-6
    assert (outcome is Outcome.SUPERSEDED) == current.is_newer_than(ours)


@given(st.lists(POINTERS, min_size=1))
def test_the_newest_wins_in_any_order(wishes: list[Pointer]) -> None:
    wishes = list({wish.execution_id: wish for wish in wishes}.values())
    current: Pointer | None = None
    for wish in wishes:
        if decide(current, wish, 100) is Outcome.SWITCHED:
            current = wish
    assert current == max(wishes, key=lambda wish: (wish.generated_at, wish.execution_id))


def test_it_names_the_one_before(store: ArtefactStore, s3: S3Client, stage_bucket: str) -> None:
    assert read_pointer(store.objects) is None
    assert switch_pointer(store.objects, pointer(), 2).outcome is Outcome.SWITCHED
    assert switch_pointer(store.objects, pointer(), 2).outcome is Outcome.ALREADY_OURS
    switch = switch_pointer(store.objects, pointer("run-2", minutes=1), 2)
    assert switch.current == pointer()
    content = s3.get_object(Bucket=stage_bucket, Key="reports/latest.json")["Body"].read()
    assert json.loads(content) == {
        "execution_id": "run-2",
        "prefix": "reports/run-2/",
        "generated_at": "2026-03-04T05:01:00Z",
        "pairs": 1000,
        "regions": 2,
        "services": 3,
        "complete": True,
        "previous": "run-1",
    }


def test_a_faster_writer_is_seen_and_the_newer_stays(
    store: ArtefactStore, serial_s3: SerialS3
) -> None:
    switch_pointer(store.objects, pointer(), 2)
    raced = False

    def race(exchange: Exchange, fetch: Fetch) -> None:
        nonlocal raced
        if exchange.request.method == "PUT" and not raced:
            raced = True
            assert (
                switch_pointer(store.objects, pointer("run-3", minutes=3), 2).outcome
                is Outcome.SWITCHED
            )
        relay_answer(exchange, fetch)

    serial_s3.step = race
    switch = switch_pointer(store.objects, pointer("run-2", minutes=2), 2)
    assert switch.outcome is Outcome.SUPERSEDED
    current = read_pointer(store.objects)
    assert current is not None
    assert (current.execution_id, current.previous) == ("run-3", "run-1")


def test_an_invalid_pointer_is_reported_and_not_changed(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    s3.put_object(Bucket=stage_bucket, Key="reports/latest.json", Body=b"{}")
    with pytest.raises(ReportError, match="restore an earlier version"):
        switch_pointer(store.objects, pointer(), 2)
    body = s3.get_object(Bucket=stage_bucket, Key="reports/latest.json")["Body"].read()
    assert body == b"{}"


def test_a_pointer_out_of_the_reports_is_none() -> None:
    with pytest.raises(ValidationError):
        Pointer(**pointer().model_dump() | {"prefix": "raw-data/run-1/"})
