"""Stores mails with their threads and links. The result depends only on the set of mails.

Neither the order of the mails nor a crash between any two writes matters: the next run over the
same mails ends with the same tables. Three rules ensure this:

* A new mail is written last, in a single transaction. Until then, the next run processes its whole
  thread again.
* Before that, threads that belong together are merged, in this order: copy the members; update the
  mails and patches; record at the old root that its thread is being moved, and where to; delete the
  old members; update the thread of all other message IDs; and finally that of the message IDs from
  which the next run would recognize an unfinished move.
* The number of replies of a patch changes in the same transaction as the link of the reply.

Only one run writes at a time; see `repositories.state.Lease`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from patch_tracker.mail.message import Mail
from patch_tracker.mail.threads import Node, UnionFind, merge_nodes, nodes_of, root_of, targets_of
from patch_tracker.models import Discussion, MailKind
from patch_tracker.repositories import keys
from patch_tracker.repositories.codec import person_value, trailer_values
from patch_tracker.repositories.discussions import (
    DiscussionRepository,
    MemberRow,
    NodeRow,
    discussion_from,
    discussion_item,
    index_keys,
    item_key,
    sort_of,
)
from patch_tracker.repositories.table import DynamoTable, Item, Put, Update

MAIL_FIELDS: Final = (
    "change_id",
    "cover",
    "mail_author",
    "mail_kind",
    "mail_sort",
    "mail_subject",
    "paths",
    "paths_total",
    "thread",
    "trailers",
)
"""Attributes of a patch that come from its mail. In addition, `reply_count` counts its replies."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Number of newly stored mails, and of mails that were already stored."""

    new: int
    known: int


