from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.threads import (
    UnionFind,
    components,
    merge_nodes,
    nodes_of,
    root_of,
    targets_of,
)
from patch_tracker.models import MailKind

type Mails = dict[str, tuple[tuple[str, ...], MailKind]]

IDS = [f"m{number}" for number in range(8)]
MAILS = st.dictionaries(
    st.sampled_from(IDS),
    st.tuples(
        st.lists(st.sampled_from(IDS), max_size=3, unique=True).map(tuple),
        st.sampled_from([MailKind.REPLY, MailKind.PATCH, MailKind.COVER, MailKind.OTHER]),
    ),
)


def threads_of(mails: Mails, order: list[str]) -> dict[str, tuple[str, str]]:
    """Return the root and the target of each mail."""
    nodes = merge_nodes(
        node
        for message_id in order
        for node in nodes_of(
            message_id,
            tuple(p for p in mails[message_id][0] if p != message_id),
            mails[message_id][1],
        )
    )
    found = {}
    for thread in components(nodes):
        targets = targets_of(thread, nodes)
        for message_id in thread & mails.keys():
            found[message_id] = (root_of(thread, nodes), targets.get(message_id, ""))
    return found


@given(MAILS, st.randoms(use_true_random=False))
def test_threads_and_links_do_not_depend_on_the_order(mails: Mails, rng: random.Random) -> None:
    order = list(mails)
    expected = threads_of(mails, order)
    rng.shuffle(order)
    assert threads_of(mails, order) == expected


def test_a_thread_is_identified_by_its_root_even_if_the_root_never_arrived() -> None:
    mails: Mails = {
        "z1": (("cover",), MailKind.PATCH),
        "a2": (("z1", "cover"), MailKind.REPLY),
        "b3": (("a2",), MailKind.REPLY),
    }
    assert threads_of(mails, ["b3", "a2", "z1"]) == {
        "z1": ("cover", "z1"),
        "a2": ("cover", "z1"),
        "b3": ("cover", "z1"),
    }


def test_mails_belong_to_their_nearest_target() -> None:
    mails: Mails = {
        "cover": ((), MailKind.COVER),
        "patch": (("cover",), MailKind.PATCH),
        "to-cover": (("cover",), MailKind.REPLY),
        "to-patch": (("patch", "cover"), MailKind.REPLY),
        "deeper": (("to-patch", "patch", "cover"), MailKind.REPLY),
        "chat": ((), MailKind.OTHER),
        "re-chat": (("chat",), MailKind.REPLY),
    }
    found = threads_of(mails, list(mails))
    assert {message_id: target for message_id, (_, target) in found.items()} == {
        "cover": "cover",
        "patch": "patch",
        "to-cover": "cover",
        "to-patch": "patch",
        "deeper": "patch",
        "chat": "",
        "re-chat": "",
    }
    assert {root for root, _ in found.values()} == {"cover", "chat"}


def test_mails_that_answer_each_other_have_a_root() -> None:
    mails: Mails = {"b": (("c",), MailKind.REPLY), "c": (("b",), MailKind.REPLY)}
    assert threads_of(mails, ["b", "c"]) == {"b": ("b", ""), "c": ("b", "")}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_union_find_agrees_with_a_graph_search(pairs: list[tuple[int, int]]) -> None:
    joined = UnionFind()
    for first, second in pairs:
        joined.join(str(first), str(second))
    for thread in joined.sets():
        reached, edge = set(), {min(thread)}
        while edge:
            reached |= edge
            edge = {
                str(b)
                for pair in pairs
                for a, b in (pair, pair[::-1])
                if str(a) in edge and str(b) not in reached
            }
        assert reached == thread
