"""Parses subjects such as `[PATCH v2 3/7] title`, with all the variants that people write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_REPLY: Final = re.compile(
    r"^\s*(?:(?:re|aw|antw|sv|vs|odp|fwd?|wg|答复|回复|回覆|转发|答覆)\s*(?:\[\d+\])?\s*[:：]\s*)+",
    re.IGNORECASE,
)
_GROUP: Final = re.compile(r"^\s*\[([^\]]{0,200})\]\s*")
_POSITION: Final = re.compile(r"^(\d{1,4})(?:/|\s?of\s?)(\d{1,4})$", re.IGNORECASE)
_VERSION: Final = re.compile(r"^(?:patch|rfc)?-?v(?:er)?\.?(\d{1,3})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """A parsed subject.

    Attributes
    ----------
    title
        The subject without `Re:` and the prefixes.
    prefixes
        Words in brackets except version and position, in their original case.
    version
        The revision; 1 if not given.
    number, total
        Position in the series; None if not given.
    is_reply
        Whether the subject starts with `Re:` or a translation of it, or with `Fwd:`.
    has_version
        Whether the subject gives a version.
    """

    title: str
    prefixes: tuple[str, ...] = ()
    version: int = 1
    number: int | None = None
    total: int | None = None
    is_reply: bool = False
    has_version: bool = False

    @property
    def is_patch(self) -> bool:
        """Whether the prefixes mark a patch; `[v6,1/1]` does too."""
        return any(word.lower().startswith("patch") for word in self.prefixes) or (
            self.number is not None
        )

    @property
    def is_pull(self) -> bool:
        """Whether the prefixes mark a pull request."""
        return any(word.lower() in {"pull", "git-pull", "gitpull"} for word in self.prefixes)

    @property
    def normal_title(self) -> str:
        """The title for comparing revisions: in lower case, with single spaces."""
        return " ".join(self.title.lower().split())


def parse_subject(subject: str) -> Subject:
    """Parse a subject. Any text is accepted.

    Examples
    --------
    >>> subject = parse_subject("Re: [PATCH v2 3/7] net: fix a leak")
    >>> subject.title, subject.version, subject.number, subject.total, subject.is_reply
    ('net: fix a leak', 2, 3, 7, True)
    """
    text = subject
    is_reply = False
    if found := _REPLY.match(text):
        is_reply = True
        text = text[found.end() :]
    words: list[str] = []
    while found := _GROUP.match(text):
        words += re.split(r"[\s,;]+", found[1].strip())
        text = text[found.end() :]
        # `[PATCH] Re: title` also occurs.
        if again := _REPLY.match(text):
            is_reply = True
            text = text[again.end() :]
    version, has_version = 1, False
    number: int | None = None
    total: int | None = None
    prefixes = []
    for word in filter(None, words):
        if found := _POSITION.match(word):
            number, total = int(found[1]), int(found[2])
        elif found := _VERSION.match(word):
            version, has_version = max(1, int(found[1])), True
            if word.lower().startswith(("patch", "rfc")):
                prefixes.append(re.split(r"-?[vV]", word)[0])
        else:
            prefixes.append(word)
    return Subject(
        title=" ".join(text.split()),
        prefixes=tuple(prefixes),
        version=version,
        number=number,
        total=total,
        is_reply=is_reply,
        has_version=has_version,
    )