class MailStore:
    """Stores mails of one project.

    Parameters
    ----------
    discussions
        The table Discussions.
    patches
        The table Patches, which counts replies.
    """

    def __init__(self, discussions: DiscussionRepository, patches: DynamoTable) -> None:
        self._discussions = discussions
        self._discussions_table = discussions.table
        self._patches_table = patches
        self._project = discussions.project

    def missing(self, mails: Sequence[Mail]) -> list[Mail]:
        """Return the mails that are not stored, without duplicates."""
        unique = {(mail.message_id, sort_of(mail)): mail for mail in reversed(mails)}
        nodes = self._discussions.nodes({mail.message_id for mail in mails})
        unsure = [
            (message_id, sort)
            for message_id, sort in unique
            if (node := nodes.get(message_id)) and node.winner and node.winner != sort
        ]
        others = self._discussions.stored(unsure)
        return [
            mail
            for (message_id, sort), mail in reversed(unique.items())
            if not ((node := nodes.get(message_id)) and node.winner == sort)
            and (message_id, sort) not in others
        ]

    def store(self, mails: Sequence[Mail]) -> Stored:
        """Store mails with their threads, links and counts.

        Raises
        ------
        DatabaseError
            If something cannot be written. The tables stay valid, and the next run continues.
        """
        missing = self.missing(mails)
        if missing:
            self._store(missing)
        return Stored(len(missing), len(mails) - len(missing))

    def _store(self, mails: Sequence[Mail]) -> None:
        by_id: dict[str, list[Mail]] = defaultdict(list)
        for mail in mails:
            by_id[mail.message_id].append(mail)
        mentioned = set(by_id).union(*(mail.parents for mail in mails))
        state = _State.load(self._discussions, mentioned)
        winners = self._choose_winners(by_id, state)
        nodes = [
            node
            for mail in mails
            for node in nodes_of(mail.message_id, mail.parents, mail.kind)
            # A mail that is not shown still connects the mails that it mentions.
            if node.kind is None or winners.get(node.message_id) is mail
        ]
        nodes += [
            Node(mail.message_id, child=bool(mail.parents))
            for mail in mails
            if winners.get(mail.message_id) is not mail
        ]
        for thread in state.threads(nodes, mails):
            _ThreadWriter(self, thread, state, winners, mentioned).write()
        self._store_variants(mail for mail in mails if winners.get(mail.message_id) is not mail)

    def _choose_winners(
        self, by_id: Mapping[str, Sequence[Mail]], state: _State
    ) -> dict[str, Mail]:
        """Return the new mails that are shown for their message IDs: the first by time and digest.

        A stored mail that is no longer shown is demoted first.
        """
        winners = {}
        for message_id, rivals in by_id.items():
            best = min(rivals, key=sort_of)
            node = state.nodes.get(message_id)
            if node is not None and node.winner:
                if node.winner < sort_of(best):
                    continue
                self._demote(message_id, node, state)
            winners[message_id] = best
        return winners

    def _demote(self, message_id: str, node: NodeRow, state: _State) -> None:
        """Stop showing a mail for its message ID, and undo its effect on a patch.

        Until the transaction that stores the new mail, no mail is shown for the message ID.
        """
        (old,) = self._discussions.stored([(message_id, node.winner)]).values()
        row = NodeRow(message_id, node.thread)
        member = state.members[message_id]
        mention = Node(message_id, child=member.node.child)
        member = replace(member, node=mention, target="", cover="")
        transaction = self._discussions_table.transaction()
        transaction.put(Put(row.item(self._project), only_if={"winner": node.winner}))
        transaction.put(Put(member.item(self._project, node.thread)))
        transaction.update(
            Update(
                item_key(old),
                set_values={"variant": True}
                | dict.fromkeys(("thread", "target", "thread_key", "patch_key", "author_key")),
            )
        )
        if old.kind.is_target:
            key = {"id": keys.patch_id(self._project, message_id)}
            removed = dict.fromkeys(MAIL_FIELDS)
            transaction.update(Update(key, set_values=removed), self._patches_table)
        elif old.target:
            self.count(transaction.update, old, -1)
        transaction.commit()
        state.nodes[message_id] = row
        state.members[message_id] = member

    def _store_variants(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            discussion = replace(discussion_from(self._project, mail), variant=True)
            content = self._discussions.write_pieces(mail)
            self._discussions_table.put(Put({**discussion_item(discussion), **content}))

    def count(self, update: Any, discussion: Discussion, sign: int) -> None:  # noqa: ANN401 - bound method
        """Add `sign` to the number of replies of a mail's target, in a transaction."""
        key = {"id": keys.patch_id(self._project, discussion.target)}
        update(Update(key, add={"reply_count": sign}), self._patches_table)


@dataclass
class _State:
    """The stored state of the threads that some mails touch.

    Attributes
    ----------
    nodes, members
        By message ID.
    homes
        By message ID: the roots of the threads in which a member is stored.
    read_ids
        Message IDs whose nodes were read.
    """

    nodes: dict[str, NodeRow]
    members: dict[str, MemberRow]
    homes: dict[str, set[str]]
    read_ids: set[str]

    @classmethod
    def load(cls, discussions: DiscussionRepository, mentioned: set[str]) -> _State:
        """Read the threads of some message IDs."""
        state = cls({}, {}, defaultdict(set), set())
        state.read_nodes(discussions, mentioned)
        for root in sorted(state._roots(discussions)):
            for member in discussions.members(root):
                message_id = member.node.message_id
                state.homes[message_id].add(root)
                known = state.members.get(message_id)
                state.members[message_id] = _merge_members(known, member) if known else member
        # An interrupted move can leave message IDs whose thread has no members any more.
        for message_id, node in state.nodes.items():
            state.homes[message_id].add(node.thread)
            state.members.setdefault(message_id, MemberRow(Node(message_id)))
        if any(len(homes) > 1 for homes in state.homes.values()) or any(
            node.moving for node in state.nodes.values()
        ):
            # A move of threads was interrupted.
            state._recover_from_mails(discussions)
        return state

    def read_nodes(
        self, discussions: DiscussionRepository, message_ids: set[str]
    ) -> dict[str, NodeRow]:
        """Read the nodes of message IDs that were not read yet, and return these nodes."""
        found = discussions.nodes(message_ids - self.read_ids)
        self.read_ids |= message_ids
        self.nodes |= found
        return found

    def _roots(self, discussions: DiscussionRepository) -> set[str]:
        """Return the roots of all touched threads, including those that are being moved."""
        roots: set[str] = set()
        fresh = dict(self.nodes)
        while fresh:
            found = {node.thread for node in fresh.values()}
            found |= {message_id for message_id, node in fresh.items() if node.moving}
            fresh = self.read_nodes(discussions, found)
            roots |= found
        return roots

    def _recover_from_mails(self, discussions: DiscussionRepository) -> None:
        """Take the state from the mails themselves, because copies of a thread can differ."""
        self.read_nodes(discussions, set(self.members))
        wanted = [(node.message_id, node.winner) for node in self.nodes.values() if node.winner]
        for (message_id, _), mail in discussions.stored(wanted).items():
            member = self.members.get(message_id)
            if member is None or mail.variant:
                continue
            node = Node(
                message_id, mail.parents, mail.kind, member.node.child or bool(mail.parents)
            )
            self.members[message_id] = replace(member, node=node, target=mail.target)
            self.homes[message_id].add(mail.thread)

    def threads(self, new: Iterable[Node], mails: Iterable[Mail]) -> Iterator[_Thread]:
        """Yield the threads after the mails were added."""
        joined = UnionFind()
        for message_id, homes in self.homes.items():
            for home in homes:
                # The root is a member of its thread.
                joined.join(message_id, home)
        for mail in mails:
            joined.find(mail.message_id)
            for parent in mail.parents:
                joined.join(mail.message_id, parent)
        nodes = merge_nodes([*(member.node for member in self.members.values()), *new])
        for ids in joined.sets():
            known = {message_id: nodes.get(message_id) or Node(message_id) for message_id in ids}
            yield _Thread(root_of(ids, known), known)


def _merge_members(first: MemberRow, second: MemberRow) -> MemberRow:
    seen, rest = (first, second) if first.node.kind is not None else (second, first)
    return replace(
        seen,
        node=replace(seen.node, child=seen.node.child or rest.node.child),
        cover=seen.cover or rest.cover,
    )


@dataclass(frozen=True, slots=True)
class _Thread:
    root: str
    nodes: dict[str, Node]

    def cover_of(self, message_id: str) -> str:
        """Return the cover letter of a patch, or an empty string."""
        node = self.nodes[message_id]
        if node.kind is not MailKind.PATCH:
            return ""
        return next(
            (
                parent
                for parent in node.parents
                if parent in self.nodes and self.nodes[parent].kind is MailKind.COVER
            ),
            "",
        )


class _ThreadWriter:
    """Writes a thread in the order that the module's docstring explains."""

    def __init__(
        self,
        store: MailStore,
        thread: _Thread,
        state: _State,
        winners: Mapping[str, Mail],
        mentioned: set[str],
    ) -> None:
        self._store = store
        self._discussions = store._discussions
        self._discussions_table = store._discussions_table
        self._patches_table = store._patches_table
        self._project = store._project
        self._thread = thread
        self._state = state
        self._mentioned = mentioned
        self._new = {
            message_id: mail for message_id, mail in winners.items() if message_id in thread.nodes
        }
        self._early: set[str] = set()
        targets = targets_of(thread.nodes, thread.nodes)
        self._members = {
            message_id: MemberRow(node, targets.get(message_id, ""), thread.cover_of(message_id))
            for message_id, node in thread.nodes.items()
        }

    def write(self) -> None:
        """Write the whole thread."""
        old = self._members.keys() - self._new.keys()
        moved = {message_id for message_id in self._members if self._stale_homes(message_id)}
        touched = {
            message_id for message_id in old if message_id in moved or self._changed(message_id)
        }
        self._state.read_nodes(self._discussions, touched)
        order = self._order()
        self._write_members()
        mails = self._stored_mails(touched)
        self._move_mails(mails)
        self._update_links(mails)
        self._announce_move(moved)
        self._remove_old_members(moved)
        self._write_nodes(old | self._early)
        for message_id in order:
            self._write_mail(self._new[message_id])

    def _order(self) -> list[str]:
        """Return the new mails, each after those that it answers.

        The messages that a stored mail mentions must be known. Otherwise, after an interrupted
        run, the next run would miss a mail that connects a thread. Mails that answer each other in
        a circle have no such order; those that come too late are added to `_early`.
        """
        order: list[str] = []
        done: set[str] = set()
        for first in sorted(self._new, key=lambda message_id: sort_of(self._new[message_id])):
            stack = [(first, iter(self._answered(first)))]
            begun = {first}
            while stack:
                message_id, answered = stack[-1]
                before = next((parent for parent in answered if parent not in done | begun), None)
                if before is not None:
                    begun.add(before)
                    stack.append((before, iter(self._answered(before))))
                    continue
                stack.pop()
                if message_id not in done:
                    done.add(message_id)
                    order.append(message_id)
                    self._early.update(set(self._answered(message_id)) - done)
        return order

    def _answered(self, message_id: str) -> list[str]:
        """Return the new mails that a new mail answers."""
        return [parent for parent in self._new[message_id].parents if parent in self._new]

    def _stale_homes(self, message_id: str) -> set[str]:
        return self._state.homes.get(message_id, set()) - {self._thread.root}

    def _write_members(self) -> None:
        """Write new and changed members, but not their links; see `_update_links`."""
        rows = []
        for message_id, wanted in sorted(self._members.items()):
            known = self._state.members.get(message_id)
            if message_id in self._new:
                if not self._stale_homes(message_id) and message_id not in self._early:
                    continue
                # The mail is written last. Until then, it is only mentioned.
                kept = MemberRow(Node(message_id, child=wanted.node.child))
            else:
                kept = replace(
                    wanted,
                    target=known.target if known else "",
                    cover=known.cover if known else "",
                )
            # If there are several copies, it is unknown which is right.
            only_here = self._state.homes.get(message_id) == {self._thread.root}
            if known is None or not only_here or known.node != kept.node:
                rows.append(kept.item(self._project, self._thread.root))
        self._discussions_table.write_many(rows)

    def _stored_mails(self, touched: set[str]) -> dict[str, Discussion]:
        """Read the mails that must be changed."""
        wanted = [
            (message_id, node.winner)
            for message_id in sorted(touched)
            if (node := self._state.nodes.get(message_id)) and node.winner
        ]
        stored = self._discussions.stored(wanted)
        return {message_id: mail for (message_id, _), mail in stored.items()}

    def _changed(self, message_id: str) -> bool:
        known, wanted = self._state.members.get(message_id), self._members[message_id]
        return known is not None and (known.target, known.cover) != (wanted.target, wanted.cover)

    def _move_mails(self, mails: Mapping[str, Discussion]) -> None:
        for message_id, mail in sorted(mails.items()):
            if mail.thread == self._thread.root:
                continue
            placed = replace(mail, thread=self._thread.root)
            changes = {
                "thread": placed.thread,
                "thread_key": index_keys(placed).get("thread_key"),
            }
            transaction = self._discussions_table.transaction()
            transaction.update(Update(item_key(mail), set_values=changes))
            if mail.kind.is_target:
                key = {"id": keys.patch_id(self._project, message_id)}
                transaction.update(
                    Update(key, set_values={"thread": placed.thread}), self._patches_table
                )
            transaction.commit()

    def _update_links(self, mails: Mapping[str, Discussion]) -> None:
        """Link mails to targets that arrived after them, and patches to their cover letters."""
        for message_id in sorted(mails):
            if not self._changed(message_id):
                continue
            mail, wanted = mails[message_id], self._members[message_id]
            placed = replace(mail, thread=self._thread.root, target=wanted.target)
            transaction = self._discussions_table.transaction()
            transaction.put(Put(wanted.item(self._project, self._thread.root)))
            if mail.target != wanted.target:
                transaction.update(
                    Update(
                        item_key(mail),
                        set_values={
                            "target": wanted.target or None,
                            "patch_key": index_keys(placed).get("patch_key"),
                        },
                        only_if={"target": mail.target or None},
                    )
                )
                if mail.target:
                    self._store.count(transaction.update, mail, -1)
                if wanted.target:
                    self._store.count(transaction.update, placed, 1)
            if mail.kind is MailKind.PATCH:
                key = {"id": keys.patch_id(self._project, message_id)}
                cover = {"cover": wanted.cover or None}
                transaction.update(Update(key, set_values=cover), self._patches_table)
            transaction.commit()

    def _announce_move(self, moved: set[str]) -> None:
        """Record at the old roots that their threads are being moved, and where to.

        Until the move is complete, each root leads to the other.
        """
        roots = {home for message_id in moved for home in self._stale_homes(message_id)}
        for old_root in sorted(roots):
            known = self._state.nodes.get(old_root) or NodeRow(old_root, old_root)
            row = replace(known, thread=self._thread.root, moving=True)
            self._state.nodes[old_root] = row
            self._discussions_table.put(Put(row.item(self._project)))

    def _remove_old_members(self, moved: set[str]) -> None:
        self._discussions_table.write_many(
            deletes=[
                {"id": keys.members_id(self._project, home), "timestamp": message_id}
                for message_id in sorted(moved)
                for home in sorted(self._stale_homes(message_id))
            ]
        )

    def _write_nodes(self, old: set[str]) -> None:
        rows: dict[bool, list[Item]] = {False: [], True: []}
        for message_id in sorted(old):
            known = self._state.nodes.get(message_id)
            if message_id in self._state.members and message_id not in self._state.read_ids:
                # This member has not changed.
                continue
            if known is None or known.moving or known.thread != self._thread.root:
                row = NodeRow(message_id, self._thread.root, known.winner if known else "")
                rows[message_id in self._mentioned].append(row.item(self._project))
        self._discussions_table.write_many(rows[False])
        self._discussions_table.write_many(rows[True])

    def _write_mail(self, mail: Mail) -> None:
        """Store a new mail, its position and its effect on a patch in one transaction."""
        member = self._members[mail.message_id]
        discussion = replace(
            discussion_from(self._project, mail),
            thread=self._thread.root,
            target=member.target,
        )
        content = self._discussions.write_pieces(mail)
        node = NodeRow(mail.message_id, self._thread.root, sort_of(mail))
        transaction = self._discussions_table.transaction()
        transaction.put(Put(node.item(self._project), only_if={"winner": None}))
        transaction.put(Put({**discussion_item(discussion), **content}))
        transaction.put(Put(member.item(self._project, self._thread.root)))
        if mail.kind.is_target:
            transaction.update(self._patch_update(mail, member), self._patches_table)
        elif member.target:
            self._store.count(transaction.update, discussion, 1)
        transaction.commit()

    def _patch_update(self, mail: Mail, member: MemberRow) -> Update:
        """Return the update of a patch with the attributes that come from its mail."""
        return Update(
            {"id": keys.patch_id(self._project, mail.message_id)},
            set_values={
                "mail_kind": mail.kind.value,
                "mail_subject": mail.subject,
                "mail_author": person_value(mail.author),
                "mail_sort": sort_of(mail),
                "thread": self._thread.root,
                "cover": member.cover or None,
                "change_id": mail.change_id or None,
                "paths": list(mail.paths) or None,
                "paths_total": mail.paths_total or None,
                "trailers": trailer_values(mail.trailers) or None,
            },
            set_if_missing={"reply_count": 0},
        )
