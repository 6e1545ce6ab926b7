from __future__ import annotations

import itertools
import random

import pytest

from lambda_core.circuit_breaker import STANDARD
from lambda_core.errors import CircuitOpenError, ConfigurationError
from lambda_core.http import HttpStatusError
from lambda_testing.static_server import Reply, static_server
from patch_tracker.errors import OutageError
from patch_tracker.lore.client import LoreClient
from patch_tracker.patchwork.client import PatchworkClient, require_base_url
from patch_tracker.throttled_session import RequestPolicy, ThrottledSession, reject_html


class Time:
    """A clock that advances only during sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps.append(seconds)


def session(time: Time, *, attempts: int = 1) -> ThrottledSession:
    policy = RequestPolicy("https://example.org/why", 2.0, 1.0, attempts)
    return ThrottledSession(
        "Test",
        policy,
        sleep=time.sleep,
        clock=lambda: time.now,
        rng=random.Random(1),  # noqa: S311 - no secret
    )


def test_requests_are_spaced_with_jitter_and_name_the_client() -> None:
    time = Time()
    with static_server(Reply(body=b"x")) as server:
        server_session = session(time)
        begun = []
        for _ in range(4):
            server_session.get(server.url, max_bytes=10)
            begun.append(time.now)
        gaps = [later - earlier for earlier, later in itertools.pairwise(begun)]
        assert all(2 <= gap <= 3.001 for gap in gaps)
        assert len(set(gaps)) == 3
        agent = server.requests[0].headers["User-Agent"]
        assert agent.startswith("patch-tracker/")
        assert agent.endswith("(+https://example.org/why)")
    assert server_session.counts == {"requests": 4}


def test_retries_are_spaced_like_requests() -> None:
    time = Time()
    busy = Reply(status=429, headers={"Retry-After": "7"})
    with static_server(Reply(status=503), busy, Reply(body=b"x")) as server:
        server_session = session(time, attempts=3)
        assert server_session.get(server.url, max_bytes=10).content == b"x"
    assert time.sleeps[0] >= 2
    assert time.sleeps[1] >= 7
    assert server_session.counts == {"requests": 3, "retries": 2}


def test_not_found_does_not_count_as_a_failure() -> None:
    with static_server(Reply(status=404)) as server:
        server_session = session(Time())
        with pytest.raises(HttpStatusError):
            server_session.get(server.url, max_bytes=10)
    assert server_session.counts == {"requests": 1}


def test_no_more_requests_are_sent_after_repeated_outages() -> None:
    page = Reply(body=b"<html>prove that you work</html>")
    with static_server(page) as server:
        server_session = session(Time(), attempts=5)
        for _ in range(STANDARD.failure_threshold):
            with pytest.raises(OutageError):
                server_session.get(server.url, max_bytes=100, check=reject_html)
        with pytest.raises(CircuitOpenError):
            server_session.get(server.url, max_bytes=100, check=reject_html)
        assert len(server.requests) == STANDARD.failure_threshold


@pytest.mark.parametrize(
    "url",
    ["", "lore.example", "ftp://x/", "https://a:b@x/", "https://x/?q", "https://[x", "https:///"],
)
def test_invalid_base_urls_are_rejected(url: str) -> None:
    with pytest.raises(ConfigurationError):
        require_base_url(url)


@pytest.mark.parametrize("name", ["", "../x", "a b", "a/b", "?", "é"])
def test_invalid_names_of_lists_and_projects_are_rejected(name: str) -> None:
    with pytest.raises(ConfigurationError):
        LoreClient("https://x/", name, session(Time()))
    with pytest.raises(ConfigurationError):
        PatchworkClient("https://x/", name, session(Time()))


def test_a_message_id_becomes_a_single_path_segment() -> None:
    lore = LoreClient("https://x", "list", session(Time()))
    assert lore.link("a/../b%2F?c#d@e") == "https://x/list/a%2F..%2Fb%252F%3Fc%23d@e/"
