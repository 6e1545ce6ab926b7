from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.aws import client
from lambda_core.retry import Retry, RetryPolicy
from lambda_core.s3 import (
    DeleteError,
    Fetched,
    ObjectNotFoundError,
    PreconditionFailedError,
    S3Error,
    S3Objects,
    StoredObject,
    WriteUnknownError,
    require_key,
    require_prefix,
)
from lambda_testing.fault_proxy import (
    Action,
    Fault,
    FaultProxy,
    Fetch,
    UpstreamResponse,
    always,
    relay,
    respond,
    truncate,
)
from local_cloud.loopback_server import Exchange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

type Step = Callable[[Exchange, Fetch], None]

BROKEN = respond(500).act


def xml_error(status: int, code: str) -> Step:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return respond(status, body).act


class Moto:
    """moto's server; a test may intervene between a request and its response.

    moto checks a condition and then writes, but S3 does both atomically. So this serves one request
    at a time.
    """

    def __init__(self) -> None:
        self.url = ""
        self.step: Step | None = None
        self._lock = threading.Lock()

    def act(self, exchange: Exchange, fetch: Fetch) -> None:
        def serve() -> UpstreamResponse:
            with self._lock:
                return fetch()

        if self.step:
            self.step(exchange, serve)
        else:
            relay(exchange, serve())


@pytest.fixture
def moto(moto_server: str) -> Iterator[Moto]:
    moto = Moto()
    with FaultProxy(moto_server, [Fault(always, Action("stepped", moto.act))]) as proxy:
        moto.url = proxy.url
        yield moto


def two_a_page(s3: S3Client) -> None:
    """Limit the client's pages to two objects."""
    s3.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2",
        lambda params, **_: params.setdefault("MaxKeys", 2),
    )


@pytest.fixture
def s3(moto: Moto) -> S3Client:
    return client("s3", region="us-east-1", endpoint_url=moto.url)


@pytest.fixture
def objects(s3: S3Client) -> S3Objects:
    bucket = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    return S3Objects(s3, bucket, retry=RetryPolicy(attempts=3, base_seconds=0))


def test_a_written_object_can_be_read(objects: S3Objects) -> None:
    etag = objects.put("a/b.json", b"{}", content_type="application/json", metadata={"by": "me"})
    stored = objects.get("a/b.json")
    assert (stored.content, stored.etag, stored.metadata) == (b"{}", etag, {"by": "me"})
    age = dt.datetime.now(dt.UTC) - stored.last_modified
    assert abs(age) < dt.timedelta(minutes=5)


def test_a_missing_object(objects: S3Objects) -> None:
    with pytest.raises(ObjectNotFoundError) as caught:
        objects.get("nothing")
    assert str(caught.value) == f"object 'nothing' does not exist in bucket {objects.bucket}"
    assert caught.value.transient is False
    assert objects.find("nothing") is None


def test_a_missing_bucket_is_not_a_missing_object(s3: S3Client) -> None:
    with pytest.raises(S3Error, match="NoSuchBucket") as caught:
        S3Objects(s3, "never-created").find("a")
    assert not isinstance(caught.value, ObjectNotFoundError)


def test_a_denied_read_is_not_a_missing_object(objects: S3Objects, moto: Moto) -> None:
    moto.step = xml_error(403, "AccessDenied")
    with pytest.raises(S3Error, match="s3:ListBucket") as caught:
        objects.find("a")
    assert caught.value.context["code"] == "AccessDenied"
    assert caught.value.transient is False


def test_a_failure_is_retried_then_raised(objects: S3Objects, moto: Moto) -> None:
    calls: list[int] = []

    def broken(exchange: Exchange, fetch: Fetch) -> None:
        calls.append(1)
        BROKEN(exchange, fetch)

    moto.step = broken
    with pytest.raises(S3Error, match="cannot read 'a'") as caught:
        objects.find("a")
    assert len(calls) == 3
    assert caught.value.transient is True


