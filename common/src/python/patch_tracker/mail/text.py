"""Decodes text, even if its charset is wrong or unknown."""

from __future__ import annotations

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

_ALIASES: Final = {
    # Mail programs use the label of the smaller charset for the larger one.
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}

_NOT_FOR_MAIL: Final = frozenset(
    {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}
)
"""Python codecs that no mail uses, and that are slow or unsafe for external data."""


def codec_of(charset: str) -> str | None:
    """Return Python's name of a charset, or None if it is unknown."""
    label = charset.strip().strip("'\"").lower()
    try:
        info = codecs.lookup(_ALIASES.get(label, label))
    except (LookupError, ValueError):
        return None
    usable = getattr(info, "_is_text_encoding", True) and info.name not in _NOT_FOR_MAIL
    return info.name if usable else None


def decode(data: bytes, charset: str = "") -> tuple[str, str]:
    """Decode bytes with the given charset, otherwise as UTF-8, otherwise as Windows-1252.

    Returns
    -------
    tuple of str
        The text, which can always be encoded as UTF-8, and a description of what was wrong with
        the charset, or an empty string.

    Examples
    --------
    >>> decode("Grüße".encode("cp1252"), "utf-8")
    ('Grüße', 'bytes that are not valid utf-8')
    """
    codec = codec_of(charset) if charset else "utf-8"
    problem = f"unknown charset {charset[:40]!r}" if codec is None else ""
    for candidate in (codec, "utf-8"):
        if candidate is None:
            continue
        try:
            return encodable(data.decode(candidate)), problem
        except (UnicodeError, ValueError):
            problem = problem or f"bytes that are not valid {charset[:40] or candidate}"
    last = codec if codec not in {None, "utf-8"} else "cp1252"
    return encodable(data.decode(last or "cp1252", "replace")), problem


def encodable(text: str) -> str:
    """Replace lone surrogates, so that the text can be encoded as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def header_text(raw: str, charset: str = "") -> str:
    """Decode a header as the package `email` returns it.

    It may be folded and contain encoded words, and raw bytes as surrogates. Raw bytes are decoded
    as UTF-8 if they are valid, otherwise with the charset of the mail's body.
    """
    data = re.sub(r"\r?\n[ \t]*|\r", " ", raw).encode("utf-8", "surrogateescape")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text, _ = decode(data, charset)
    if "=?" in text:
        text = _decode_words(text)
    return " ".join(text.replace("\0", " ").split())


def _decode_words(text: str) -> str:
    try:
        words = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    decoded = [
        word if isinstance(word, str) else decode(word, charset or "")[0] for word, charset in words
    ]
    return "".join(decoded)
