"""Stores mails with their threads and links, so that only the set of mails decides the result.

The order of mails, and of the calls of this module, does not matter, and neither does a crash
between any two writes: the next run over the same mails ends in the same tables. For this

* what is written for a mail that is new comes last, in one transaction: as long as that is
  missing, the next run works the whole of its thread out again;
* before that, threads that turn out to be one are moved: their members are copied, the mails and
  patches are told, the row of the old root says that it is being moved and where to; then the old
  members go, then come the rows that tell the thread of each other id, and last those of the ids
  by which the next run would notice;
* a count at a patch changes in the transaction that changes the link.

One run writes at a time, see `repositories.state.Lease`.
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
"""Attributes of a patch that its own mail owns; `reply_count` is its answers'."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of storing some mails: new ones, and those that were there already."""

    new: int
    known: int


class MailStore:
    """Stores mails of one project.

    Parameters
    ----------
    discussions
        The table Discussions.
    patches
        The table Patches, in which replies are counted.
    """

    def __init__(self, discussions: DiscussionRepository, patches: DynamoTable) -> None:
        self._discussions = discussions
        self._discussions_table = discussions.table
        self._patches_table = patches
        self._project = discussions.project

    def missing(self, mails: Sequence[Mail]) -> list[Mail]:
        """Return those of some mails that are not stored; of equal ones the first."""
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
        """Store mails, with their threads, links and counts.

        Raises
        ------
        DatabaseError
            Something could not be written. Whatever was written stays right.
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
        winners = self._elect(by_id, state)
        told = [
            node
            for mail in mails
            for node in nodes_of(mail.message_id, mail.parents, mail.kind)
            # A mail that does not count for its id says which mails belong together all the same.
            if node.kind is None or winners.get(node.message_id) is mail
        ]
        told += [
            Node(mail.message_id, child=bool(mail.parents))
            for mail in mails
            if winners.get(mail.message_id) is not mail
        ]
        for thread in state.threads(told, mails):
            _ThreadWriter(self, thread, state, winners, mentioned).write()
        self._store_variants(mail for mail in mails if winners.get(mail.message_id) is not mail)

    def _elect(self, by_id: Mapping[str, Sequence[Mail]], state: _State) -> dict[str, Mail]:
        """Return the new mails that count for their ids: the first by time, then by digest.

        A mail that counted until now and no longer does is put back first.
        """
        winners = {}
        for message_id, rivals in by_id.items():
            best = min(rivals, key=sort_of)
            node = state.nodes.get(message_id)
            if node is not None and node.winner:
                if node.winner < sort_of(best):
                    continue
                self._put_back(message_id, node, state)
            winners[message_id] = best
        return winners

    def _put_back(self, message_id: str, node: NodeRow, state: _State) -> None:
        """Make a mail one that does not count for its id; what it brought to a patch is taken out.

        Between this and the transaction that puts another in its place, none counts.
        """
        (old,) = self._discussions.stored([(message_id, node.winner)]).values()
        lost = NodeRow(message_id, node.thread)
        member = state.members[message_id]
        ghost = replace(member, node=Node(message_id, child=member.node.child), target="", cover="")
        transaction = self._discussions_table.transaction()
        transaction.put(Put(lost.item(self._project), only_if={"winner": node.winner}))
        transaction.put(Put(ghost.item(self._project, node.thread)))
        transaction.update(
            Update(
                item_key(old),
                set_values={"variant": True}
                | dict.fromkeys(("thread", "target", "thread_key", "patch_key", "author_key")),
            )
        )
        if old.kind.is_target:
            key = {"id": keys.patch_id(self._project, message_id)}
            forget = dict.fromkeys(MAIL_FIELDS)
            transaction.update(Update(key, set_values=forget), self._patches_table)
        elif old.target:
            self.count(transaction.update, old, -1)
        transaction.commit()
        state.nodes[message_id] = lost
        state.members[message_id] = ghost

    def _store_variants(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            discussion = replace(discussion_from(self._project, mail), variant=True)
            content = self._discussions.write_pieces(mail)
            self._discussions_table.put(Put({**discussion_item(discussion), **content}))

    def count(self, update: Any, discussion: Discussion, sign: int) -> None:  # noqa: ANN401 - bound method
        """Add a reply to its target, or take it out, in a transaction."""
        key = {"id": keys.patch_id(self._project, discussion.target)}
        update(Update(key, add={"reply_count": sign}), self._patches_table)


@dataclass
class _State:
    """What the tables say of the threads that some mails touch.

    Attributes
    ----------
    nodes, members
        By message id.
    homes
        By message id, the roots under which a member is stored.
    asked
        Ids of which `nodes` has all that there is.
    """

    nodes: dict[str, NodeRow]
    members: dict[str, MemberRow]
    homes: dict[str, set[str]]
    asked: set[str]

    @classmethod
    def load(cls, discussions: DiscussionRepository, mentioned: set[str]) -> _State:
        """Read the threads of some message ids."""
        state = cls({}, {}, defaultdict(set), set())
        state.ask(discussions, mentioned)
        for root in sorted(state._roots(discussions)):
            for member in discussions.members(root):
                message_id = member.node.message_id
                state.homes[message_id].add(root)
                known = state.members.get(message_id)
                state.members[message_id] = _merge_members(known, member) if known else member
        # An id whose thread has lost its members already, because a move of threads broke off.
        for message_id, node in state.nodes.items():
            state.homes[message_id].add(node.thread)
            state.members.setdefault(message_id, MemberRow(Node(message_id)))
        if any(len(homes) > 1 for homes in state.homes.values()) or any(
            node.moving for node in state.nodes.values()
        ):
            # A move of threads broke off.
            state._trust_mails(discussions)
        return state

    def ask(self, discussions: DiscussionRepository, message_ids: set[str]) -> dict[str, NodeRow]:
        """Read the nodes of some ids that were not read yet, and return those."""
        found = discussions.nodes(message_ids - self.asked)
        self.asked |= message_ids
        self.nodes |= found
        return found

    def _roots(self, discussions: DiscussionRepository) -> set[str]:
        """Return the roots of all threads concerned, those that are being moved included."""
        roots: set[str] = set()
        fresh = dict(self.nodes)
        while fresh:
            found = {node.thread for node in fresh.values()}
            found |= {one for one, node in fresh.items() if node.moving}
            fresh = self.ask(discussions, found)
            roots |= found
        return roots

    def _trust_mails(self, discussions: DiscussionRepository) -> None:
        """Take what the mails themselves say, where copies of a thread may differ."""
        self.ask(discussions, set(self.members))
        wanted = [(one, node.winner) for one, node in self.nodes.items() if node.winner]
        for (message_id, _), mail in discussions.stored(wanted).items():
            member = self.members.get(message_id)
            if member is None or mail.variant:
                continue
            node = Node(
                message_id, mail.parents, mail.kind, member.node.child or bool(mail.parents)
            )
            self.members[message_id] = replace(member, node=node, target=mail.target)
            self.homes[message_id].add(mail.thread)

    def threads(self, told: Iterable[Node], mails: Iterable[Mail]) -> Iterator[_Thread]:
        """Yield each thread that there is once the mails are in it."""
        joined = UnionFind()
        for message_id, homes in self.homes.items():
            for home in homes:
                # A thread is named by one of its own.
                joined.join(message_id, home)
        for mail in mails:
            joined.find(mail.message_id)
            for parent in mail.parents:
                joined.join(mail.message_id, parent)
        nodes = merge_nodes([*(member.node for member in self.members.values()), *told])
        for ids in joined.sets():
            known = {one: nodes.get(one) or Node(one) for one in ids}
            yield _Thread(root_of(ids, known), known)


def _merge_members(one: MemberRow, other: MemberRow) -> MemberRow:
    seen, rest = (one, other) if one.node.kind is not None else (other, one)
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
        """Return the cover letter of a patch, empty where there is none."""
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
    """Writes one thread as it is now; see the module for the order."""

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
        self._new = {one: mail for one, mail in winners.items() if one in thread.nodes}
        self._early: set[str] = set()
        targets = targets_of(thread.nodes, thread.nodes)
        self._members = {
            one: MemberRow(node, targets.get(one, ""), thread.cover_of(one))
            for one, node in thread.nodes.items()
        }

    def write(self) -> None:
        """Write everything of the thread."""
        old = self._members.keys() - self._new.keys()
        moved = {one for one in self._members if self._stale_homes(one)}
        touched = {one for one in old if one in moved or self._changed(one)}
        self._state.ask(self._discussions, touched)
        order = self._order()
        self._write_members()
        mails = self._stored_mails(touched)
        self._move_mails(mails)
        self._relink(mails)
        self._announce_move(moved)
        self._remove_old_members(moved)
        self._write_nodes(old | self._early)
        for message_id in order:
            self._write_mail(self._new[message_id])

    def _order(self) -> list[str]:
        """Return the new mails so that each comes after those that it answers.

        What a stored mail mentions must be known, or a run that breaks off would leave a mail that
        holds a thread together without the next run seeing it. Mails that answer each other in a
        ring have no such order: those that come too late for it go into `_early`.
        """
        order: list[str] = []
        done: set[str] = set()
        for first in sorted(self._new, key=lambda one: sort_of(self._new[one])):
            stack = [(first, iter(self._answered(first)))]
            begun = {first}
            while stack:
                one, answered = stack[-1]
                before = next((parent for parent in answered if parent not in done | begun), None)
                if before is not None:
                    begun.add(before)
                    stack.append((before, iter(self._answered(before))))
                    continue
                stack.pop()
                if one not in done:
                    done.add(one)
                    order.append(one)
                    self._early.update(set(self._answered(one)) - done)
        return order

    def _answered(self, message_id: str) -> list[str]:
        """Return those of the new mails that a new mail answers."""
        return [one for one in self._new[message_id].parents if one in self._new]

    def _stale_homes(self, message_id: str) -> set[str]:
        return self._state.homes.get(message_id, set()) - {self._thread.root}

    def _write_members(self) -> None:
        """Write members that are new here, or known better; not their links, see `_relink`."""
        rows = []
        for one, wanted in sorted(self._members.items()):
            known = self._state.members.get(one)
            if one in self._new:
                if not self._stale_homes(one) and one not in self._early:
                    continue
                # Its mail comes last: until then it is a mere mention, as it was.
                kept = MemberRow(Node(one, child=wanted.node.child))
            else:
                kept = replace(
                    wanted,
                    target=known.target if known else "",
                    cover=known.cover if known else "",
                )
            # Of several copies, it is not known which is right.
            only_here = self._state.homes.get(one) == {self._thread.root}
            if known is None or not only_here or known.node != kept.node:
                rows.append(kept.item(self._project, self._thread.root))
        self._discussions_table.write_many(rows)

    def _stored_mails(self, touched: set[str]) -> dict[str, Discussion]:
        """Read the mails that have to be changed."""
        wanted = [
            (one, node.winner)
            for one in sorted(touched)
            if (node := self._state.nodes.get(one)) and node.winner
        ]
        return {one: mail for (one, _), mail in self._discussions.stored(wanted).items()}

    def _changed(self, message_id: str) -> bool:
        known, wanted = self._state.members.get(message_id), self._members[message_id]
        return known is not None and (known.target, known.cover) != (wanted.target, wanted.cover)

    def _move_mails(self, mails: Mapping[str, Discussion]) -> None:
        for one, mail in sorted(mails.items()):
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
                key = {"id": keys.patch_id(self._project, one)}
                transaction.update(
                    Update(key, set_values={"thread": placed.thread}), self._patches_table
                )
            transaction.commit()

    def _relink(self, mails: Mapping[str, Discussion]) -> None:
        """Link mails anew whose target came after them, and patches to their cover letters."""
        for one in sorted(mails):
            if not self._changed(one):
                continue
            mail, wanted = mails[one], self._members[one]
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
                key = {"id": keys.patch_id(self._project, one)}
                cover = {"cover": wanted.cover or None}
                transaction.update(Update(key, set_values=cover), self._patches_table)
            transaction.commit()

    def _announce_move(self, moved: set[str]) -> None:
        """Let the rows of old roots say that their threads are being moved, and where to.

        Until that is over, whoever finds an old root finds the new one, and the other way round.
        """
        for old_root in sorted({home for one in moved for home in self._stale_homes(one)}):
            known = self._state.nodes.get(old_root) or NodeRow(old_root, old_root)
            row = replace(known, thread=self._thread.root, moving=True)
            self._state.nodes[old_root] = row
            self._discussions_table.put(Put(row.item(self._project)))

    def _remove_old_members(self, moved: set[str]) -> None:
        self._discussions_table.write_many(
            deletes=[
                {"id": keys.members_id(self._project, home), "timestamp": one}
                for one in sorted(moved)
                for home in sorted(self._stale_homes(one))
            ]
        )

    def _write_nodes(self, old: set[str]) -> None:
        rows: dict[bool, list[Item]] = {False: [], True: []}
        for one in sorted(old):
            known = self._state.nodes.get(one)
            if one in self._state.members and one not in self._state.asked:
                # A member for which nothing changed.
                continue
            if known is None or known.moving or known.thread != self._thread.root:
                row = NodeRow(one, self._thread.root, known.winner if known else "")
                rows[one in self._mentioned].append(row.item(self._project))
        self._discussions_table.write_many(rows[False])
        self._discussions_table.write_many(rows[True])

    def _write_mail(self, mail: Mail) -> None:
        """Store a new mail, with its place and its effect on a patch, at once or not at all."""
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
        """Return what a patch's own mail says of it; attributes that only mails own."""
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
