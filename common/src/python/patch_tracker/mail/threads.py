"""Finds threads, and the patch that each mail belongs to.

The result depends only on which mails are known, not on their order of arrival. A thread consists
of all mails that References and In-Reply-To connect, including mails that never arrived. The first
reference alone is not enough, because mail programs remove IDs from the middle or the front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from patch_tracker.models import MailKind


@dataclass(frozen=True, slots=True)
class Node:
    """A message ID in a thread: of a mail, or only mentioned by other mails.

    Attributes
    ----------
    parents
        Message IDs that the mail answers, nearest first; empty if it is only mentioned.
    kind
        Kind of the mail; None if it is only mentioned.
    child
        Whether a known mail says that this message answers another.
    """

    message_id: str
    parents: tuple[str, ...] = ()
    kind: MailKind | None = None
    child: bool = False


class UnionFind:
    """Disjoint sets of IDs that can be merged."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def find(self, item: str) -> str:
        """Return the representative of the item's set, which can change when sets are merged."""
        above = self._above
        top = above.setdefault(item, item)
        while above[top] != top:
            top = above[top]
        while above[item] != top:
            above[item], item = top, above[item]
        return top

    def join(self, first: str, second: str) -> None:
        """Merge the sets of two items."""
        self._above[self.find(first)] = self.find(second)

    def sets(self) -> list[set[str]]:
        """Return all sets."""
        found: dict[str, set[str]] = {}
        for item in list(self._above):
            found.setdefault(self.find(item), set()).add(item)
        return list(found.values())


def nodes_of(message_id: str, parents: tuple[str, ...], kind: MailKind) -> Iterator[Node]:
    """Yield the nodes that a mail defines: itself, and the messages that it mentions.

    References lead from the root to the nearest parent. So each message in `parents`, except the
    last, answers another.
    """
    yield Node(message_id, parents, kind, child=bool(parents))
    for position, parent in enumerate(parents):
        yield Node(parent, child=position < len(parents) - 1)


def merge_nodes(nodes: Iterable[Node]) -> dict[str, Node]:
    """Merge the nodes of each message ID."""
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
    """Return the threads as sets of message IDs."""
    joined = UnionFind()
    for node in nodes.values():
        joined.find(node.message_id)
        for parent in node.parents:
            joined.join(node.message_id, parent)
    return joined.sets()


def root_of(thread: Iterable[str], nodes: Mapping[str, Node]) -> str:
    """Return the message ID that identifies a thread.

    This is the first, in alphabetical order, of the messages that answer no other message; or of
    all messages if they answer each other in a circle.
    """
    ids = sorted(thread)
    return next((message_id for message_id in ids if not nodes[message_id].child), ids[0])


def targets_of(thread: Iterable[str], nodes: Mapping[str, Node]) -> dict[str, str]:
    """Return the patch, cover letter or pull request (the target) of each mail of a thread.

    A target belongs to itself. Any other mail belongs to the nearest target that it answers,
    directly or through known mails. Mails without a target are omitted.
    """
    found: dict[str, str] = {}
    for message_id in sorted(thread):
        if nodes[message_id].kind is None:
            continue
        if target := _target(message_id, nodes):
            found[message_id] = target
    return found


def _target(message_id: str, nodes: Mapping[str, Node]) -> str:
    """Search the parents breadth first, so that the nearest target is found."""
    level = [message_id]
    seen = {message_id}
    while level:
        above: list[str] = []
        for ancestor in level:
            node = nodes.get(ancestor)
            if node is None or node.kind is None:
                continue
            if node.kind.is_target:
                return ancestor
            # The nearest parent comes first; the others are its ancestors.
            for parent in node.parents:
                if parent not in seen:
                    seen.add(parent)
                    above.append(parent)
        level = above
    return ""
