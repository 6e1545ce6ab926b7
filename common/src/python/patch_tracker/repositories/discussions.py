"""Mails: found by message id, patch, thread and author; and the rows behind threads.

The table holds, beside the mails, a row for each message id that was seen or mentioned (which
thread it is in), the members of each thread, and the pieces of mails that are too large for one
item. They are read consistently; the indexes are for readers.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import batched
from typing import Any, Final

from patch_tracker.mail.dates import from_iso
from patch_tracker.mail.message import Mail, normalize_message_id
from patch_tracker.mail.threads import Node
from patch_tracker.models import Discussion, MailKind, Patch, ReplySummary, Sentiment
from patch_tracker.repositories import keys
from patch_tracker.repositories.codec import (
    person_of,
    person_value,
    trailer_values,
    trailers_of,
)
from patch_tracker.repositories.errors import DatabaseError, ItemNotFoundError
from patch_tracker.repositories.pagination import Page, decode_token, encode_token
from patch_tracker.repositories.table import DynamoTable, Item

INLINE_BYTES: Final = 64 * 1024
"""Compressed mails up to this size are in their own item: reading one stays one call."""

PIECE_BYTES: Final = 300 * 1024
"""Of a larger mail; an item may have 400 KB in all."""

_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class NodeRow:
    """Where a message id belongs.

    Attributes
    ----------
    thread
        Root of its thread.
    winner
        Sort key of the mail that counts for the id; empty where none was seen.
    moving
        Whether members of a thread that this id is no longer the root of may still be there.
    """

    message_id: str
    thread: str
    winner: str = ""
    moving: bool = False

    def item(self, project: str) -> Item:
        """Return it as an item."""
        return {
            "id": keys.node_id(project, self.message_id),
            "timestamp": keys.ONLY,
            "thread": self.thread,
            **({"winner": self.winner} if self.winner else {}),
            **({"moving": True} if self.moving else {}),
        }


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A message id in its thread.

    Attributes
    ----------
    node
        What is known of it.
    target
        The target to which its mail is linked, as it is counted there; empty for none.
    cover
        Of a patch its cover letter; empty for none.
    """

    node: Node
    target: str = ""
    cover: str = ""

    def item(self, project: str, root: str) -> Item:
        """Return it as an item of a thread."""
        optional: Item = {
            "kind": self.node.kind.value if self.node.kind else "",
            "parents": list(self.node.parents),
            "target": self.target,
            "cover": self.cover,
        }
        return {
            "id": keys.members_id(project, root),
            "timestamp": self.node.message_id,
            "child": self.node.child,
            **{name: value for name, value in optional.items() if value},
        }


