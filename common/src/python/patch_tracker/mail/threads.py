"""Threads and links, as functions of which mails there are, not of the order they came in.

A thread is everything that References and In-Reply-To hold together, mails that never came
included. Grouping by the first reference alone would split threads, because mail programs drop
ids from the middle or the front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from patch_tracker.models import MailKind


@dataclass(frozen=True, slots=True)
class Node:
    """A mail in a thread, or the mere mention of one.

    Attributes
    ----------
    parents
        Ids that it answers, nearest first; empty for one that is only mentioned.
    kind
        None for one that is only mentioned.
    child
        Whether a mail that is there says that this one answers another.
    """

    message_id: str
    parents: tuple[str, ...] = ()
    kind: MailKind | None = None
    child: bool = False


class UnionFind:
    """Disjoint sets of ids, joined one pair at a time."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def find(self, one: str) -> str:
        """Return the set's representative, which changes while sets are joined."""
        above = self._above
        top = above.setdefault(one, one)
        while above[top] != top:
            top = above[top]
        while above[one] != top:
            above[one], one = top, above[one]
        return top

    def join(self, one: str, other: str) -> None:
        """Make two sets one."""
        self._above[self.find(one)] = self.find(other)

    def sets(self) -> list[set[str]]:
        """Return all sets."""
        found: dict[str, set[str]] = {}
        for one in list(self._above):
            found.setdefault(self.find(one), set()).add(one)
        return list(found.values())


def nodes_of(message_id: str, parents: tuple[str, ...], kind: MailKind) -> Iterator[Node]:
    """Yield what one mail tells of its thread: itself, and the mails that it mentions.

    References go from the root to the nearest parent, so that all of them but the last in
    `parents` answer another.
    """
    yield Node(message_id, parents, kind, child=bool(parents))
    for position, parent in enumerate(parents):
        yield Node(parent, child=position < len(parents) - 1)


def merge_nodes(nodes: Iterable[Node]) -> dict[str, Node]:
    """Bring together what several mails tell of each id."""
    merged: dict[str, Node] = {}
    for node in nodes:
        known = merged.get(node.message_id)
        if known is None:
            merged[node.message_id] = node
            continue
        seen = known if known.kind is not None else node
        merged[node.message_id] = Node(
            node.message_id, seen.parents, seen.kind, known.child or node.child
        )
    return merged


def components(nodes: Mapping[str, Node]) -> list[set[str]]:
    """Return the threads as sets of ids."""
    joined = UnionFind()
    for node in nodes.values():
        joined.find(node.message_id)
        for parent in node.parents:
            joined.join(node.message_id, parent)
    return joined.sets()


def root_of(thread: Iterable[str], nodes: Mapping[str, Node]) -> str:
    """Return the id that names a thread: the first by name of those that answer nothing.

    Where mails answer each other in a ring, it is the first of all.
    """
    ids = sorted(thread)
    return next((one for one in ids if not nodes[one].child), ids[0])


def targets_of(thread: Iterable[str], nodes: Mapping[str, Node]) -> dict[str, str]:
    """Return which patch, cover letter or pull request each mail of a thread belongs to.

    A target belongs to itself; any other mail to the nearest target that it answers, directly or
    through mails that are there. One without a target is left out.
    """
    found: dict[str, str] = {}
    for message_id in sorted(thread):
        if nodes[message_id].kind is None:
            continue
        if target := _target(message_id, nodes):
            found[message_id] = target
    return found


def _target(message_id: str, nodes: Mapping[str, Node]) -> str:
    """Walk up breadth first, so that the nearest target is found whatever lies between."""
    level = [message_id]
    seen = {message_id}
    while level:
        above: list[str] = []
        for one in level:
            node = nodes.get(one)
            if node is None or node.kind is None:
                continue
            if node.kind.is_target:
                return one
            # The nearest that is named comes first; those behind it are its own ancestors.
            for parent in node.parents:
                if parent not in seen:
                    seen.add(parent)
                    above.append(parent)
        level = above
    return ""
