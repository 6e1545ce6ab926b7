from __future__ import annotations

import contextlib
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
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


def store_in_parts(tables: Tables, mails: list[Mail], size: int) -> None:
    for start in range(0, len(mails), size):
        tables.store.store(mails[start : start + size])


def require_right(tables: Tables) -> None:
    """Check what must hold whatever was stored: counts are links, each mail has its place."""
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


def test_a_conversation(tables: Tables) -> None:
    cover = make_mail("c", kind=MailKind.COVER)
    patch = make_mail("p", parents=["c"], kind=MailKind.PATCH)
    reply = make_mail("r", parents=["p", "c"])
    assert tables.store.store([reply, patch, cover]) == Stored(3, 0)
    require_right(tables)
    stored = tables.patches.by_message_id("p")
    assert (stored.cover, stored.thread, stored.reply_count) == ("c", "c", 1)
    (full,) = tables.discussions.with_replies([stored])
    assert [summary.message_id for summary in full.replies] == ["r"]
    found = tables.discussions.by_thread("c", newest_first=False).items
    assert {one.message_id: one.target for one in found} == {"c": "c", "p": "p", "r": "p"}
    assert [one.message_id for one in tables.discussions.by_patch("p").items] == ["r", "p"]
    assert tables.discussions.content(found[0]) in {mail.raw for mail in (cover, patch, reply)}


def test_answers_that_come_before_what_they_answer(tables: Tables) -> None:
    tables.store.store([make_mail("r", parents=["p", "c"])])
    assert tables.discussions.by_message_id("r").target == ""
    tables.store.store([make_mail("p", parents=["c"], kind=MailKind.PATCH)])
    assert tables.discussions.by_message_id("r").target == "p"
    assert tables.patches.by_message_id("p").cover == ""
    tables.store.store([make_mail("c", kind=MailKind.COVER)])
    assert tables.patches.by_message_id("p").cover == "c"
    require_right(tables)


def test_threads_that_turn_out_to_be_one(tables: Tables) -> None:
    tables.store.store([make_mail("a2", parents=["a1"]), make_mail("b2", parents=["b1"])])
    assert tables.discussions.by_message_id("b2").thread == "b1"
    tables.store.store([make_mail("x", parents=["a2", "b2"])])
    assert {one.message_id for one in tables.discussions.by_thread("a1").items} == {"a2", "b2", "x"}
    assert tables.discussions.by_thread("b1").items == ()
    tables.store.store([make_mail("a1", parents=["z"])])
    assert tables.discussions.by_message_id("b2").thread == "b1"
    tables.store.store([make_mail("b1", parents=["z"])])
    assert tables.discussions.by_message_id("b2").thread == "z"
    require_right(tables)


def test_of_two_mails_of_one_id_one_counts_and_the_other_is_kept(tables: Tables) -> None:
    early = make_mail("r", parents=["p"], minute=1)
    late = make_mail("r", parents=["p"], minute=2)
    tables.store.store([make_mail("p", kind=MailKind.PATCH)])
    tables.store.store([late])
    tables.store.store([early])
    require_right(tables)
    both = tables.discussions.all_of("r")
    assert [(one.digest, one.variant) for one in both] == [
        (early.digest, False),
        (late.digest, True),
    ]
    assert [tables.discussions.content(one) for one in both] == [early.raw, late.raw]
    assert tables.discussions.by_message_id("r").digest == early.digest
    assert tables.patches.by_message_id("p").reply_count == 1
    assert len(tables.discussions.by_patch("p").items) == 2


def test_a_mail_larger_than_an_item_comes_back_whole(tables: Tables) -> None:
    noise = random.Random(1).randbytes(900_000).hex()  # noqa: S311 - no secret
    mail = make_mail("big", text=noise)
    tables.store.store([mail])
    assert tables.discussions.content(tables.discussions.by_message_id("big")) == mail.raw
    before = tables.writes
    tables.store.store([mail])
    assert tables.writes == before


def test_what_is_not_there_is_told(tables: Tables) -> None:
    with pytest.raises(ItemNotFoundError, match="no mail 'x'"):
        tables.discussions.by_message_id("x")
    with pytest.raises(ItemNotFoundError, match="no patch"):
        tables.patches.by_message_id("<x>")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["sample.mbox.gz", "edge.mbox.gz"])
