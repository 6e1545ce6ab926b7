"""Every interleaving of uploads, runs, crashes and faults ends with one row per file.

The model keeps everything that a versioned bucket ever contained. Without versioning, it keeps what
a run may have seen. A fault is an error response from S3, starting with the n-th request of a run.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from event_log_testing.cloud import PREFIX, CheckpointCloud, event_json, minutes, new_cloud
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from event_log.event_file import RejectedError, parse_event
from lambda_testing.fault_proxy import Fault, FaultProxy, respond
from local_cloud.loopback_server import ReceivedRequest

type Row = tuple[str, str, str, dt.datetime]

ENDPOINT = {"url": ""}

NAMES = [
    f"log-submit-202401{day:02}-100000-42-form-{ptid}-01.json"
    for day, ptid in ((1, "a"), (2, "b"), (3, "/"), (4, "%41"))
]

names = st.sampled_from(NAMES)

BROKEN = [b"", b"{", b"\xff", b"[" * 9999, event_json(ptid="")]


class Machine(RuleBasedStateMachine):
    """A source bucket, a checkpoint or groups, and failing runs."""

    cloud: CheckpointCloud

    @initialize(versioned=st.booleans(), grouped=st.booleans())
    def begin(self, versioned: bool, grouped: bool) -> None:
        event = {"checkpoint_key_template": "g/{study}/{datatype}.parquet"} if grouped else {}
        self.cloud = new_cloud(ENDPOINT["url"], **event)
        self.versioned = versioned
        self.grouped = grouped
        if versioned:
            self.cloud.versioned()
        self.current: dict[str, bytes] = {}
        # What must be a row, and what may be a row because a failed run may have read it.
        self.must: set[tuple[str, bytes]] = set()
        self.may: set[tuple[str, bytes]] = set()
        self.seen_rows: set[Row] = set()

    def put(self, name: str, content: bytes) -> None:
        self.cloud.put(name, content)
        self.current[name] = content
        self.may.add((name, content))
        if self.versioned:
            self.must.add((name, content))

    @rule(name=names, late=st.integers(-5, 5), packet=st.sampled_from("IFT"))
    def upload(self, name: str, late: int, packet: str) -> None:
        self.put(name, event_json(timestamp=minutes(late), packet=packet))

    @rule(name=names, study=st.sampled_from(["adrc", "../evil", "clariti"]))
    def upload_to_a_study(self, name: str, study: str) -> None:
        self.put(name, event_json(study=study))

    @rule(name=names)
    def upload_sandbox_event(self, name: str) -> None:
        self.put(name, event_json(project_label="sandbox-x"))

    @rule(
        name=names, content=st.sampled_from([b"", b"{", b"\xff", b"[" * 9999, event_json(ptid="")])
    )
    def upload_broken(self, name: str, content: bytes) -> None:
        self.put(name, content)

    @precondition(lambda self: self.current)
    @rule(data=st.data())
    def upload_again(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.current)))
        self.put(name, self.current[name])

    @precondition(lambda self: self.current)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.current)))
        self.cloud.s3.delete_object(Bucket=self.cloud.source, Key=PREFIX + name)
        del self.current[name]

    @rule()
    def run(self) -> None:
        assert self.cloud.run()["statusCode"] == 200
        self.settle()

    @rule(rebuild=st.booleans(), retry_rejected=st.booleans())
    def run_with_options(self, rebuild: bool, retry_rejected: bool) -> None:
        answer = self.cloud.run(rebuild=rebuild, retry_rejected=retry_rejected)
        assert answer["statusCode"] == 200
        self.settle()

    @rule(calls=st.integers(0, 12), status=st.sampled_from([403, 500]))
    def run_that_crashes(self, calls: int, status: int) -> None:
        count = iter(range(calls))
        with self.faults(lambda _: next(count, None) is None, status):
            self.cloud.run()

    @rule(seed=st.integers(0, 999), share=st.sampled_from([0.05, 0.3]))
    def run_with_transient_errors(self, seed: int, share: float) -> None:
        chance = random.Random(seed)  # noqa: S311 - not used for security
        with self.faults(lambda _: chance.random() < share, 503):
            self.cloud.run()

    @rule(crash=st.booleans())
    def two_runs_at_once(self, crash: bool) -> None:
        answers: list[dict[str, Any]] = []
        count = iter(range(9))
        threads = [
            threading.Thread(target=lambda: answers.append(self.cloud.run())) for _ in range(2)
        ]
        with self.faults(lambda _: crash and next(count, None) is None, 500):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(answers) == 2
        assert crash or {answer["statusCode"] for answer in answers} == {200}
        if not crash:
            self.settle()

    @contextmanager
    def faults(self, matches: Any, status: int) -> Iterator[None]:  # noqa: ANN401 - a matcher
        lock = threading.Lock()

        def one_at_a_time(request: ReceivedRequest) -> bool:
            with lock:
                return bool(matches(request))

        with (
            FaultProxy(ENDPOINT["url"], [Fault(one_at_a_time, respond(status))]) as proxy,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("AWS_ENDPOINT_URL", proxy.url)
            yield

    def settle(self) -> None:
        """Record a successful run: it read every current file."""
        self.must |= {(name, content) for name, content in self.current.items()}

    def rows(self) -> list[Row]:
        keys = [
            key
            for key in self.cloud.stored_keys()
            if key.endswith(".parquet")
            # Sidecar files are not part of the table of events.
            and not key.rpartition("/")[2].startswith("_")
        ]
        found = []
        for key in keys:
            frame = self.cloud.frame(key)
            assert frame["timestamp"].is_sorted()
            found += frame.select("source_key", "study", "packet", "timestamp").rows()
        return found

    @invariant()
    def rows_are_never_duplicated_or_lost(self) -> None:
        if not hasattr(self, "cloud"):
            return
        rows = self.rows()
        assert len(rows) == len(set(rows))
        allowed = expected(self.may)
        assert set(rows) <= allowed
        assert self.seen_rows <= set(rows)
        self.seen_rows = set(rows)

    def teardown(self) -> None:
        if not hasattr(self, "cloud"):
            return
        answer = self.cloud.quiet()
        self.settle()
        rows = self.rows()
        assert len(rows) == len(set(rows)) == answer["total_events"]
        assert expected(self.must) <= set(rows) <= expected(self.may)
        balance = answer["balance"]
        failing = ("failed", "unsaved", "deferred", "gone", "archived")
        assert [balance[name] for name in failing] == [0] * len(failing)
        if self.versioned:
            assert set(rows) == expected(self.must)
        again = self.cloud.quiet()
        assert again["new_events_processed"] == 0
        assert again["balance"] == balance


def expected(files: set[tuple[str, bytes]]) -> set[Row]:
    """Return the rows of files, each as the values that identify it."""
    found = set()
    for name, content in files:
        try:
            event = parse_event(content)
        except RejectedError:
            continue
        if not event.is_sandbox:
            found.add((PREFIX + name, event.study, event.packet or "", event.timestamp))
    return found


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.timeout(3_000)
def test_every_interleaving_ends_with_one_row_per_file(aws_endpoint: str) -> None:
    ENDPOINT["url"] = aws_endpoint
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=settings().max_examples // 3,
            stateful_step_count=14,
            # Shrinking an example of this size takes minutes and makes it little clearer.
            phases=[Phase.explicit, Phase.generate],
        ),
    )
