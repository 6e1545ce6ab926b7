"""Makes external text safe for the cells of CSV files and workbooks.

A spreadsheet program runs a cell that begins with certain characters as a formula:
https://owasp.org/www-community/attacks/CSV_Injection. The texts of a report come from outside, so
each of them passes through `cell_text`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""ASCII and full-width forms, because some programs convert the latter to the former."""

_CONTROL_STARTS = frozenset("\t\r\n")

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Control characters, line separators, and characters that XML 1.0 or UTF-8 cannot represent."""

_HEX_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


def neutralise(text: str) -> str:
    r"""Put a `'` in front of text that a spreadsheet program could run as a formula.

    Such text begins with a tab, a carriage return or a line feed, or its first character after
    white space is one of `= + - @` or their full-width forms. Other text is returned unchanged. A
    second call changes nothing. Removing one leading `'` restores the original, unless the original
    already had this form.

    Examples
    --------
    >>> neutralise("=1+1"), neutralise("eu-west-1")
    ("'=1+1", 'eu-west-1')
    """
    if text[:1] in _CONTROL_STARTS or text.lstrip()[:1] in _FORMULA_STARTS:
        return f"'{text}"
    return text


def visible(text: str) -> str:
    r"""Write control characters, line breaks and unpaired surrogates as escapes, such as `\x07`.

    The result is one line of printable text in every format. Nothing is removed.

    Examples
    --------
    >>> print(visible("two\nlines"))
    two\x0alines
    """
    return _INVISIBLE.sub(_escape, text)


@lru_cache(maxsize=8192)
def cell_text(text: str) -> str:
    r"""Return the text for a cell: printable, on one line, and never a formula.

    Results are cached, because a report repeats a few thousand codes and names very often.

    Examples
    --------
    >>> print(cell_text("@SUM(A1)\n"))
    '@SUM(A1)\x0a
    """
    return visible(neutralise(text))


def literal(text: str) -> str:
    """Protect text that a workbook would read as an escape: it would show `_x003D_` as `=`.

    Call it last, and only for workbooks. Source: ECMA-376 part 1, 22.4.2.4.

    Examples
    --------
    >>> literal("_x003D_")
    '_x005F_x003D_'
    """
    return _HEX_ESCAPE.sub("_x005F_", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
