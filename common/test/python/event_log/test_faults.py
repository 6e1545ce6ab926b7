"""Runs while S3 fails, is slow, or loses a response. All over HTTP."""

from __future__ import annotations

import datetime as dt
import io
import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from event_log_testing.cloud import (
    KEY,
    PREFIX,
    CheckpointCloud,
    event_json,
    minutes,
    name_of,
    new_cloud,
)

from checkpoint_lambda.lambda_function import RunFailedError, lambda_handler
from event_log.event_file import Reason, RejectedError
from event_log.ledger import Ledger, entry, ledger_frame
from event_log.reader import EventReader, NotRead, ReadLimits, Source, Unread
from event_log.schema import EVENT_COLUMNS
from lambda_core import aws
from lambda_core.s3 import S3Error, S3Objects
from lambda_testing.fault_proxy import (
    Action,
    Fault,
    FaultProxy,
    Fetch,
    Matcher,
    all_of,
    always,
    every,
    first,
    hang,
    relay,
    reset_connection,
    respond,
    truncate,
)
from local_cloud.loopback_server import Exchange, ReceivedRequest

pytestmark = pytest.mark.usefixtures("_no_pauses")

REJECTED = "c/_events.rejected.parquet"

type Through = Callable[..., AbstractContextManager[FaultProxy]]


def on(method: str, part: str = "") -> Matcher:
    """Match requests with this method whose path and query contain `part`."""
    return lambda request: request.method == method and part in request.path


def error(status: int, code: str) -> Action:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return respond(status, body, {"Content-Type": "application/xml"}, outcome=code)