def test_a_truncated_body_is_read_again(objects: S3Objects, moto: Moto) -> None:
    objects.put("a", b"0123456789")
    cut: list[int] = []

    def cut_once(exchange: Exchange, fetch: Fetch) -> None:
        if cut:
            relay(exchange, fetch())
        else:
            cut.append(1)
            truncate(4).act(exchange, fetch)

    moto.step = cut_once
    assert objects.get("a").content == b"0123456789"
    assert cut == [1]


def test_files_are_transferred_in_pieces(objects: S3Objects, moto: Moto, tmp_path: Path) -> None:
    content = bytes(range(256)) * 16_384
    (tmp_path / "in").write_bytes(content)
    # The first response is lost, so the second attempt has to send the whole file again.
    moto.step = LoseAnswer()
    etag = objects.put("a", tmp_path / "in", if_none_match=True)
    moto.step = None
    cut: list[int] = []

    def cut_once(exchange: Exchange, fetch: Fetch) -> None:
        cut.append(1)
        (truncate(1000).act if len(cut) == 1 else lambda e, f: relay(e, f()))(exchange, fetch)

    moto.step = cut_once
    found = objects.download("a", tmp_path / "out")
    assert (found.etag, found.path.read_bytes(), len(cut)) == (etag, content, 2)
    moto.step = None
    with pytest.raises(ObjectNotFoundError):
        objects.download("b", tmp_path / "none")


def test_retries_are_reported(s3: S3Client, moto: Moto, objects: S3Objects) -> None:
    reported: list[Retry] = []
    watched = S3Objects(
        s3, objects.bucket, retry=RetryPolicy(attempts=2, base_seconds=0), on_retry=reported.append
    )
    moto.step = BROKEN
    with pytest.raises(S3Error):
        watched.put("a", b"")
    assert len(reported) == 1


def test_if_none_match_writes_only_new_objects(objects: S3Objects) -> None:
    objects.put("a", b"first", if_none_match=True)
    with pytest.raises(PreconditionFailedError, match="another writer changed"):
        objects.put("a", b"second", if_none_match=True)
    assert objects.get("a").content == b"first"


def test_if_match_writes_only_unchanged_objects(objects: S3Objects) -> None:
    old = objects.put("a", b"1")
    new = objects.put("a", b"2", if_match=old)
    with pytest.raises(PreconditionFailedError):
        objects.put("a", b"3", if_match=old)
    assert objects.get("a").etag == new


def test_if_match_fails_for_a_deleted_object(objects: S3Objects) -> None:
    etag = objects.put("a", b"1")
    objects.delete(["a"])
    with pytest.raises(PreconditionFailedError):
        objects.put("a", b"2", if_match=etag)


def test_a_concurrent_write_is_a_conflict(objects: S3Objects, moto: Moto) -> None:
    moto.step = xml_error(409, "ConditionalRequestConflict")
    with pytest.raises(PreconditionFailedError):
        objects.put("a", b"", if_none_match=True)


def test_an_unconditional_write_is_never_a_conflict(s3: S3Client) -> None:
    with pytest.raises(S3Error, match="NoSuchBucket") as caught:
        S3Objects(s3, "never-created").put("a", b"")
    assert not isinstance(caught.value, PreconditionFailedError)


class LoseAnswer:
    """Forwards the first write, calls `then`, and breaks the connection instead of answering."""

    def __init__(self, then: Callable[[], object] | None = None) -> None:
        self.lost = False
        self._then = then

    def __call__(self, exchange: Exchange, fetch: Fetch) -> None:
        response = fetch()
        if exchange.request.method != "PUT" or self.lost:
            relay(exchange, response)
            return
        self.lost = True
        if self._then:
            self._then()
        BROKEN(exchange, fetch)


def test_a_write_with_a_lost_response_is_recognized(objects: S3Objects, moto: Moto) -> None:
    moto.step = LoseAnswer()
    etag = objects.put("a", b"mine", if_none_match=True)
    assert objects.get("a").etag == etag


def test_a_change_with_a_lost_response_is_made_once(objects: S3Objects, moto: Moto) -> None:
    objects.put("n", b"0")
    moto.step = LoseAnswer()
    objects.update("n", increment)
    moto.step = None
    assert objects.get("n").content == b"1"


