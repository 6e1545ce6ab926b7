from __future__ import annotations

import contextlib
import functools
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patch_tracker_testing.mails import MAILS, make_mail
from patch_tracker_testing.sample_mails import read_json, read_mails
from patch_tracker_testing.tables import CrashError, CrashingClient, Tables, new_tables

from patch_tracker.mail.message import Mail
from patch_tracker.models import MailKind
from patch_tracker.repositories.errors import ItemNotFoundError
from patch_tracker.repositories.table import DynamoTable, Put
from patch_tracker.sync.storing import MailStore, Stored

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART = 50
"""Number of real mails that are stored at once."""


def store_in_parts(tables: Tables, mails: list[Mail], size: int) -> None:
    for start in range(0, len(mails), size):
        tables.store.store(mails[start : start + size])


def check_consistency(tables: Tables) -> dict[str, dict[str, Any]]:
    """Check what must hold after any writes, and return all items.

    Counts equal links, one mail per message ID is shown, and each thread has all its members.
    """
    items = tables.everything()
    mails = [item for item in items["discussions"].values() if "author" in item]
    shown = [item for item in mails if not item.get("variant")]
    assert len({item["id"] for item in shown}) == len(shown)
    links = Counter(
        item["target"]
        for item in shown
        if "target" in item and not MailKind(item["kind"]).is_target
    )
    for item_id, patch in items["patches"].items():
        message_id = item_id.partition("#")[2]
        assert patch["reply_count"] == links.pop(message_id, 0)
    assert not links
    nodes = {key for key in items["discussions"] if key.startswith("#NODE#")}
    members = {key for key in items["discussions"] if key.startswith("#THREAD#")}
    assert len(nodes) == len(members)
    assert not any("moving" in item for item in items["discussions"].values())
    return items


@functools.cache
def tables_with(name: str) -> Tables:
    """Return tables with real mails, stored in order. Tests that only read share them."""
    tables = new_tables()
    store_in_parts(tables, read_mails(name), PART)
    return tables


def test_a_conversation(tables: Tables) -> None:
    cover = make_mail("c", kind=MailKind.COVER)
    patch = make_mail("p", parents=["c"], kind=MailKind.PATCH)
    reply = make_mail("r", parents=["p", "c"])
    assert tables.store.store([reply, patch, cover]) == Stored(3, 0)
    check_consistency(tables)
    stored = tables.patches.by_message_id("p")
    assert (stored.cover, stored.thread, stored.reply_count) == ("c", "c", 1)
    (full,) = tables.discussions.with_replies([stored])
    assert [summary.message_id for summary in full.replies] == ["r"]
    found = tables.discussions.by_thread("c", newest_first=False).items
    assert {mail.message_id: mail.target for mail in found} == {"c": "c", "p": "p", "r": "p"}
    assert [mail.message_id for mail in tables.discussions.by_patch("p").items] == ["r", "p"]
    assert tables.discussions.content(found[0]) in {mail.raw for mail in (cover, patch, reply)}


def test_replies_can_arrive_before_the_mails_that_they_answer(tables: Tables) -> None:
    tables.store.store([make_mail("r", parents=["p", "c"])])
    assert tables.discussions.by_message_id("r").target == ""
    tables.store.store([make_mail("p", parents=["c"], kind=MailKind.PATCH)])
    assert tables.discussions.by_message_id("r").target == "p"
    assert tables.patches.by_message_id("p").cover == ""
    tables.store.store([make_mail("c", kind=MailKind.COVER)])
    assert tables.patches.by_message_id("p").cover == "c"
    check_consistency(tables)


def test_threads_are_merged_when_a_mail_connects_them(tables: Tables) -> None:
    tables.store.store([make_mail("a2", parents=["a1"]), make_mail("b2", parents=["b1"])])
    assert tables.discussions.by_message_id("b2").thread == "b1"
    tables.store.store([make_mail("x", parents=["a2", "b2"])])
    found = tables.discussions.by_thread("a1").items
    assert {mail.message_id for mail in found} == {"a2", "b2", "x"}
    assert tables.discussions.by_thread("b1").items == ()
    tables.store.store([make_mail("a1", parents=["z"])])
    assert tables.discussions.by_message_id("b2").thread == "b1"
    tables.store.store([make_mail("b1", parents=["z"])])
    assert tables.discussions.by_message_id("b2").thread == "z"
    check_consistency(tables)


def test_of_two_mails_with_the_same_id_the_earlier_is_shown_and_both_are_kept(
    tables: Tables,
) -> None:
    early = make_mail("r", parents=["p"], minute=1)
    late = make_mail("r", parents=["p"], minute=2)
    tables.store.store([make_mail("p", kind=MailKind.PATCH)])
    tables.store.store([late])
    tables.store.store([early])
    check_consistency(tables)
    both = tables.discussions.all_of("r")
    assert [(mail.digest, mail.variant) for mail in both] == [
        (early.digest, False),
        (late.digest, True),
    ]
    assert [tables.discussions.content(mail) for mail in both] == [early.raw, late.raw]
    assert tables.discussions.by_message_id("r").digest == early.digest
    assert tables.patches.by_message_id("p").reply_count == 1
    assert len(tables.discussions.by_patch("p").items) == 2


def test_a_mail_larger_than_an_item_is_stored_completely(tables: Tables) -> None:
    noise = random.Random(1).randbytes(900_000).hex()  # noqa: S311 - no secret
    mail = make_mail("big", text=noise)
    tables.store.store([mail])
    assert tables.discussions.content(tables.discussions.by_message_id("big")) == mail.raw
    before = tables.writes
    tables.store.store([mail])
    assert tables.writes == before