@pytest.fixture
def through(cloud: CheckpointCloud, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Through:
    """Puts a proxy with faults between the function and S3."""

    @contextmanager
    def put(*faults: Fault) -> Iterator[FaultProxy]:
        with FaultProxy(aws_endpoint, faults) as proxy, monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", proxy.url)
            yield proxy

    return put


EVENT_GET = on("GET", f"/{PREFIX}log-")


class TestReading:
    @pytest.mark.parametrize(
        "action",
        [error(503, "SlowDown"), error(500, "InternalError"), reset_connection(), truncate()],
        ids=["throttled", "failed", "reset", "cut off"],
    )
    def test_transient_failure_is_retried(
        self, cloud: CheckpointCloud, through: Through, action: Action
    ) -> None:
        for number in range(3):
            cloud.put(name_of(number), ptid=str(number))
        with through(Fault(all_of(EVENT_GET, first(2)), action)) as proxy:
            assert cloud.quiet()["new_events_processed"] == 3
        assert proxy.outcomes[action.outcome] == 2
        assert cloud.ptids() == ["0", "1", "2"]

    @pytest.mark.parametrize(
        "action",
        [error(503, "SlowDown"), error(403, "AccessDenied"), error(400, "ExpiredToken")],
        ids=["throttled", "denied", "expired"],
    )
    def test_lasting_failure_is_reported_and_the_next_run_recovers(
        self, cloud: CheckpointCloud, through: Through, action: Action
    ) -> None:
        for number in range(3):
            cloud.put(name_of(number), ptid=str(number))
        with through(Fault(on("GET", name_of(1)), action)):
            answer = cloud.run()
        assert answer["statusCode"] == 207
        assert answer["details"] == {"failed_files": [PREFIX + name_of(1)], "error_count": 1}
        assert (answer["events_failed"], answer["balance"]["failed"]) == (1, 1)
        assert answer["complete"] is False
        assert cloud.ptids() == ["0", "2"]
        assert REJECTED not in cloud.stored_keys()
        assert cloud.quiet()["new_events_processed"] == 1

    def test_failures_of_keys_that_are_not_valid_paths(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        key = cloud.put("log-submit-20240115-100000-42-form-/-01.json", ptid="/")
        with through(Fault(EVENT_GET, error(403, "AccessDenied"))):
            answer = cloud.run()
        assert (answer["statusCode"], answer["details"]["failed_files"]) == (207, [key])
        with through(Fault(all_of(EVENT_GET, first(2)), error(503, "SlowDown"))):
            assert cloud.quiet()["new_events_processed"] == 1

    def test_permanently_unreadable_object_is_rejected(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))
        with through(Fault(EVENT_GET, error(400, "InvalidRequest"))):
            assert cloud.quiet()["balance"]["rejected"] == 1
        assert cloud.frame(REJECTED)["reason"].to_list() == ["unreadable"]
        assert cloud.quiet()["new_events_processed"] == 0
        assert cloud.quiet(retry_rejected=True)["new_events_processed"] == 1

    def test_hanging_object_takes_no_longer_than_the_limit(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        """The function's time margin for saving depends on this limit."""
        limits = ReadLimits(attempts=20, request_seconds=0.3)
        key = cloud.put(name_of(1))
        with through(Fault(EVENT_GET, hang())):
            reader = EventReader(aws.client("s3"), cloud.source, limits)
            begun = time.monotonic()
            outcome = reader.read(Source(key, "", None, dt.datetime.now(dt.UTC), 1))
            seconds = time.monotonic() - begun
        assert isinstance(outcome, NotRead)
        assert outcome.why is Unread.FAILED
        assert seconds < 2 * limits.request_seconds + 1 < limits.longest_seconds

    def test_object_deleted_after_listing_is_gone(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))
        cloud.put(f"log-submit-20240115-100000-42-form-{'/'}-01.json", ptid="/")
        with through(Fault(EVENT_GET, error(404, "NoSuchKey"))):
            assert cloud.quiet()["balance"]["gone"] == 2

    def test_object_replaced_after_listing_is_read_in_its_new_version(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1), ptid="1")

        def replace(exchange: Exchange, fetch: Fetch) -> None:
            cloud.put(name_of(1), ptid="2")
            relay(exchange, fetch())

        with through(Fault(EVENT_GET, Action("replaced", replace))):
            assert cloud.quiet()["new_events_processed"] == 1
        assert cloud.ptids() == ["2"]
        assert cloud.quiet()["new_events_processed"] == 0

    def test_object_that_grew_after_listing_is_rejected(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))

        def replace(exchange: Exchange, fetch: Fetch) -> None:
            cloud.put(name_of(1), b" " * (2 * 1024 * 1024))
            relay(exchange, fetch())

        with through(Fault(EVENT_GET, Action("replaced", replace))):
            assert cloud.quiet()["balance"]["rejected"] == 1
        assert cloud.frame(REJECTED)["reason"].to_list() == ["too_large"]

    def test_too_large_object_is_not_requested(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1), b" " * (2 * 1024 * 1024))
        with through(Fault(EVENT_GET, error(500, "requested"))) as proxy:
            cloud.quiet()
        assert proxy.outcomes["requested"] == 0

    def test_no_event_is_requested_if_nothing_is_new(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))
        cloud.put(name_of(2), b"{")
        cloud.put(name_of(3), project_label="sandbox-x")
        cloud.quiet()
        with through(Fault(EVENT_GET, error(500, "requested"))) as proxy:
            cloud.quiet()
        assert proxy.outcomes["requested"] == 0
        assert proxy.calls["PUT"] == 0