def test_real_mail_is_stored_once_in_whatever_order(cloud: str, name: str) -> None:
    mails = read_mails(name)
    tables = new_tables(cloud)
    store_in_parts(tables, mails, 50)
    require_right(tables)
    everything = tables.everything()
    stored = [item for item in everything["discussions"].values() if "author" in item]
    assert len(stored) == len(mails)
    before = tables.writes
    store_in_parts(tables, mails, 50)
    assert tables.writes == before

    order = mails[:]
    random.Random(2).shuffle(order)  # noqa: S311 - no secret
    shuffled = new_tables(cloud)
    store_in_parts(shuffled, order, 23)
    assert shuffled.everything() == everything


@pytest.mark.timeout(600)
def test_threads_of_real_mail_are_those_of_the_archive(tables: Tables) -> None:
    store_in_parts(tables, read_mails("sample.mbox.gz"), 100)
    for thread in read_json("oracle-threads-sample.json"):
        ids = {message["msgid"] for message in thread["messages"]}
        (root,) = {tables.discussions.by_message_id(one).thread for one in sorted(ids)[:1]}
        found: set[str] = set()
        token = None
        while True:
            page = tables.discussions.by_thread(root, limit=7, token=token)
            found |= {one.message_id for one in page.items}
            if (token := page.token) is None:
                break
        assert found == ids


# As long as a deep run takes; the ci profile's examples take a fraction of the usual limit.
@pytest.mark.timeout(3_000)
@given(st.data())
# The tables are emptied for each example.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_the_set_of_mails_decides_even_after_crashes(tables: Tables, data: Any) -> None:  # noqa: ANN401 - Hypothesis'
    mails = data.draw(MAILS)
    tables.clear()
    tables.store.store(mails)
    require_right(tables)
    expected = tables.everything()

    tables.clear()
    order = data.draw(st.permutations(mails))
    parts: list[list[Mail]] = []
    while order:
        size = data.draw(st.integers(1, len(order)))
        parts.append(order[:size])
        order = order[size:]
    for part in parts:
        # As a run that crashes does: its cursor stays, and the next run begins with the same mails.
        for writes in data.draw(st.lists(st.integers(0, 12), max_size=3)):
            try:
                crashing_store(tables, writes).store(part)
            except CrashError:
                continue
            break
        tables.store.store(part)
    require_right(tables)
    assert tables.everything() == expected


@pytest.mark.parametrize("writes", range(16))
def test_a_move_of_threads_that_breaks_off_is_finished(tables: Tables, writes: int) -> None:
    # Hypothesis found it: what holds the thread together came with a mail that no longer counts.
    first = [make_mail("m5", parents=["m4", "m0"], kind=MailKind.PATCH, minute=1)]
    second = [
        make_mail("m5", kind=MailKind.PATCH),
        make_mail("m0", parents=["m1"]),
        make_mail("m4", kind=MailKind.COVER),
        make_mail("m0", kind=MailKind.PATCH, minute=2),
        make_mail("m3", parents=["m0"]),
    ]
    tables.store.store([*first, *second])
    expected = tables.everything()
    tables.clear()
    tables.store.store(first)
    with contextlib.suppress(CrashError):
        crashing_store(tables, writes).store(second)
    tables.store.store(second)
    require_right(tables)
    assert tables.everything() == expected


def crashing_store(tables: Tables, writes: int) -> MailStore:
    client = cast("DynamoDBClient", CrashingClient(tables.client, writes))
    again = Tables(client, tables.names)
    return MailStore(again.discussions, DynamoTable(client, tables.names["patches"]))


def test_the_largest_mails_that_there_can_be_fit_into_items(
    tables: Tables, strict_tables: Tables
) -> None:
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
    require_right(tables)
    # Held to the limit by a DynamoDB that has it for updates too, without the mails' own answers.
    for name, rows in (
        ("patches", strict_tables.patches_table),
        ("discussions", strict_tables.discussions_table),
    ):
        for item in tables.everything()[name].values():
            rows.put(Put(item))


@pytest.mark.timeout(600)
def test_answers_without_number_to_one_patch(tables: Tables) -> None:
    tables.store.store([make_mail("p", kind=MailKind.PATCH)])
    size = len(str(tables.everything()["patches"]["example#p"]))
    answers = [
        make_mail(
            f"r{n}", parents=["p"], minute=n % 60, text="Reviewed-by: " + "A" * 300 + " <a@b>"
        )
        for n in range(120)
    ]
    store_in_parts(tables, answers, 60)
    require_right(tables)
    assert len(tables.discussions.replies("p")) == 120
    # What a patch costs to write does not grow with its answers.
    assert len(str(tables.everything()["patches"]["example#p"])) <= size + 2
