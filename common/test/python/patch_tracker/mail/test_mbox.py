from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.mbox import MailboxError, RawMail, mails_of, mails_of_bytes, mails_of_gzip

START = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"


def mboxrd(mails: list[bytes]) -> bytes:
    """Return an mbox as public-inbox writes it: each mail with a newline and a blank line."""
    return b"".join(
        START + b"".join(_quoted(mail.splitlines(keepends=True))) + b"\n" for mail in mails
    )


def _quoted(lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield b">" + line if line.lstrip(b">").startswith(b"From ") else line


def test_mails_are_read_as_they_were_written() -> None:
    mails = [b"A: 1\n\nFrom here\n>From there\nend\n", b"B: 2\n\n\nFrom\n"]
    assert [mail.content for mail in mails_of_bytes(mboxrd(mails))] == mails
    assert [mail.content for mail in mails_of_bytes(gzip.compress(mboxrd(mails)))] == mails


@given(
    st.lists(
        st.lists(
            st.sampled_from([b"", b"From x", b">From y", b">>From", b"text", b"From", b"\r"]),
            min_size=1,
        ).map(lambda lines: b"A: 1\n\n" + b"\n".join(lines) + b"\n"),
        max_size=5,
    )
)
def test_any_mail_is_read_as_it_was_written(mails: list[bytes]) -> None:
    assert [mail.content for mail in mails_of_bytes(mboxrd(mails))] == mails


def test_empty_files_and_single_mails_are_accepted() -> None:
    assert list(mails_of_bytes(b"")) == []
    assert list(mails_of_bytes(b"\n\n")) == []
    assert list(mails_of_bytes(b"A: 1\n\nx\n")) == [RawMail(b"A: 1\n\nx\n")]


def test_a_damaged_gzip_file_yields_the_complete_mails_and_then_fails() -> None:
    mails = [b"A: %d\n\n" % number + bytes(range(32, 127)) * 50 + b"\n" for number in range(40)]
    content = gzip.compress(mboxrd(mails), compresslevel=0)
    found: list[bytes] = []
    half = mails_of_gzip(io.BytesIO(content[: len(content) // 2]))
    with pytest.raises(MailboxError, match="damaged"):
        found.extend(mail.content for mail in half)
    assert found
    assert found == mails[: len(found)]
    with pytest.raises(MailboxError, match="damaged"):
        list(mails_of_gzip(io.BytesIO(b"<html>")))


def test_sizes_above_the_limits_are_reported() -> None:
    bomb = gzip.compress(START + b"A: 1\n\n" + b"\0" * 10_000_000)
    with pytest.raises(MailboxError, match="larger than the limit of 1000000 bytes"):
        list(mails_of_gzip(io.BytesIO(bomb), max_bytes=1_000_000))
    mail, after = mails_of(io.BytesIO(mboxrd([b"A: 12345\n" * 50, b"B: 2\n"])), max_mail_bytes=45)
    # `cut` includes the blank line after the mail.
    assert (len(mail.content), mail.cut) == (45, 406)
    assert after == RawMail(b"B: 2\n")


def test_memory_does_not_grow_with_the_mbox() -> None:
    mail = START + b"A: 1\n\n" + b"some text of a mail\n" * 2_000 + b"\n"
    content = gzip.compress(mail * 500)
    tracemalloc.start()
    try:
        assert sum(1 for _ in mails_of_gzip(io.BytesIO(content))) == 500
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(mail)
