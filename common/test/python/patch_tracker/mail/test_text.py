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
def test_text_is_decoded_with_its_charset(charset: str, text: str) -> None:
    assert decode(text.encode(charset), charset) == (text, "")


def test_gb2312_is_decoded_as_its_superset() -> None:
    # 镕 is in GBK but not in GB 2312. Mail programs label it as GB 2312 nevertheless.
    assert decode("朱镕基".encode("gbk"), "gb2312") == ("朱镕基", "")


@pytest.mark.parametrize(
    "charset", ["y", "true", "x-unknown", "zlib", "hex", "idna", "\0", "ä" * 99]
)
def test_an_unknown_charset_is_reported_and_replaced_by_utf8(charset: str) -> None:
    text, problem = decode("Grüße".encode(), charset)
    assert text == "Grüße"
    assert problem.startswith("unknown charset")
    assert codec_of(charset) is None


def test_a_wrong_charset_is_reported_and_replaced() -> None:
    assert decode("Grüße".encode("cp1252"), "utf-8") == ("Grüße", "bytes that are not valid utf-8")
    assert decode("Grüße".encode("cp1252")) == ("Grüße", "bytes that are not valid utf-8")


@given(st.binary(), st.sampled_from(["", "utf-8", "utf-7", "utf-16", "gbk", "nonsense", "big5"]))
def test_any_bytes_become_valid_text(data: bytes, charset: str) -> None:
    text, _ = decode(data, charset)
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("folded\n\tand\r\n again", "folded and again"),
        ("=?utf-8?q?Pali_Roh=C3=A1r?=", "Pali Rohár"),
        # Some mail programs split a character between two words.
        ("=?utf-8?b?5L0=?= =?utf-8?b?oA==?=", "你"),
        ("=?gb2312?B?tPC4tA==?=: x", "答复: x"),
        ("=?nonsense?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?b?broken", "=?utf-8?b?broken"),
        ("a\0b", "a b"),
    ],
)
def test_headers_are_decoded(raw: str, text: str) -> None:
    assert header_text(raw) == text


def test_raw_bytes_in_a_header_are_utf8_or_use_the_charset_of_the_body() -> None:
    utf8 = "Rohár".encode().decode("ascii", "surrogateescape")
    cyrillic = "Ваторопин".encode("koi8-r").decode("ascii", "surrogateescape")
    assert header_text(utf8, "koi8-r") == "Rohár"
    assert header_text(cyrillic, "koi8-r") == "Ваторопин"


@given(st.text(st.characters(codec="utf-8")))
def test_any_header_is_decoded(raw: str) -> None:
    header_text(raw).encode()
