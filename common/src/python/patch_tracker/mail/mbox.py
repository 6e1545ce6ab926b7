"""Reads the mails of an mbox, one at a time, in bounded memory.

The format is mboxrd (https://www.loc.gov/preservation/digital/formats/fdd/fdd000385.shtml): a mail
starts with a line `From …`, and lines within a mail that start with `From `, or with `>` before it,
are quoted with another `>`.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final, Protocol

from lambda_core.errors import DataSourceError

GZIP_MAGIC: Final = b"\x1f\x8b"

MAX_MAIL_BYTES: Final = 32 * 1024 * 1024
"""Longer mails are cut to this size; no list accepts them."""

MAX_MBOX_BYTES: Final = 2 * 1024 * 1024 * 1024
"""Maximum decompressed size; a larger mbox is treated as an attack."""

_LINE_BYTES: Final = 64 * 1024
_QUOTED_FROM: Final = re.compile(rb"^>+From ")


class LineSource(Protocol):
    """A binary stream."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line or its first `size` bytes; empty at the end."""
        ...


class MailboxError(DataSourceError):
    """An mbox is damaged or too large. The mails before that point were yielded."""


@dataclass(frozen=True, slots=True)
class RawMail:
    """The bytes of a mail; `cut` is the number of bytes that were removed from its end."""

    content: bytes
    cut: int = 0


def mails_of_gzip(
    compressed: IO[bytes], *, max_bytes: int = MAX_MBOX_BYTES, max_mail_bytes: int = MAX_MAIL_BYTES
) -> Iterator[RawMail]:
    """Yield the mails of a gzipped mbox; see `mails_of`.

    Raises
    ------
    MailboxError
        If the compressed data is damaged or incomplete, or decompresses to more than `max_bytes`.
    """
    try:
        with gzip.GzipFile(fileobj=compressed, mode="rb") as stream:
            yield from mails_of(stream, max_bytes=max_bytes, max_mail_bytes=max_mail_bytes)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MailboxError(f"the gzipped mbox is damaged: {error}") from error


def mails_of_bytes(content: bytes) -> Iterator[RawMail]:
    """Yield the mails of an mbox in memory, which may be gzipped."""
    stream = io.BytesIO(content)
    return mails_of_gzip(stream) if content.startswith(GZIP_MAGIC) else mails_of(stream)


def mails_of(
    stream: LineSource, *, max_bytes: int = MAX_MBOX_BYTES, max_mail_bytes: int = MAX_MAIL_BYTES
) -> Iterator[RawMail]:
    """Yield the mails of an mbox in order.

    Text before the first `From ` line is also a mail.

    Raises
    ------
    MailboxError
        If the mbox is larger than `max_bytes`.
    """
    content = bytearray()
    cut = total = 0
    after_blank = at_start = True
    while line := stream.readline(_LINE_BYTES):
        total += len(line)
        if total > max_bytes:
            raise MailboxError(f"the mbox is larger than the limit of {max_bytes} bytes")
        if at_start and after_blank and line.startswith(b"From "):
            if mail := _mail(content, cut):
                yield mail
            content, cut = bytearray(), 0
            after_blank = False
            at_start = line.endswith(b"\n")
            continue
        if at_start:
            after_blank = line in {b"\n", b"\r\n"}
            if _QUOTED_FROM.match(line):
                line = line[1:]
        at_start = line.endswith(b"\n")
        if len(content) + len(line) <= max_mail_bytes:
            content += line
        else:
            cut += len(line)
    if mail := _mail(content, cut):
        yield mail


def _mail(content: bytearray, cut: int) -> RawMail | None:
    """Return a mail without the blank line before the next mail."""
    for blank in (b"\r\n", b"\n"):
        if bytes(content[:3]) == blank or content.endswith(b"\n" + blank):
            del content[-len(blank) :]
            break
    return RawMail(bytes(content), cut) if content.strip() else None
