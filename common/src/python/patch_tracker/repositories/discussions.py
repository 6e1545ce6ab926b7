"""Finds mails by message ID, patch, thread and author; reads and writes the items of threads.

In addition to mails, the table contains an item for each message ID that was received or mentioned
(with its thread), the members of each thread, and the pieces of mails that are too large for one
item. The syncs read these consistently. Readers use the indexes.
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
"""Compressed mails up to this size are stored in their item, so that one call reads them."""

PIECE_BYTES: Final = 300 * 1024
"""Size of the pieces of larger mails; an item is limited to 400 KB."""

_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class NodeRow:
    """The thread of a message ID.

    Attributes
    ----------
    thread
        Root of the thread.
    winner
        Sort key of the mail that is shown for the message ID; empty if no mail was received.
    moving
        Whether this message ID was the root of a thread whose members are being moved.
    """

    message_id: str
    thread: str
    winner: str = ""
    moving: bool = False

    def item(self, project: str) -> Item:
        """Return the item for this row."""
        return {
            "id": keys.node_id(project, self.message_id),
            "timestamp": keys.ONLY,
            "thread": self.thread,
            **({"winner": self.winner} if self.winner else {}),
            **({"moving": True} if self.moving else {}),
        }


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member of a thread.

    Attributes
    ----------
    node
        Message ID, kind and parents.
    target
        Target to which the mail is linked and at which it is counted; empty if there is none.
    cover
        Cover letter of a patch; empty if there is none.
    """

    node: Node
    target: str = ""
    cover: str = ""

    def item(self, project: str, root: str) -> Item:
        """Return the item for this row in the thread with this root."""
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
    """The mails of one project.

    Parameters
    ----------
    table
        The table Discussions.
    project
        Patchwork's name of the project.
    """

    def __init__(self, table: DynamoTable, project: str) -> None:
        self.table = table
        self.project = project

    def by_message_id(self, message_id: str, *, consistent: bool = False) -> Discussion:
        """Return the mail that is shown for a message ID.

        Raises
        ------
        ItemNotFoundError
            If there is no such mail.
        """
        for mail in self.all_of(message_id, consistent=consistent):
            if not mail.variant:
                return mail
        raise ItemNotFoundError(
            f"there is no mail {message_id!r} in table {self.table.name}",
            table=self.table.name,
            message_id=message_id,
        )

    def all_of(self, message_id: str, *, consistent: bool = False) -> list[Discussion]:
        """Return all mails with a message ID, including those that are not shown."""
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
        """Return a page of a patch, cover letter or pull request and the mails linked to it."""
        key = keys.patch_key(self.project, normalize_message_id(message_id))
        return self._page(keys.PATCH_INDEX, ("patch_key", key), limit, token, newest_first)

    def by_thread(
        self, root: str, *, limit: int = _PAGE, token: str | None = None, newest_first: bool = True
    ) -> Page[Discussion]:
        """Return a page of the mails of a thread."""
        key = keys.thread_key(self.project, normalize_message_id(root))
        return self._page(keys.THREAD_INDEX, ("thread_key", key), limit, token, newest_first)

    def by_author(
        self, email: str, *, limit: int = _PAGE, token: str | None = None, newest_first: bool = True
    ) -> Page[Discussion]:
        """Return a page of the mails of a person."""
        key = keys.author_key(self.project, email)
        return self._page(keys.AUTHOR_INDEX, ("author_key", key), limit, token, newest_first)

    def replies(self, message_id: str) -> tuple[ReplySummary, ...]:
        """Return the replies to a patch, cover letter or pull request, oldest first."""
        key = ("patch_key", keys.patch_key(self.project, normalize_message_id(message_id)))
        found = map(discussion_of, self.table.query_all(keys.PATCH_INDEX, key))
        return tuple(sorted(reply_summary(mail) for mail in found if not mail.kind.is_target))

    def with_replies(self, patches: Iterable[Patch]) -> Iterator[Patch]:
        """Yield the patches with their replies. This takes a query for each patch with replies."""
        for patch in patches:
            if patch.reply_count:
                yield replace(patch, replies=self.replies(patch.message_id))
            else:
                yield patch

    def content(self, discussion: Discussion, *, consistent: bool = False) -> bytes:
        """Return the bytes of a mail exactly as received.

        Raises
        ------
        ItemNotFoundError
            If the mail is not stored.
        DatabaseError
            If a piece of it is missing.
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
        """Return the rows of those message IDs that were received or mentioned."""
        wanted = [
            {"id": keys.node_id(self.project, message_id), "timestamp": keys.ONLY}
            for message_id in message_ids
        ]
        found = {}
        for item in self.table.get_many(wanted, consistent=True):
            message_id = item["id"].removeprefix(keys.node_id(self.project, ""))
            found[message_id] = NodeRow(
                message_id, item["thread"], item.get("winner", ""), item.get("moving", False)
            )
        return found

    def members(self, root: str) -> list[MemberRow]:
        """Return the members of a thread, including messages that were only mentioned."""
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
        """Return those mails that are stored, by message ID and sort key."""
        item_keys = [
            {"id": keys.patch_id(self.project, message_id), "timestamp": sort}
            for message_id, sort in wanted
        ]
        found = {}
        for item in self.table.get_many(item_keys, consistent=True):
            discussion = discussion_of(item)
            found[discussion.message_id, item["timestamp"]] = discussion
        return found

    def write_pieces(self, mail: Mail) -> Item:
        """Return the attributes for a mail's bytes, after writing the pieces of a large mail."""
        content = compressed(mail.raw)
        if len(content) <= INLINE_BYTES:
            return {"content": content}
        item_id = keys.body_id(self.project, mail.message_id, mail.digest)
        pieces = [bytes(piece) for piece in batched(content, PIECE_BYTES)]
        for number, piece in enumerate(pieces):
            # One per call, because several pieces can exceed the size limit of a request.
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
        query = (index, key[1], str(newest_first))
        page = self.table.query(
            index,
            key,
            newest_first=newest_first,
            limit=limit,
            after=decode_token(query, token) if token else None,
        )
        following = encode_token(query, page.last_key) if page.last_key else None
        return Page(tuple(discussion_of(item) for item in page.items), following)


def compressed(content: bytes) -> bytes:
    """Compress bytes. The result depends only on the bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def sort_of(mail: Mail | Discussion) -> str:
    """Return the sort key of a mail: its time and its digest."""
    return keys.sort_key(mail.timestamp, mail.digest)


def item_key(discussion: Discussion) -> dict[str, str]:
    """Return the key of the item of a mail."""
    return {
        "id": keys.patch_id(discussion.project, discussion.message_id),
        "timestamp": sort_of(discussion),
    }


def discussion_from(project: str, mail: Mail) -> Discussion:
    """Convert a parsed mail for storage, without thread and target."""
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
    """Return the item of a mail without its bytes.

    A mail that is not shown for its message ID is not in any index.
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
    """Return the index keys of a mail."""
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
    """Convert an item to a mail."""
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
    """Return the summary of a reply."""
    return ReplySummary(
        discussion.timestamp,
        discussion.message_id,
        discussion.author,
        discussion.sentiment,
        discussion.review,
        discussion.trailers,
    )
