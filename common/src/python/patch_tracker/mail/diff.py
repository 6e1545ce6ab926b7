"""Finds the files that a diff touches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_GIT: Final = re.compile(r"^diff --git (?P<rest>.+)$")
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*+\"")
_FILE: Final = re.compile(rf"^(?:---|\+\+\+) (?P<path>{_QUOTED.pattern}|[^\t]+)")
_HUNK: Final = re.compile(r"^@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")
_MOVED: Final = re.compile(r"^(?:rename|copy) (?:from|to) (?P<path>.+)$")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b"}

_MAX_PATH: Final = 4096


def has_diff(lines: Iterable[str]) -> bool:
    """Whether the lines contain a diff."""
    before = ""
    for line in lines:
        if _GIT.match(line) or (line.startswith("+++ ") and before.startswith("--- ")):
            return True
        before = line
    return False


def paths_of(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the files that a diff touches, sorted and unique; renamed files under both names."""
    found = {path for path in _paths(lines) if path and len(path) <= _MAX_PATH}
    return tuple(sorted(found))


def _paths(lines: Iterable[str]) -> Iterator[str]:
    old = new = 0
    before = ""
    for line in lines:
        if old > 0 or new > 0:
            # Inside a hunk, the removed line `-- a/x` looks like the header of a file.
            kind = line[:1]
            old -= kind in {"-", " ", ""}
            new -= kind in {"+", " ", ""}
            if kind in {"-", "+", " ", "", "\\"}:
                continue
            old = new = 0
        if hunk := _HUNK.match(line):
            old, new = int(hunk["old"] or 1), int(hunk["new"] or 1)
        elif line.startswith("+++ ") and before.startswith("--- "):
            for head in (before, line):
                if match := _FILE.match(head):
                    yield _strip(_unquote(match["path"]))
        elif match := _MOVED.match(line):
            yield _unquote(match["path"].strip())
        elif match := _GIT.match(line):
            # Changed modes and binary files have no other line.
            yield from _git_paths(match["rest"].strip())
        before = line


def _git_paths(rest: str) -> Iterator[str]:
    if first := _QUOTED.match(rest):
        # Each of the two names may be quoted.
        yield _strip(_unquote(first[0]))
        yield _strip(_unquote(rest[first.end() :].strip()))
        return
    if rest.endswith('"') and ' "' in rest:
        plain, _, quoted = rest.partition(' "')
        yield _strip(plain)
        yield _strip(_unquote(f'"{quoted}'))
        return
    # The names differ only in a/ and b/, so the middle separates them even if they have spaces.
    middle = len(rest) // 2
    if rest[middle : middle + 1] == " " and _strip(rest[:middle]) == _strip(rest[middle + 1 :]):
        yield _strip(rest[:middle])


def _strip(path: str) -> str:
    """Remove the first folder, like `patch -p1`."""
    path = path.strip()
    if path == "/dev/null":
        return ""
    return path.partition("/")[2] or path


def _unquote(path: str) -> str:
    if not (path.startswith('"') and path.endswith('"') and len(path) > 1):
        return path

    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPED.get(code, code)

    raw = _ESCAPE.sub(plain, path[1:-1].encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")
