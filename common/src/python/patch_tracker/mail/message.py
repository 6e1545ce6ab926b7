"""Parses a mail. Any bytes are accepted."""

from __future__ import annotations

import datetime as dt
import email
import hashlib
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from itertools import islice
from typing import Final

from patch_tracker.mail import diff, review
from patch_tracker.mail.dates import parse_date, received_time, sorting_time
from patch_tracker.mail.mbox import RawMail
from patch_tracker.mail.subject import Subject, parse_subject
from patch_tracker.mail.text import decode, encodable, header_text
from patch_tracker.mail.trailers import trailers_of
from patch_tracker.models import MailKind, Person, Sentiment, Trailer

_MESSAGE_ID: Final = re.compile(r"<\s*([^<>]*?)\s*>")
_CHANGE_ID: Final = re.compile(
    r"^change-id:[ \t]*(\S{1,200})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_PULL: Final = re.compile(
    r"^are available in the (?:git )?repository at:?", re.IGNORECASE | re.MULTILINE
)
_ADDRESS_ENDS: Final = re.compile(r"[\s<>\"',;]+")

_ARCHIVE_FIELDS: Final = re.compile(
    rb"^(?:archived-at|content-length|lines|list-archive|list-post|status):.*\n(?:[ \t].*\n)*",
    re.IGNORECASE | re.MULTILINE,
)

MAX_ID: Final = 512
"""Maximum bytes of a message ID, which becomes a part of keys; a hash replaces longer ones."""

MAX_PARENTS: Final = 100
MAX_PATHS: Final = 200
MAX_PATHS_BYTES: Final = 64 * 1024
"""Maximum size of all stored paths of a patch in UTF-8, because an item has a size limit."""

MAX_SUBJECT: Final = 1_000
MAX_NAME: Final = 200
"""Maximum characters of a stored subject and name. The mail itself is stored completely."""

MAX_HEADER: Final = 64 * 1024
"""Maximum characters of a header that are read."""

MAX_TEXT: Final = 4 * 1024 * 1024
"""Maximum characters of text that are read: more than twice the largest real mail."""

_MAX_PARTS: Final = 200


@dataclass(frozen=True, slots=True)
class Mail:
    """A parsed mail.

    Attributes
    ----------
    message_id
        Without `<` and `>`. If missing, it is derived from the digest.
    digest
        Hash of the mail without the headers that archives add; see `models.Discussion`.
    date, received
        From the headers; None if missing or invalid.
    parents
        Message IDs in In-Reply-To and References, nearest first.
    body
        Decoded text with code and quotes, at most `MAX_TEXT` characters.
    paths, paths_total
        Files that a patch touches, at most `MAX_PATHS`, and how many there are in total.
    problems
        What could not be read properly.
    """

    message_id: str
    digest: str
    kind: MailKind
    author: Person
    subject: str
    heading: Subject
    date: dt.datetime | None
    received: dt.datetime | None
    timestamp: dt.datetime
    parents: tuple[str, ...]
    body: str
    change_id: str
    paths: tuple[str, ...]
    paths_total: int
    trailers: tuple[Trailer, ...]
    review: bool
    sentiment: Sentiment
    sentiment_rule: str
    problems: tuple[str, ...]
    raw: bytes


def normalize_message_id(text: str) -> str:
    r"""Return a message ID as it is stored: without brackets and spaces, at most `MAX_ID` bytes.

    Examples
    --------
    >>> normalize_message_id(" <a b@\tc> (comment)")
    'ab@c'
    """
    found = _MESSAGE_ID.search(text)
    bare = re.sub(r"\s+", "", found[1] if found else text).strip("<>").replace("\0", "")
    if len(bare.encode()) > MAX_ID:
        return f"sha256-{hashlib.sha256(bare.encode()).hexdigest()}@too-long.invalid"
    return bare