class DiscussionRepository:
    """The table Discussions of one project.

    Parameters
    ----------
    table
        The table.
    project
        Whose mails.
    """

    def __init__(self, table: DynamoTable, project: str) -> None:
        self.table = table
        self.project = project

    def by_message_id(self, message_id: str, *, consistent: bool = False) -> Discussion:
        """Return the mail that counts for a message id.

        Raises
        ------
        ItemNotFoundError
            There is none.
        """
        for one in self.all_of(message_id, consistent=consistent):
            if not one.variant:
                return one
        raise ItemNotFoundError(
            f"there is no mail {message_id!r} in table {self.table.name}",
            table=self.table.name,
            message_id=message_id,
        )

    def all_of(self, message_id: str, *, consistent: bool = False) -> list[Discussion]:
        """Return all mails of a message id: the one that counts, and others that came under it."""
        item_id = keys.patch_id(self.project, normalize_message_id(message_id))
        found = self.table.query_all(None, ("id", item_id), consistent=consistent)
        return [discussion_of(item) for item in found]

    def by_patch(
        self,
        message_id: str,
        *,
        limit: int = _PAGE,
        token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Discussion]:
        """Return a page of what belongs to a patch, cover letter or pull request, itself too."""
        key = keys.patch_key(self.project, normalize_message_id(message_id))
        return self._page(keys.PATCH_INDEX, ("patch_key", key), limit, token, newest_first)

    def by_thread(
        self, root: str, *, limit: int = _PAGE, token: str | None = None, newest_first: bool = True
    ) -> Page[Discussion]:
        """Return a page of a thread."""
        key = keys.thread_key(self.project, normalize_message_id(root))
        return self._page(keys.THREAD_INDEX, ("thread_key", key), limit, token, newest_first)

    def by_author(
        self, email: str, *, limit: int = _PAGE, token: str | None = None, newest_first: bool = True
    ) -> Page[Discussion]:
        """Return a page of a person's mails."""
        key = keys.author_key(self.project, email)
        return self._page(keys.AUTHOR_INDEX, ("author_key", key), limit, token, newest_first)

    def replies(self, message_id: str) -> tuple[ReplySummary, ...]:
        """Return what was answered to a patch, cover letter or pull request, oldest first."""
        key = ("patch_key", keys.patch_key(self.project, normalize_message_id(message_id)))
        found = map(discussion_of, self.table.query_all(keys.PATCH_INDEX, key))
        return tuple(sorted(reply_summary(one) for one in found if not one.kind.is_target))

    def with_replies(self, patches: Iterable[Patch]) -> Iterator[Patch]:
        """Yield patches with their replies; one query for each that has any."""
        for patch in patches:
            if patch.reply_count:
                yield replace(patch, replies=self.replies(patch.message_id))
            else:
                yield patch

    def content(self, discussion: Discussion, *, consistent: bool = False) -> bytes:
        """Return a mail as it came, byte for byte.

        Raises
        ------
        ItemNotFoundError
            It is not there.
        DatabaseError
            A piece of it is missing.
        """
        key = item_key(discussion)
        item = self.table.get(key, consistent=consistent)
        if item is None:
            raise ItemNotFoundError(
                f"there is no mail {key['id']!r} in table {self.table.name}", **key
            )
        if "content" in item:
            return gzip.decompress(item["content"])
        pieces_id = keys.body_id(self.project, discussion.message_id, discussion.digest)
        pieces = list(self.table.query_all(None, ("id", pieces_id), consistent=consistent))
        if len(pieces) != item["pieces"]:
            raise DatabaseError(
                f"mail {key['id']!r} has {len(pieces)} of {item['pieces']} pieces",
                table=self.table.name,
                operation="content",
            )
        return gzip.decompress(b"".join(piece["content"] for piece in pieces))

    def nodes(self, message_ids: Iterable[str]) -> dict[str, NodeRow]:
        """Return what is known of message ids, for those of which anything is."""
        asked = [
            {"id": keys.node_id(self.project, one), "timestamp": keys.ONLY} for one in message_ids
        ]
        found = {}
        for item in self.table.get_many(asked, consistent=True):
            message_id = item["id"].removeprefix(keys.node_id(self.project, ""))
            found[message_id] = NodeRow(
                message_id, item["thread"], item.get("winner", ""), item.get("moving", False)
            )
        return found

    def members(self, root: str) -> list[MemberRow]:
        """Return the members of a thread, mere mentions included."""
        partition = ("id", keys.members_id(self.project, root))
        return [
            MemberRow(
                Node(
                    item["timestamp"],
                    tuple(item.get("parents", ())),
                    MailKind(item["kind"]) if "kind" in item else None,
                    item["child"],
                ),
                item.get("target", ""),
                item.get("cover", ""),
            )
            for item in self.table.query_all(None, partition, consistent=True)
        ]

    def stored(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Discussion]:
        """Return those of some mails, by message id and sort key, that are stored."""
        asked = [
            {"id": keys.patch_id(self.project, message_id), "timestamp": sort}
            for message_id, sort in wanted
        ]
        found = {}
        for item in self.table.get_many(asked, consistent=True):
            discussion = discussion_of(item)
            found[discussion.message_id, item["timestamp"]] = discussion
        return found

    def write_pieces(self, mail: Mail) -> Item:
        """Return the attributes that hold a mail's bytes; a large mail's pieces are written."""
        content = compressed(mail.raw)
        if len(content) <= INLINE_BYTES:
            return {"content": content}
        item_id = keys.body_id(self.project, mail.message_id, mail.digest)
        pieces = [bytes(piece) for piece in batched(content, PIECE_BYTES)]
        for number, piece in enumerate(pieces):
            # One a call: a batch of them could be larger than a request may be.
            self.table.write_many([{"id": item_id, "timestamp": f"{number:04d}", "content": piece}])
        return {"pieces": len(pieces)}

    def _page(
        self,
        index: str,
        key: tuple[str, str],
        limit: int,
        token: str | None,
        newest_first: bool,
    ) -> Page[Discussion]:
        question = (index, key[1], str(newest_first))
        page = self.table.query(
            index,
            key,
            newest_first=newest_first,
            limit=limit,
            after=decode_token(question, token) if token else None,
        )
        following = encode_token(question, page.last_key) if page.last_key else None
        return Page(tuple(discussion_of(item) for item in page.items), following)