def test_a_write_with_an_unknown_result_is_not_repeated(objects: S3Objects, moto: Moto) -> None:
    objects.put("n", b"0")
    moto.step = LoseAnswer(then=lambda: objects.update("n", increment))
    with pytest.raises(WriteUnknownError, match="compare its content"):
        objects.update("n", increment)
    moto.step = None
    assert objects.get("n").content == b"2"


def increment(stored: StoredObject | None) -> bytes:
    return str(int(stored.content if stored else 0) + 1).encode()


def test_an_update_keeps_the_metadata(objects: S3Objects) -> None:
    objects.put("n", b"4", metadata={"by": "me"})
    objects.update("n", increment)
    objects.update("n", increment)
    stored = objects.get("n")
    assert stored.content == b"6"
    assert stored.metadata["by"] == "me"


def test_concurrent_updates_lose_nothing(objects: S3Objects) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(6):
                objects.update("n", increment)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert objects.get("n").content == b"36"


def test_an_update_ends_after_many_conflicts(s3: S3Client, objects: S3Objects) -> None:
    patient = S3Objects(s3, objects.bucket, sleep=lambda _seconds: None)

    def change(stored: StoredObject | None) -> bytes:
        objects.put("n", increment(stored))
        return b"late"

    with pytest.raises(PreconditionFailedError) as caught:
        patient.update("n", change)
    assert caught.value.context["conflicts"] == 20
    assert objects.get("n").content == b"20"


def test_lists_all_pages(objects: S3Objects, s3: S3Client) -> None:
    two_a_page(s3)
    keys = [f"run-1/{name}" for name in ("a", "b b", "c+%", "d/e", "ü")]
    for key in keys:
        objects.put(key, key.encode())
    objects.put("run-10/x", b"")
    listed = list(objects.list("run-1/"))
    assert [summary.key for summary in listed] == keys
    assert [summary.size for summary in listed] == [len(key.encode()) for key in keys]
    assert listed[0].etag == objects.get(keys[0]).etag
    assert listed[0].last_modified.tzinfo is not None
    assert list(objects.list("none/")) == []


def test_lists_the_objects_after_a_key(objects: S3Objects, s3: S3Client) -> None:
    two_a_page(s3)
    for name in "abcde":
        objects.put(f"x/{name}", b"")
    after = [summary.key for summary in objects.list("x/", start_after="x/b")]
    assert after == ["x/c", "x/d", "x/e"]
    versions = objects.list_versions("x/", start_after="x/b")
    assert [summary.key for summary in versions] == after