class TestState:
    @pytest.mark.parametrize("status", [403, 500, 503])
    @pytest.mark.parametrize("key", [KEY, REJECTED, "c/_events.left-out.parquet"])
    def test_unreadable_state_is_never_treated_as_missing(
        self, cloud: CheckpointCloud, through: Through, status: int, key: str
    ) -> None:
        for number in range(3):
            cloud.put(name_of(number))
        cloud.quiet()
        before = cloud.content()
        cloud.put(name_of(4))
        with through(Fault(on("GET", f"/{cloud.target}/{key}"), respond(status))):
            answer = cloud.run()
        assert answer["statusCode"] == 500
        assert key in answer["message"]
        assert cloud.content() == before
        assert cloud.quiet()["total_events"] == 4

    def test_failed_listing_is_an_error(self, cloud: CheckpointCloud, through: Through) -> None:
        cloud.put(name_of(1))
        with through(Fault(on("GET", "list-type"), error(403, "AccessDenied"))):
            answer = cloud.run()
        assert (answer["statusCode"], answer["error"]) == (500, "S3Error")
        assert cloud.stored_keys() == []

    def test_next_run_recovers_from_a_failed_write(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))
        with through(Fault(on("PUT"), error(403, "AccessDenied"))):
            answer = cloud.run()
        assert (answer["statusCode"], answer["error"]) == (500, "CheckpointError")
        assert cloud.quiet()["new_events_processed"] == 1

    def test_lost_response_to_a_write_adds_nothing_twice(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))

        def lose(exchange: Exchange, fetch: Fetch) -> None:
            fetch()
            exchange.reset()

        with through(Fault(all_of(on("PUT", KEY), first(1)), Action("lost", lose))):
            assert cloud.quiet()["total_events"] == 1

    def test_concurrent_write_is_merged(self, cloud: CheckpointCloud, through: Through) -> None:
        cloud.put(name_of(1), ptid="1", timestamp=minutes(1))
        cloud.quiet()
        cloud.put(name_of(2), ptid="2", timestamp=minutes(0))
        inner: list[int] = []

        def other_first(exchange: Exchange, fetch: Fetch) -> None:
            if not inner:
                inner.append(1)
                cloud.put(name_of(3), ptid="3", timestamp=minutes(9))
                inner.append(other.quiet()["new_events_processed"])
            relay(exchange, fetch())

        other = cloud
        with through(Fault(on("PUT", KEY), Action("raced", other_first))):
            answer = cloud.run()
        assert inner == [1, 2]
        assert (answer["statusCode"], answer["total_events"]) == (200, 3)
        assert answer["balance"]["in_checkpoint"] == 2
        assert cloud.frame()["ptid"].to_list() == ["2", "1", "3"]
        assert cloud.quiet()["new_events_processed"] == 0

    @pytest.mark.parametrize(
        ("other", "expected"), [("broken", "DamagedCheckpointError"), ("public", "AdoptionError")]
    )
    def test_concurrent_write_of_something_else_is_not_overwritten(
        self, cloud: CheckpointCloud, through: Through, other: str, expected: str
    ) -> None:
        cloud.put(name_of(1))
        cloud.quiet()
        cloud.put(name_of(2))
        content = cloud.frame().select(EVENT_COLUMNS) if other == "public" else b"broken"

        def replace(exchange: Exchange, fetch: Fetch) -> None:
            cloud.write(content)
            relay(exchange, fetch())

        with through(Fault(all_of(on("PUT", KEY), first(1)), Action("replaced", replace))):
            answer = cloud.run()
        assert (answer["statusCode"], answer["error"]) == (500, expected)
        if other == "public":
            assert cloud.quiet()["total_events"] == 2

    def test_failed_backup_is_reported(self, cloud: CheckpointCloud, through: Through) -> None:
        cloud.put(name_of(1))
        cloud.write(b"broken")
        with through(Fault(on("PUT", "damaged"), error(403, "AccessDenied"))):
            answer = cloud.run()
        assert answer["error"] == "CheckpointError"
        assert "could not be backed up" in answer["message"]
        assert cloud.content() == b"broken"

    def test_concurrent_runs_lose_and_duplicate_nothing(self, cloud: CheckpointCloud) -> None:
        answers: list[int] = []
        failures: list[BaseException] = []

        def run(turn: int) -> None:
            try:
                for number in range(10):
                    cloud.put(name_of(turn * 10 + number), ptid=f"{turn}-{number}")
                    if number % 5 == 4:
                        answers.append(cloud.run()["statusCode"])
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=run, args=(turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert set(answers) == {200}
        cloud.quiet()
        assert cloud.ptids() == sorted(f"{a}-{b}" for a in range(4) for b in range(10))

    def test_next_run_saves_a_group_that_failed(self, aws_endpoint: str, through: Through) -> None:
        groups = new_cloud(aws_endpoint, checkpoint_key_template="g/{study}/{datatype}.parquet")
        groups.put(name_of(1), ptid="1")
        groups.put(name_of(2), ptid="2", datatype="gwas", module=None)
        with through(Fault(on("PUT", "g/adrc/form"), error(403, "AccessDenied"))):
            answer = groups.run()
        assert (answer["statusCode"], answer["balance"]["unsaved"]) == (207, 1)
        assert [group["datatype"] for group in answer["failed_groups"]] == ["form"]
        assert groups.quiet()["new_events_processed"] == 1
        assert groups.ptids("g/adrc/form.parquet") == ["1"]

    def test_rebuild_does_not_overwrite_a_concurrent_change(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))
        cloud.quiet()
        conflict = Fault(
            lambda request: request.method == "PUT" and request.path.endswith(KEY),
            error(412, "PreconditionFailed"),
        )
        before = cloud.content()
        with through(conflict):
            answer = cloud.run(rebuild=True)
        assert (answer["statusCode"], answer["error"]) == (500, "CheckpointConflictError")
        assert cloud.content() == before

    def test_run_fails_after_too_many_conflicts(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        cloud.put(name_of(1))
        with through(Fault(on("PUT"), error(412, "PreconditionFailed"))):
            answer = cloud.run()
        assert answer["error"] == "CheckpointConflictError"
        assert "20 times during the run" in answer["message"]


def kept_alive(error: BaseException | None) -> Iterator[object]:
    """Yield the local variables that the traceback of an error keeps alive."""
    while error:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            yield from frame.f_locals.values()
        error = error.__cause__


class TestBuffers:
    """CPython 3.12.1 crashes at exit if it collects a BytesIO together with a view of it."""

    def test_failed_write_leaves_no_exported_buffer(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        key = cloud.put(name_of(1), b"{")
        source = Source(key, "e", None, dt.datetime.now(dt.UTC), 1)
        entries = ledger_frame([entry(source, "json", (), dt.datetime.now(dt.UTC))])
        with (
            through(Fault(on("PUT"), error(403, "AccessDenied"))),
            pytest.raises(S3Error) as caught,
        ):
            Ledger(S3Objects(aws.client("s3"), cloud.target), REJECTED).update(entries)
        kinds = {type(value) for value in kept_alive(caught.value)}
        assert bytes in kinds, "the content is among the variables"
        assert kinds.isdisjoint([memoryview, io.BytesIO])

    def test_events_are_parsed_from_a_copy_of_the_response(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contents: list[object] = []

        def parse(content: bytes) -> None:
            contents.append(content)
            raise RejectedError(Reason.JSON, ())

        monkeypatch.setattr("event_log.reader.parse_event", parse)
        for key in (name_of(1), "log-submit-20240115-100000-42-form-/-01.json"):
            cloud.put(key)
        cloud.quiet()
        assert [type(content) for content in contents] == [bytes, bytes]


class TestCrashes:
    def test_next_run_recovers_wherever_a_run_ends(
        self, aws_endpoint: str, through: Through
    ) -> None:
        """Every call from the n-th on fails, for each n until a run succeeds."""
        for survived in range(100):
            cloud = new_cloud(aws_endpoint)
            cloud.put(name_of(1), ptid="1", packet="I")
            cloud.put(name_of(2), b"{")
            cloud.quiet()
            cloud.put(name_of(1), ptid="1", packet="F")
            cloud.put(name_of(3), project_label="sandbox-x")
            cloud.put(name_of(4), b"{}")
            done = first(survived)

            def from_then_on(request: ReceivedRequest, done: Matcher = done) -> bool:
                return not done(request)

            with through(Fault(from_then_on, error(403, "AccessDenied"))):
                answer = cloud.run()
            quiet = cloud.quiet()
            assert quiet["balance"]["in_checkpoint"] == 1
            assert quiet["balance"]["rejected"] == 2
            assert quiet["balance"]["filtered"] == 1
            assert sorted(cloud.frame()["packet"]) == ["F", "I"]
            if answer["statusCode"] == 200:
                break
        assert 5 < survived < 50


class TestRaising:
    def test_raise_on_error_raises_the_response(
        self, cloud: CheckpointCloud, through: Through, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAISE_ON_ERROR", "true")
        cloud.put(name_of(1))
        with (
            through(Fault(on("GET", "list-type"), error(403, "AccessDenied"))),
            pytest.raises(RunFailedError) as caught,
        ):
            cloud.run()
        content = json.loads(str(caught.value))
        assert (content["statusCode"], content["error"]) == (500, "S3Error")
        with pytest.raises(RunFailedError, match='"statusCode": 400'):
            lambda_handler({}, None)
        with through(Fault(EVENT_GET, error(403, "AccessDenied"))):
            assert cloud.run()["statusCode"] == 207

    def test_occasional_throttling_only_takes_time(
        self, cloud: CheckpointCloud, through: Through
    ) -> None:
        for number in range(20):
            cloud.put(name_of(number), event_json(ptid=str(number)))
        with through(Fault(all_of(always, every(3)), error(503, "SlowDown"))):
            assert cloud.quiet()["total_events"] == 20