def test_missing_mails_and_patches_are_reported(tables: Tables) -> None:
    with pytest.raises(ItemNotFoundError, match="no mail 'x'"):
        tables.discussions.by_message_id("x")
    with pytest.raises(ItemNotFoundError, match="no patch"):
        tables.patches.by_message_id("<x>")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["sample.mbox.gz", "edge.mbox.gz"])
def test_real_mail_is_stored_once_in_any_order(name: str) -> None:
    mails, tables = read_mails(name), tables_with(name)
    everything = check_consistency(tables)
    stored = [item for item in everything["discussions"].values() if "author" in item]
    assert len(stored) == len(mails)
    before = tables.writes
    store_in_parts(tables, mails, PART)
    assert tables.writes == before

    order = mails[:]
    random.Random(2).shuffle(order)  # noqa: S311 - no secret
    shuffled = new_tables()
    store_in_parts(shuffled, order, 23)
    assert shuffled.everything() == everything


@pytest.mark.timeout(600)
def test_threads_of_real_mail_match_the_archive() -> None:
    sample = tables_with("sample.mbox.gz")
    for thread in read_json("oracle-threads-sample.json"):
        ids = {message["msgid"] for message in thread["messages"]}
        root = sample.discussions.by_message_id(min(ids)).thread
        found: set[str] = set()
        token = None
        while True:
            page = sample.discussions.by_thread(root, limit=7, token=token)
            found |= {mail.message_id for mail in page.items}
            if (token := page.token) is None:
                break
        assert found == ids


# Long enough for the profile "deep".
@pytest.mark.timeout(3_000)
@given(st.data())
def test_the_result_depends_only_on_the_set_of_mails_even_after_crashes(
    data: Any,  # noqa: ANN401 - Hypothesis has no public type for it
) -> None:
    mails = data.draw(MAILS)
    tables = new_tables()
    tables.store.store(mails)
    expected = check_consistency(tables)

    tables = new_tables()
    order = data.draw(st.permutations(mails))
    parts: list[list[Mail]] = []
    while order:
        size = data.draw(st.integers(1, len(order)))
        parts.append(order[:size])
        order = order[size:]
    for part in parts:
        # After a crash, the cursor has not moved, so the next run starts with the same mails.
        for writes in data.draw(st.lists(st.integers(0, 12), max_size=3)):
            try:
                crashing_store(tables, writes).store(part)
            except CrashError:
                continue
            break
        tables.store.store(part)
    assert check_consistency(tables) == expected


# Hypothesis found this case: only a mail that is no longer shown connects the thread.
FIRST = [make_mail("m5", parents=["m4", "m0"], kind=MailKind.PATCH, minute=1)]
SECOND = [
    make_mail("m5", kind=MailKind.PATCH),
    make_mail("m0", parents=["m1"]),
    make_mail("m4", kind=MailKind.COVER),
    make_mail("m0", kind=MailKind.PATCH, minute=2),
    make_mail("m3", parents=["m0"]),
]


@functools.cache
def first_and_second_at_once() -> dict[str, dict[str, Any]]:
    """Return all items after `FIRST` and `SECOND` are stored together."""
    tables = new_tables()
    tables.store.store([*FIRST, *SECOND])
    return tables.everything()


@pytest.mark.parametrize("writes", range(16))
def test_an_interrupted_merge_of_threads_is_completed(tables: Tables, writes: int) -> None:
    tables.store.store(FIRST)
    with contextlib.suppress(CrashError):
        crashing_store(tables, writes).store(SECOND)
    tables.store.store(SECOND)
    assert check_consistency(tables) == first_and_second_at_once()


def crashing_store(tables: Tables, writes: int) -> MailStore:
    client = cast("DynamoDBClient", CrashingClient(tables.client, writes))
    again = Tables(client, tables.names)
    return MailStore(again.discussions, DynamoTable(client, tables.names["patches"]))


def test_the_largest_possible_mails_fit_into_items(tables: Tables, strict_tables: Tables) -> None:
    wide = "語" * 300
    trailers = "\n".join(f"Reviewed-by: {wide} <{n}@x>" for n in range(500))
    noise = random.Random(3).randbytes(45_000).hex()  # noqa: S311 - no secret
    heads = "".join(f"diff --git a/{wide}{n} b/{wide}{n}\n" for n in range(400))
    parents = [f"{n}{'語' * 160}" for n in range(100)]
    patch = make_mail(
        "p", kind=MailKind.PATCH, text=f"{trailers}\n---\n{heads}{noise}", subject="[PATCH] " + wide
    )
    reply = make_mail("r", parents=["p", *parents], text=f"{trailers}\n{noise}", subject=wide)
    assert (len(reply.trailers), len(reply.parents)) == (100, 100)
    tables.store.store([patch, reply])
    check_consistency(tables)
    # dynalite enforces the size limit of items; moto does not for updates.
    for name, table in (
        ("patches", strict_tables.patches_table),
        ("discussions", strict_tables.discussions_table),
    ):
        for item in tables.everything()[name].values():
            table.put(Put(item))


@pytest.mark.timeout(600)
def test_a_patch_can_have_any_number_of_replies(tables: Tables) -> None:
    tables.store.store([make_mail("p", kind=MailKind.PATCH)])
    size = len(str(tables.everything()["patches"]["example#p"]))
    answers = [
        make_mail(
            f"r{n}", parents=["p"], minute=n % 60, text="Reviewed-by: " + "A" * 300 + " <a@b>"
        )
        for n in range(120)
    ]
    store_in_parts(tables, answers, 60)
    check_consistency(tables)
    assert len(tables.discussions.replies("p")) == 120
    # The item of a patch does not grow with the number of replies.
    assert len(str(tables.everything()["patches"]["example#p"])) <= size + 2
