"""Executions that are killed at any point, and executions that run concurrently.

In every case, the pointer names a complete set, and in the end the newest one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from aws_ssm_fetcher_testing.stage_runs import (
    Objects,
    SerialS3,
    Stored,
    catalog_of,
    generated,
    moved,
    new_bucket,
    objects_of,
    relay_answer,
    store_in,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aws_ssm_fetcher.stages.contracts import OrchestratorRequest, OrchestratorResult
from aws_ssm_fetcher.stages.keys import intermediate_prefixes
from aws_ssm_fetcher.stages.publish import publish
from lambda_core.s3 import S3Error
from lambda_testing.fault_proxy import Fetch, relay, respond
from local_cloud.loopback_server import Exchange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DEAD = respond(403, b"<Error><Code>AccessDenied</Code></Error>")
WRITES = {"PUT", "POST"}
HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


EXAMPLES = settings().max_examples // 15
"""Each example takes a second, because moto handles some hundred requests."""


class Prepared:
    """A bucket with a published set, and the artefacts of several executions."""

    def __init__(self, s3: S3Client) -> None:
        self._bucket = new_bucket(s3)
        store = store_in(s3, self._bucket)
        publish(generated(store, "exec-0", catalog_of(100)), store)
        self._requests = {
            execution_id: generated(store, execution_id, catalog_of(pairs))
            for execution_id, pairs in (("exec-1", 101), ("exec-10", 102), ("exec-2", 50))
        }
        self._objects = objects_of(s3, self._bucket)

    def copy(
        self, s3: S3Client, executions: set[str]
    ) -> tuple[str, dict[str, OrchestratorRequest]]:
        """Create a bucket for executions, which also contains another execution's raw data."""
        kept = ("reports/", *(p for name in executions for p in intermediate_prefixes(name)))
        objects = {key: stored for key, stored in self._objects.items() if key.startswith(kept)}
        bucket = new_bucket(s3, objects | BYSTANDER)
        requests = {name: moved(self._requests[name], self._bucket, bucket) for name in executions}
        return bucket, requests

    def first_set(self) -> Objects:
        return {
            key: stored
            for key, stored in self._objects.items()
            if key.startswith("reports/exec-0/")
        }


BYSTANDER: Objects = {
    f"{folder}/exec-100/{name}": Stored(b"{}")
    for folder, name in (("raw-data", "catalog.json"), ("reports", "summary.json"))
}


@pytest.fixture(scope="module")
def prepared(moto_server: str) -> Prepared:
    direct = SerialS3()
    direct.url = moto_server
    # Fixtures of a module run before those of a test, which set the credentials.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        return Prepared(direct.client())


def whole_set(found: Objects, execution_id: str) -> dict[str, bytes]:
    """Return the files of a set after checking them against its summary."""
    prefix = f"reports/{execution_id}/"
    summary = json.loads(found[f"{prefix}summary.json"].content)
    files = {report["file"]: report["sha256"] for report in summary["reports_generated"].values()}
    assert len(files) == 9
    for name, digest in files.items():
        assert hashlib.sha256(found[f"{prefix}{name}"].content).hexdigest() == digest
    return {name: found[f"{prefix}{name}"].content for name in (*files, "summary.json")}


def pointed_to(found: Objects) -> str:
    """Return the execution whose set readers get, after checking the set."""
    pointer = json.loads(found["reports/latest.json"].content)
    assert pointer["prefix"] == f"reports/{pointer['execution_id']}/"
    whole_set(found, pointer["execution_id"])
    execution_id: str = pointer["execution_id"]
    return execution_id


def require_finished(prepared: Prepared, found: Objects, latest: str, executions: set[str]) -> None:
    """Check that executions left complete sets, and changed nothing else."""
    assert pointed_to(found) == latest
    for execution_id in executions:
        whole_set(found, execution_id)
        own = intermediate_prefixes(execution_id)
        assert not [key for key in found if key.startswith(own)]
    copies = {
        key.removeprefix("reports/latest/"): stored.content
        for key, stored in found.items()
        if key.startswith("reports/latest/")
    }
    assert copies == whole_set(found, latest)
    untouched = prepared.first_set() | BYSTANDER
    assert {key: found.get(key) for key in untouched} == untouched


class Death:
    """Kills a writer right after a write took effect, before the response arrives.

    Between two writes, the exact moment makes no difference, so this covers all of them.
    """

    def __init__(self, after_writes: int) -> None:
        self._left = after_writes
        self.dead = after_writes == 0

    def step(self, exchange: Exchange, fetch: Fetch) -> None:
        if not self.dead:
            answer = fetch()
            if exchange.request.method in WRITES:
                self._left -= 1
                self.dead = self._left == 0
            if not self.dead:
                relay(exchange, answer)
                return
        DEAD.act(exchange, fetch)


ALL_WRITES = 22
"""Nine files and the summary; the pointer; ten copies; the removal."""

POINTER_WRITE = 11