def compressed(content: bytes) -> bytes:
    """Compress bytes, always to the same result."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def sort_of(mail: Mail | Discussion) -> str:
    """Return a mail's sort key: its time, and what tells it from another of the same id."""
    return keys.sort_key(mail.timestamp, mail.digest)


def item_key(discussion: Discussion) -> dict[str, str]:
    """Return the key of a stored mail."""
    return {
        "id": keys.patch_id(discussion.project, discussion.message_id),
        "timestamp": sort_of(discussion),
    }


def discussion_from(project: str, mail: Mail) -> Discussion:
    """Return a mail as it is stored, before it has a thread and a target."""
    return Discussion(
        project=project,
        message_id=mail.message_id,
        timestamp=mail.timestamp,
        digest=mail.digest,
        kind=mail.kind,
        author=mail.author,
        subject=mail.subject,
        parents=mail.parents,
        trailers=mail.trailers,
        review=mail.review,
        sentiment=mail.sentiment,
        sentiment_rule=mail.sentiment_rule,
        problems=mail.problems,
    )


def discussion_item(discussion: Discussion) -> Item:
    """Return a mail's item, without its bytes.

    One that does not count for its message id is in no index.
    """
    optional: dict[str, Any] = {
        "parents": list(discussion.parents),
        "thread": discussion.thread,
        "target": discussion.target,
        "trailers": trailer_values(discussion.trailers),
        "review": discussion.review,
        "sentiment_rule": discussion.sentiment_rule,
        "variant": discussion.variant,
        "problems": list(discussion.problems),
    }
    return {
        **item_key(discussion),
        "kind": discussion.kind.value,
        "author": person_value(discussion.author),
        "subject": discussion.subject,
        "sentiment": discussion.sentiment.value,
        **{name: value for name, value in optional.items() if value},
        **index_keys(discussion),
    }


def index_keys(discussion: Discussion) -> Item:
    """Return the partitions of the indexes in which a mail is."""
    if discussion.variant:
        return {}
    project = discussion.project
    found = {"thread_key": keys.thread_key(project, discussion.thread)}
    if discussion.author.email:
        found["author_key"] = keys.author_key(project, discussion.author.email)
    if discussion.target:
        found["patch_key"] = keys.patch_key(project, discussion.target)
    return found


def discussion_of(item: Item) -> Discussion:
    """Read a mail's item."""
    project, message_id = keys.split_id(item["id"])
    time, _, digest = item["timestamp"].partition("#")
    return Discussion(
        project=project,
        message_id=message_id,
        timestamp=from_iso(time),
        digest=digest,
        kind=MailKind(item["kind"]),
        author=person_of(item["author"]),
        subject=item["subject"],
        parents=tuple(item.get("parents", ())),
        thread=item.get("thread", ""),
        target=item.get("target", ""),
        trailers=trailers_of(item.get("trailers", ())),
        review=item.get("review", False),
        sentiment=Sentiment(item["sentiment"]),
        sentiment_rule=item.get("sentiment_rule", ""),
        variant=item.get("variant", False),
        problems=tuple(item.get("problems", ())),
    )


def reply_summary(discussion: Discussion) -> ReplySummary:
    """Return what a patch keeps of a reply."""
    return ReplySummary(
        discussion.timestamp,
        discussion.message_id,
        discussion.author,
        discussion.sentiment,
        discussion.review,
        discussion.trailers,
    )