def parse_mail(raw: RawMail | bytes) -> Mail:
    r"""Parse a mail.

    Examples
    --------
    >>> mail = parse_mail(b"From: Ada <ada@example.org>\nMessage-ID: <1@x>\n\nHello")
    >>> mail.message_id, mail.author.email, mail.body
    ('1@x', 'ada@example.org', 'Hello')
    >>> mail.problems
    ('no date',)
    """
    if isinstance(raw, bytes):
        raw = RawMail(raw)
    problems: list[str] = []
    if raw.cut:
        problems.append(f"cut: {raw.cut} bytes above the limit were removed")
    message, body = _message_and_body(raw.content, problems)
    headers = _Headers(message)
    author = _author(headers)
    subject = headers.text("subject")
    heading = parse_subject(subject)
    parents = _parents(headers)
    date = parse_date(headers.raw("date"))
    received = received_time(headers.raws("received"))
    if not headers.raw("date"):
        problems.append("no date")
    elif date is None:
        problems.append("unreadable date")
    timestamp = sorting_time(date, received)
    if date is not None and timestamp != date:
        problems.append("implausible date")
    digest = _digest(raw.content)
    message_id = normalize_message_id(headers.text("message-id"))
    if not message_id:
        problems.append("no message id")
        message_id = f"{digest}@missing-message-id.invalid"
    if not author.email:
        problems.append("no sender")
    lines = body.splitlines()
    kind = _kind(heading, bool(parents), lines, body)
    own = lines if kind.is_target else review.own_lines(body)
    trailers = trailers_of(_message_part(lines) if kind is MailKind.PATCH else own, author)
    paths = diff.paths_of(lines) if kind is MailKind.PATCH else ()
    problems += headers.problems
    sentiment, rule = Sentiment.NEUTRAL, ""
    is_review = False
    if kind is MailKind.REPLY:
        sentiment, rule = review.sentiment_of(own, trailers)
        is_review = review.is_review(body, own, trailers)
    change_id = _CHANGE_ID.search(body) if kind.is_target else None
    return Mail(
        message_id=message_id,
        digest=digest,
        kind=kind,
        author=author,
        subject=subject[:MAX_SUBJECT],
        heading=heading,
        date=date,
        received=received,
        timestamp=timestamp,
        parents=tuple(parent for parent in parents if parent != message_id),
        body=body,
        change_id=change_id[1] if change_id else "",
        paths=_kept_paths(paths),
        paths_total=len(paths),
        trailers=trailers,
        review=is_review,
        sentiment=sentiment,
        sentiment_rule=rule,
        problems=tuple(dict.fromkeys(problems)),
        raw=raw.content,
    )


class _Headers:
    """Headers of a mail as text. If a header occurs several times, the first is used."""

    def __init__(self, message: Message) -> None:
        self.problems: list[str] = []
        self._by_name: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            self._by_name.setdefault(name.lower(), []).append(str(value))
        try:
            self._charset = message.get_content_charset("") or ""
        except (LookupError, ValueError):
            self._charset = ""

    def raws(self, name: str) -> list[str]:
        return self._by_name.get(name, [])

    def raw(self, name: str, *, end: bool = False) -> str:
        """Return an undecoded header; only the beginning (or end) of a very long header."""
        value = next(iter(self.raws(name)), "")
        if len(value) <= MAX_HEADER:
            return value
        self.problems.append(f"only a part of a long {name} was read")
        return value[-MAX_HEADER:] if end else value[:MAX_HEADER]

    def text(self, name: str, *, end: bool = False) -> str:
        return header_text(self.raw(name, end=end), self._charset)

    def decoded(self, value: str) -> str:
        return header_text(value, self._charset)


def _author(headers: _Headers) -> Person:
    # Parse addresses first: decoded words may contain commas and brackets.
    raw = " ".join(headers.raw("from").split())
    try:
        pairs = getaddresses([raw])
    except (ValueError, IndexError, RecursionError):
        # The parser recurses into nested comments such as `((((`.
        pairs = []
    for name, address in pairs:
        if "@" in address:
            return Person(_address(address), headers.decoded(name)[:MAX_NAME])
    text = headers.text("from")
    for word in _ADDRESS_ENDS.split(text):
        if "@" in word[1:-1]:
            name = text.replace(word, "").strip(" <>\"'")
            return Person(_address(word), name[:MAX_NAME])
    return Person("", text[:MAX_NAME])