@settings(max_examples=EXAMPLES, suppress_health_check=HEALTH)
@given(writes=st.integers(2, 20))
@example(writes=0)
@example(writes=POINTER_WRITE - 2)
@example(writes=POINTER_WRITE - 1)
@example(writes=POINTER_WRITE)
@example(writes=ALL_WRITES - 1)
@example(writes=ALL_WRITES)
def test_killed_after_any_write_and_restarted_it_leaves_a_complete_set(
    prepared: Prepared, serial_s3: SerialS3, s3: S3Client, writes: int
) -> None:
    bucket, requests = prepared.copy(s3, {"exec-1"})
    store = store_in(serial_s3.client(), bucket)
    serial_s3.step = Death(writes).step
    # A failure after the pointer was switched does not fail the stage.
    with contextlib.nullcontext() if writes >= POINTER_WRITE + 1 else pytest.raises(S3Error):
        publish(requests["exec-1"], store)
    expected = "exec-1" if writes >= POINTER_WRITE else "exec-0"
    assert pointed_to(objects_of(s3, bucket)) == expected

    serial_s3.step = relay_answer
    result = publish(requests["exec-1"], store)
    assert (result.published, result.complete) == (True, True)
    require_finished(prepared, objects_of(s3, bucket), "exec-1", {"exec-1"})


def test_all_writes_are_listed(prepared: Prepared, serial_s3: SerialS3, s3: S3Client) -> None:
    bucket, requests = prepared.copy(s3, {"exec-1"})
    death = Death(ALL_WRITES + 1)
    serial_s3.step = death.step
    publish(requests["exec-1"], store_in(serial_s3.client(), bucket))
    assert not death.dead


class Turns:
    """Lets the requests of two clients through in a given order.

    Serves one request at a time. At the end of the order, or if the next client has finished, it
    serves requests in the order in which they arrive.
    """

    def __init__(self, order: Sequence[int]) -> None:
        self._order = deque(order)
        self._running = {0, 1}
        self._condition = threading.Condition()
        self.pointers: list[str] = []

    def step(self, exchange: Exchange, fetch: Fetch) -> None:
        actor = int(exchange.request.headers["User-Agent"].rpartition("actor-")[2][0])
        with self._condition:
            assert self._condition.wait_for(lambda: self._may(actor), timeout=60)
            if self._order and self._order[0] == actor:
                self._order.popleft()
            answer = fetch()
            request = exchange.request
            if request.method == "PUT" and request.path.endswith("/latest.json"):
                assert answer.status in {200, 412}
                if answer.status == 200:
                    self.pointers.append(json.loads(request.body)["execution_id"])
            self._condition.notify_all()
        relay(exchange, answer)

    def finish(self, actor: int) -> None:
        with self._condition:
            self._running.discard(actor)
            self._condition.notify_all()

    def _may(self, actor: int) -> bool:
        while self._order and self._order[0] not in self._running:
            self._order.popleft()
        return not self._order or self._order[0] == actor


ORDERS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), min_size=1, max_size=8).map(
    lambda runs: [actor for actor, length in runs for _ in range(length)]
)


@settings(max_examples=EXAMPLES, suppress_health_check=HEALTH)
@given(
    pair=st.sampled_from([("exec-1", "exec-10"), ("exec-1", "exec-1"), ("exec-1", "exec-2")]),
    order=ORDERS,
)
@example(pair=("exec-1", "exec-10"), order=[0, 1] * 60)
@example(pair=("exec-1", "exec-1"), order=[0, 1] * 60)
@example(pair=("exec-1", "exec-1"), order=[0] * 12 + [1] * 80)
def test_two_concurrent_executions_leave_complete_sets_and_the_newest_is_current(
    prepared: Prepared,
    serial_s3: SerialS3,
    s3: S3Client,
    pair: tuple[str, str],
    order: list[int],
) -> None:
    bucket, requests = prepared.copy(s3, set(pair))
    turns = Turns(order)
    serial_s3.step = turns.step
    results: dict[int, OrchestratorResult] = {}
    errors: list[Exception] = []

    def run(actor: int) -> None:
        store = store_in(serial_s3.client(f"actor-{actor}"), bucket)
        try:
            results[actor] = publish(requests[pair[actor]], store)
        except Exception as error:
            errors.append(error)
        finally:
            turns.finish(actor)

    threads = [threading.Thread(target=run, args=(actor,)) for actor in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []

    assert results[0].published
    # exec-2 has lost half of the pairs.
    assert (results[1].held_back is not None) == (pair[1] == "exec-2")
    assert results[1].published == (pair[1] != "exec-2")
    latest = "exec-10" if pair[1] == "exec-10" else "exec-1"
    done = {execution_id for execution_id in pair if execution_id != "exec-2"}
    require_finished(prepared, objects_of(s3, bucket), latest, done)
    assert turns.pointers == sorted(set(turns.pointers), key=["exec-1", "exec-10"].index)
