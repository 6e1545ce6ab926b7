"""How text from outside becomes harmless text in a spreadsheet: shared by CSV and workbooks.

A spreadsheet takes a cell that begins with certain characters for a formula and runs it, see
https://owasp.org/www-community/attacks/CSV_Injection. Every text that a report shows is somebody
else's, so each one goes through `cell_text` on its way into a cell.
"""

from __future__ import annotations

import re
from functools import lru_cache

_FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""ASCII and full-width forms: some programs fold the latter into the former."""

_CONTROL_STARTS = frozenset("\t\r\n")

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Control characters, line separators, and what XML 1.0 or UTF-8 cannot carry."""

_HEX_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


def neutralise(text: str) -> str:
    r"""Put a `'` before a text that a spreadsheet could take for a formula.

    Such a text begins with a tab, a carriage return or a line feed, or its first character after
    any white space is one of `= + - @` or of their full-width forms. Every other text comes back
    as it is. Doing it twice changes nothing more, since `'` itself begins no formula; taking one
    leading `'` away gives the original back, except for a text that had this form already.
    """
    if text[:1] in _CONTROL_STARTS or text.lstrip()[:1] in _FORMULA_STARTS:
        return f"'{text}"
    return text


def visible(text: str) -> str:
    r"""Write control characters, line breaks and unpaired surrogates as escapes, such as `\x07`.

    A cell is one line of printable text then, in every format; nothing is dropped.
    """
    return _INVISIBLE.sub(_escape, text)


@lru_cache(maxsize=8192)
def cell_text(text: str) -> str:
    """Return the text as a cell shows it: never a formula, one line, printable.

    Remembered, because a report repeats some thousand codes and names tens of thousands of times.
    """
    return visible(neutralise(text))


def literal(text: str) -> str:
    """Protect what a workbook's XML reads as an escape: `_x003D_` would be shown as `=`.

    ECMA-376 part 1, 22.4.2.4. It is for workbooks only, where it comes last.
    """
    return _HEX_ESCAPE.sub("_x005F_", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
