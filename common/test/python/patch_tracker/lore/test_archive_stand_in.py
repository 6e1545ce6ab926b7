"""The local stand-in of an archive, compared with responses of a real public-inbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests
from patch_tracker_testing.mails import make_mail
from patch_tracker_testing.sample_mails import read_json, read_mails

from patch_tracker.mail.mbox import mails_of_bytes
from patch_tracker.mail.message import parse_mail
from patch_tracker.models import MailKind
from run_local.patch_tracker.lore_server import LoreServer

ODD = "a/b%c@x"

PATCH = make_mail("p", parents=["c"], kind=MailKind.PATCH, minute=1)
COVER = make_mail("c", kind=MailKind.COVER)
OTHER = make_mail(ODD, parents=["elsewhere"], minute=2, text="From the first line on\n>From old\nx")
AGAIN = make_mail(ODD, parents=["elsewhere"], minute=3, text="Another one with that id.")

MAILS = [PATCH, COVER, OTHER, AGAIN]
"""In order of arrival: a child before its parent, and a message ID twice."""

EPOCH = int(COVER.timestamp.timestamp())


@pytest.fixture(scope="module")
def inbox() -> Iterator[str]:
    with LoreServer("example", MAILS) as server:
        yield f"{server.url}/example/"


def ids(answer: requests.Response) -> list[str]:
    """Return the message IDs in a gzipped mbox."""
    assert answer.status_code == 200
    assert answer.content.startswith(b"\x1f\x8b")
    assert answer.headers["Content-Type"] == "application/gzip"
    return [parse_mail(raw).message_id for raw in mails_of_bytes(answer.content)]


def search(inbox: str, query: str, **more: str) -> requests.Response:
    return requests.post(inbox, params={"q": query, "x": "m", **more}, timeout=30)


def test_one_request_returns_all_received_mails(inbox: str) -> None:
    assert sorted(ids(search(inbox, f"rt:{EPOCH}.."))) == sorted([ODD, ODD, "c", "p"])
    assert ids(search(inbox, f"rt:{EPOCH}..{EPOCH + 40}")) == ["c"]
    # `rt:` is the time of receipt, 30 s after the Date header.
    assert ids(search(inbox, f"rt:{EPOCH + 30}..{EPOCH + 30}")) == ["c"]


def test_the_bytes_of_a_mail_are_unchanged(inbox: str) -> None:
    answer = search(inbox, f"rt:{EPOCH + 120}..{EPOCH + 179}")
    (raw,) = mails_of_bytes(answer.content)
    assert raw.content.rstrip(b"\n") == OTHER.raw.rstrip(b"\n")


@pytest.mark.parametrize("query", ["rt:20211021..", "rt:4102444800..", "d:20211021121400.."])
def test_a_search_without_a_match_is_not_found(inbox: str, query: str) -> None:
    # A day is not a valid time of receipt, and a second is not a valid day.
    answer = search(inbox, query)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("query", [f"rt:{EPOCH}..", "dfn:drivers"])
def test_a_search_by_get_returns_a_page_for_people(inbox: str, query: str) -> None:
    answer = requests.get(inbox, params={"q": query, "x": "m"}, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_thread_is_returned_as_an_mbox(inbox: str) -> None:
    for message_id in ("c", "p"):
        answer = requests.get(f"{inbox}{message_id}/t.mbox.gz", timeout=30)
        assert sorted(ids(answer)) == ["c", "p"]
    answer = requests.get(f"{inbox}{quote(ODD, safe='@')}/t.mbox.gz", timeout=30)
    assert ids(answer) == [ODD, ODD]


def test_a_raw_mail_is_returned(inbox: str) -> None:
    answer = requests.get(f"{inbox}p/raw", timeout=30)
    assert answer.status_code == 200
    first, _, rest = answer.content.partition(b"\n")
    assert re.fullmatch(rb"From mboxrd@z .*", first)
    assert rest == PATCH.raw


def test_unknown_messages_and_lists(inbox: str) -> None:
    assert requests.get(f"{inbox}nothing@x/t.mbox.gz", timeout=30).status_code == 404
    assert requests.get(f"{inbox}nothing@x/", timeout=30).status_code == 300
    assert (
        requests.post(
            inbox.replace("example", "unknown") + f"?q=rt:{EPOCH}..&x=m", timeout=30
        ).status_code
        == 404
    )


def test_threads_match_a_real_archive() -> None:
    threads = read_json("oracle-threads-sample.json")
    with LoreServer("real", read_mails("sample.mbox.gz")) as server:
        for thread in threads[:40]:
            expected = {message["msgid"] for message in thread["messages"]}
            quoted = quote(min(expected), safe="@")
            answer = requests.get(f"{server.url}/real/{quoted}/t.mbox.gz", timeout=30)
            assert set(ids(answer)) == expected
