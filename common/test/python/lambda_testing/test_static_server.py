from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator

import pytest
import requests

from lambda_testing.static_server import Reply, repeated, static_server

TIMEOUT = 30


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


def test_replies_are_sent_in_order_and_the_last_is_repeated(session: requests.Session) -> None:
    replies = (Reply(status=503, headers={"Retry-After": "1"}), Reply(body=b"feed"))
    with static_server(*replies) as server:
        answers = [session.get(f"{server.url}/{n}", timeout=TIMEOUT) for n in range(3)]
    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert [answer.content for answer in answers] == [b"", b"feed", b"feed"]
    assert [asked.path for asked in server.requests] == ["/0", "/1", "/2"]
    assert [asked.number for asked in server.requests] == [1, 2, 3]


def test_head_has_no_body(session: requests.Session) -> None:
    with static_server(Reply(body=b"feed")) as server:
        answer = session.head(server.url, timeout=TIMEOUT)
        assert session.get(server.url, timeout=TIMEOUT).content == b"feed"
    assert answer.headers["Content-Length"] == "4"
    assert answer.content == b""


def test_headers_are_sent_unchanged(session: requests.Session) -> None:
    packed = gzip.compress(b"feed")
    with static_server(Reply(body=packed, headers={"Content-Encoding": "gzip"})) as server:
        assert session.get(server.url, timeout=TIMEOUT).content == b"feed"


def test_chunks(session: requests.Session) -> None:
    with static_server(Reply(body=lambda: [b"ab", b"cd"], chunked=True)) as server:
        answer = session.get(server.url, timeout=TIMEOUT)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.content == b"abcd"


def test_a_body_can_end_with_the_connection(session: requests.Session) -> None:
    with static_server(Reply(body=lambda: [b"ab", b"cd"])) as server:
        assert session.get(server.url, timeout=TIMEOUT).content == b"abcd"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"abc", content_length=10),
        Reply(body=lambda: [b"abc"], chunked=True, complete=False),
    ],
    ids=["length", "chunked"],
)
def test_a_truncated_body_can_be_detected(session: requests.Session, reply: Reply) -> None:
    with (
        static_server(reply) as server,
        pytest.raises(requests.exceptions.ChunkedEncodingError),
    ):
        session.get(server.url, timeout=TIMEOUT)


def test_a_huge_body_is_never_in_memory(session: requests.Session) -> None:
    size = 50_000_000
    received = 0
    with static_server(Reply(body=repeated(b"<item/>", size), content_length=size)) as server:
        tracemalloc.start()
        with session.get(server.url, timeout=TIMEOUT, stream=True) as answer:
            for piece in answer.iter_content(1 << 20):
                received += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert received == size
    assert server.bytes_sent == size
    assert peak < 8_000_000


def test_a_client_that_stops_early_stops_the_server(session: requests.Session) -> None:
    size = 500_000_000
    with (
        static_server(Reply(body=repeated(b"x", size), content_length=size)) as server,
        session.get(server.url, timeout=TIMEOUT, stream=True) as answer,
    ):
        assert next(answer.iter_content(1_000)) == b"x" * 1_000
        answer.close()
    assert server.bytes_sent < size // 2


def test_a_slow_body_causes_a_timeout(session: requests.Session) -> None:
    reply = Reply(body=lambda: [b"ab", b"cd"], content_length=4, pause_seconds=600)
    with static_server(reply) as server, pytest.raises(requests.exceptions.ConnectionError):
        session.get(server.url, timeout=0.2)


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 100_000])
def test_repeated_has_the_requested_size(size: int) -> None:
    content = b"".join(repeated(b"abcdefg", size)())
    assert len(content) == size
    assert content == (b"abcdefg" * (size // 7 + 1))[:size]