def _address(address: str) -> str:
    clean = address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return encodable("".join(clean.split()).lower())[:320]


def _parents(headers: _Headers) -> list[str]:
    """Return the IDs in In-Reply-To, then those in References from last to first."""
    answered = _MESSAGE_ID.findall(headers.text("in-reply-to"))
    # The last reference is the nearest parent.
    references = _MESSAGE_ID.findall(headers.text("references", end=True))
    ids = [
        normalize_message_id(f"<{message_id}>") for message_id in (*answered, *reversed(references))
    ]
    return list(dict.fromkeys(filter(None, ids)))[:MAX_PARENTS]


def _message_and_body(content: bytes, problems: list[str]) -> tuple[Message, str]:
    try:
        message = email.message_from_bytes(content)
        body = _body(message, problems)
    except RecursionError:
        # The parser recurses into nested parts. No real mail nests hundreds of them.
        problems.append("parts nested too deeply to read")
        return BytesHeaderParser().parsebytes(content), ""
    if len(body) > MAX_TEXT:
        problems.append(f"only the first {MAX_TEXT} characters of the text were read")
    return message, body[:MAX_TEXT]


def _kept_paths(paths: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    left = MAX_PATHS_BYTES
    for path in islice(paths, MAX_PATHS):
        left -= len(path.encode())
        if left < 0:
            break
        kept.append(path)
    return tuple(kept)


def _body(message: Message, problems: list[str]) -> str:
    plain: list[str] = []
    rich: list[str] = []
    for count, part in enumerate(message.walk()):
        if count == _MAX_PARTS:
            problems.append(f"only the first {_MAX_PARTS} parts were read")
            break
        if part.is_multipart() or part.get_content_maintype() != "text":
            continue
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        try:
            charset = part.get_content_charset("") or ""
        except (LookupError, ValueError):
            charset = ""
        text, problem = decode(data, charset)
        if problem:
            problems.append(problem)
        kept = rich if part.get_content_subtype() == "html" else plain
        kept.append(text.replace("\0", "\ufffd"))
    if plain:
        return "\n".join(plain)
    return "\n".join(html.unescape(_without_tags(text)) for text in rich)


def _without_tags(text: str) -> str:
    """Return the text of HTML in a single pass, so that broken HTML takes no longer."""
    first, *pieces = text.split("<")
    kept = [first]
    inside = ""
    for piece in pieces:
        content, end, rest = piece.partition(">")
        name = content.strip().lower()
        if inside:
            if name != f"/{inside}":
                continue
            inside = ""
        elif end:
            inside = next((tag for tag in ("style", "script") if _is_tag(name, tag)), "")
        if not inside:
            kept.append(f" {rest}" if end else f"<{piece}")
    return "".join(kept)


def _is_tag(text: str, name: str) -> bool:
    return text == name or text.startswith((f"{name} ", f"{name}\n", f"{name}\t", f"{name}\r"))


def _digest(raw: bytes) -> str:
    """Hash a mail without the header fields that archives add."""
    head, blank, body = raw.partition(b"\n\n")
    fields = _ARCHIVE_FIELDS.sub(b"", head + b"\n")
    return hashlib.sha256(fields + blank + body.rstrip()).hexdigest()[:16]


def _kind(heading: Subject, answers: bool, lines: list[str], body: str) -> MailKind:
    if not heading.is_reply:
        if heading.is_patch and heading.number == 0:
            return MailKind.COVER
        if heading.is_pull or (_PULL.search(body) and not heading.is_patch):
            return MailKind.PULL
        if (heading.is_patch or heading.has_version) and diff.has_diff(lines):
            return MailKind.PATCH
        if not answers and diff.has_diff(lines) and not _is_quoted(lines):
            return MailKind.PATCH
    return MailKind.REPLY if answers or heading.is_reply else MailKind.OTHER


def _is_quoted(lines: list[str]) -> bool:
    return any(line.startswith(">") for line in lines)


def _message_part(lines: list[str]) -> list[str]:
    """Return a patch's commit message: the lines above its diff."""
    for number, line in enumerate(lines):
        if line.startswith(("diff --git ", "Index: ")) or line == "---":
            return lines[:number]
    return lines
