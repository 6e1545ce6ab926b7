"""Text out of bytes, whatever their charset claims to be."""

from __future__ import annotations

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

_ALIASES: Final = {
    # Labels of a smaller set under which mail programs send the larger one.
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
"""Codecs of Python that no mail is in, and that are slow or surprising on bytes from outside."""


def codec_of(charset: str) -> str | None:
    """Return Python's name of a charset, None where it has none."""
    label = charset.strip().strip("'\"").lower()
    try:
        info = codecs.lookup(_ALIASES.get(label, label))
    except (LookupError, ValueError):
        return None
    usable = getattr(info, "_is_text_encoding", True) and info.name not in _NOT_FOR_MAIL
    return info.name if usable else None


def decode(data: bytes, charset: str = "") -> tuple[str, str]:
    """Decode bytes: by the charset that is stated, else as UTF-8, else as Windows-1252.

    Returns
    -------
    tuple of str
        The text, and what was wrong with the charset (empty where nothing was). The text can be
        encoded as UTF-8, whatever the bytes were.
    """
    codec = codec_of(charset) if charset else "utf-8"
    problem = f"unknown charset {charset[:40]!r}" if codec is None else ""
    for candidate in (codec, "utf-8"):
        if candidate is None:
            continue
        try:
            return storable(data.decode(candidate)), problem
        except (UnicodeError, ValueError):
            problem = problem or f"bytes that are no {charset[:40] or candidate}"
    last = codec if codec not in {None, "utf-8"} else "cp1252"
    return storable(data.decode(last or "cp1252", "replace")), problem


def storable(text: str) -> str:
    """Return text that can be encoded as UTF-8: lone surrogates are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def header_text(raw: str, charset: str = "") -> str:
    """Decode a header as `email` keeps it: folded, encoded words, or raw bytes as surrogates.

    Raw bytes are UTF-8, or else in the charset of the mail's body.
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
