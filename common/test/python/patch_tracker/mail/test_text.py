from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.text import codec_of, decode, header_text


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", "Grüße, 世界"),
        ("iso-8859-1", "Grüße"),
        ("iso-8859-15", "10 €"),
        ("windows-1251", "Привет"),
        ("koi8-r", "Привет"),
        ("gbk", "答复"),
        ("GB2312", "答复"),
        ("big5", "邱冠睿"),
        ("iso-2022-jp", "お問合せ"),
        ("euc-kr", "안녕"),
    ],
)
def test_mail_in_its_charset_is_read(charset: str, text: str) -> None:
    assert decode(text.encode(charset), charset) == (text, "")


def test_a_larger_set_under_the_label_of_the_smaller_is_read() -> None:
    # 镕 is in GBK, but not in GB 2312, under which mail programs send it.
    assert decode("朱镕基".encode("gbk"), "gb2312") == ("朱镕基", "")


@pytest.mark.parametrize(
    "charset", ["y", "true", "x-unknown", "zlib", "hex", "idna", "\0", "ä" * 99]
)
def test_an_unknown_charset_is_told_and_utf8_is_tried(charset: str) -> None:
    text, problem = decode("Grüße".encode(), charset)
    assert text == "Grüße"
    assert problem.startswith("unknown charset")
    assert codec_of(charset) is None


def test_bytes_that_are_not_what_they_claim_are_read_somehow_and_told() -> None:
    assert decode("Grüße".encode("cp1252"), "utf-8") == ("Grüße", "bytes that are no utf-8")
    assert decode("Grüße".encode("cp1252")) == ("Grüße", "bytes that are no utf-8")


@given(st.binary(), st.sampled_from(["", "utf-8", "utf-7", "utf-16", "gbk", "nonsense", "big5"]))
def test_any_bytes_become_text_that_can_be_stored(data: bytes, charset: str) -> None:
    text, _ = decode(data, charset)
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("folded\n\tand\r\n again", "folded and again"),
        ("=?utf-8?q?Pali_Roh=C3=A1r?=", "Pali Rohár"),
        # A character that is split between two words, as some programs do.
        ("=?utf-8?b?5L0=?= =?utf-8?b?oA==?=", "你"),
        ("=?gb2312?B?tPC4tA==?=: x", "答复: x"),
        ("=?nonsense?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?b?broken", "=?utf-8?b?broken"),
        ("a\0b", "a b"),
    ],
)
def test_headers_are_decoded(raw: str, text: str) -> None:
    assert header_text(raw) == text


def test_raw_bytes_in_a_header_are_utf8_or_in_the_charset_of_the_body() -> None:
    utf8 = "Rohár".encode().decode("ascii", "surrogateescape")
    cyrillic = "Ваторопин".encode("koi8-r").decode("ascii", "surrogateescape")
    assert header_text(utf8, "koi8-r") == "Rohár"
    assert header_text(cyrillic, "koi8-r") == "Ваторопин"


@given(st.text(st.characters(codec="utf-8")))
def test_no_header_fails(raw: str) -> None:
    header_text(raw).encode()