def test_lists_all_versions(objects: S3Objects, s3: S3Client) -> None:
    s3.meta.events.register(
        "before-parameter-build.s3.ListObjectVersions",
        lambda params, **_: params.setdefault("MaxKeys", 2),
    )
    assert objects.keeps_versions() is False
    s3.put_bucket_versioning(Bucket=objects.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert objects.keeps_versions() is True
    etags = [objects.put("a/x", bytes([n])) for n in range(5)]
    s3.delete_object(Bucket=objects.bucket, Key="a/x")
    objects.put("b", b"")
    listed = [*objects.list_versions("a/")]
    assert [version.etag for version in listed] == etags[::-1]
    assert len({version.version_id for version in listed}) == 5
    assert [*objects.list("a/")] == []


def test_endless_versions_are_an_error(objects: S3Objects, moto: Moto) -> None:
    page = b"<ListVersionsResult><IsTruncated>true</IsTruncated>%s</ListVersionsResult>"
    marker = b"<NextKeyMarker>a</NextKeyMarker>"
    for answer, message in ((page % marker, "repeats the marker"), (page % b"", "has no marker")):
        moto.step = respond(200, answer).act
        with pytest.raises(S3Error, match=message):
            list(objects.list_versions(""))
    moto.step = xml_error(403, "AccessDenied")
    with pytest.raises(S3Error, match="versions of 'a/'"):
        list(objects.list_versions("a/"))
    with pytest.raises(S3Error, match="keeps versions"):
        objects.keeps_versions()


def test_endless_pages_are_an_error(objects: S3Objects, s3: S3Client, moto: Moto) -> None:
    two_a_page(s3)
    for name in "abcde":
        objects.put(name, b"")
    first: list[UpstreamResponse] = []

    def always_the_first(exchange: Exchange, fetch: Fetch) -> None:
        first.append(fetch())
        relay(exchange, first[0])

    moto.step = always_the_first
    with pytest.raises(S3Error, match="repeats the token"):
        list(objects.list(""))


def test_a_page_without_token_is_an_error(objects: S3Objects, moto: Moto) -> None:
    moto.step = respond(
        200, b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"
    ).act
    with pytest.raises(S3Error, match="has no token"):
        list(objects.list(""))


def test_a_failed_list_is_not_empty(objects: S3Objects, moto: Moto) -> None:
    moto.step = xml_error(403, "AccessDenied")
    with pytest.raises(S3Error, match="cannot list 'a/'"):
        list(objects.list("a/"))


def test_deletes_more_objects_than_a_batch(objects: S3Objects) -> None:
    for name in ("a", "b", "keep"):
        objects.put(name, b"")
    keys = ["a", *(f"missing-{number}" for number in range(1500)), "b", "a"]
    assert objects.delete(keys) == 1502
    assert [summary.key for summary in objects.list("")] == ["keep"]
    assert objects.delete([]) == 0


def test_the_error_names_objects_that_were_not_deleted(objects: S3Objects, moto: Moto) -> None:
    moto.step = respond(
        200,
        b"<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message>"
        b"</Error></DeleteResult>",
    ).act
    with pytest.raises(DeleteError, match=r"1 of 2 objects.*'b': AccessDenied") as caught:
        objects.delete(["a", "b"])
    assert caught.value.context["failed"] == {"b": "AccessDenied: no"}


def test_a_failed_delete_call(objects: S3Objects, moto: Moto) -> None:
    moto.step = BROKEN
    with pytest.raises(S3Error, match="cannot delete"):
        objects.delete(["a"])


def test_get_many(objects: S3Objects) -> None:
    keys = [f"k{number}" for number in range(25)]
    for key in keys:
        objects.put(key, key.encode())
    fetched = {item.key: item for item in objects.get_many([*keys, "missing"], workers=4)}
    assert len(fetched) == 26
    missing = fetched.pop("missing")
    assert isinstance(missing.error, ObjectNotFoundError)
    assert missing.stored is None
    assert {key: item.stored.content for key, item in fetched.items() if item.stored} == {
        key: key.encode() for key in keys
    }


def test_get_many_reads_no_further_ahead_than_its_window(objects: S3Objects) -> None:
    taken: list[str] = []

    def keys() -> Iterator[str]:
        for number in range(1000):
            taken.append(str(number))
            yield str(number)

    reading = objects.get_many(keys(), workers=3)
    for consumed in range(1, 11):
        assert isinstance(next(reading), Fetched)
        assert len(taken) <= consumed + 2 * 3
    assert isinstance(reading, Iterator)
    reading.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(taken) <= 10 + 2 * 3


def test_get_many_without_keys(objects: S3Objects) -> None:
    assert list(objects.get_many([], workers=3)) == []


def test_get_many_without_workers_is_rejected(objects: S3Objects) -> None:
    with pytest.raises(ValueError, match="workers"):
        list(objects.get_many(["a"], workers=0))


@pytest.mark.parametrize("prefix", ["a/", "raw-data/exec-1/", "ü/x y/"])
def test_valid_prefixes(prefix: str) -> None:
    assert require_prefix(prefix) == prefix


@pytest.mark.parametrize(
    "prefix", ["", "/", "a", "/a/", "a//", "a/../", "../", "./", "a\\b/", "a\n/", "x" * 2000 + "/"]
)
def test_invalid_prefixes_are_rejected(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"prefix|key"):
        require_prefix(prefix)


@given(st.text())
def test_a_valid_key_stays_below_its_prefix(key: str) -> None:
    try:
        require_key(key)
    except ValueError:
        return
    parts = key.split("/")
    assert all(parts)
    assert ".." not in parts
    assert "." not in parts
