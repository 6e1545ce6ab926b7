"""Classifies replies: whether a reply is a review, and how it sounds.

The sentiment comes from the first of these rules that applies:

1. `trailer`: a Nacked-by is a concern; a Reviewed-by, Acked-by or Tested-by is approval.
2. `concern wording`: words such as NAK, "please fix", "breaks", "regression".
3. `question mark`: a sentence ends with a question mark.
4. `approval wording`: words such as LGTM, "looks good", "applied".
5. `default`: neutral.

Only the writer's own words count, not quotes or the signature. The rules recognize how a mail
sounds, not what it means. They miss irony, and criticism in friendly words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from patch_tracker.mail.trailers import REVIEW_TAGS
from patch_tracker.models import Person, Sentiment, Trailer

_CONCERN: Final = re.compile(
    r"""\b(?:
        nak | nack | nacked | regression | regresses | breaks | broken | buggy | racy | deadlock
      | leaks? | use-after-free | overflows? | (?:is|looks|seems)\ wrong | incorrect | not\ correct
      | please\ (?:fix|drop|remove|don't|do\ not|avoid|use|add|change|split|rebase|resend)
      | you\ (?:should|need\ to|must|can't|cannot) | should\ not | shouldn't
      | (?:doesn't|does\ not|didn't|won't|will\ not)\ (?:work|apply|build|compile|make\ sense)
      | (?:build|compile)\ (?:error|failure|warning)s? | (?:error|warning):
      | i\ (?:don't|do\ not)\ (?:like|think|agree|see\ why)
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_APPROVAL: Final = re.compile(
    r"""\b(?:
        lgtm | looks?\ (?:good|fine|great|ok|okay|sane|correct) | looking\ good | works\ for\ me
      | applied | queued | merged | no\ objections? | makes\ sense | nice\ (?:work|cleanup|fix)
      | well\ done
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_QUESTION: Final = re.compile(r"\w[\"')\]]*\s*\?(?:\s|$)")
_ATTRIBUTION: Final = re.compile(r"(?:wrote|writes|schrieb|écrit)\s?:\s*$", re.IGNORECASE)
_QUOTED_CODE: Final = re.compile(r"^>[> ]*(?:[+-]|@@ |diff --git )")
_BOT: Final = re.compile(r"(?:^|[^a-z])(?:ro|syz)?bot(?:[^a-z]|$)|^lkp@|^no-?reply@", re.IGNORECASE)


def own_lines(body: str) -> list[str]:
    """Return the lines of the writer, without quotes, attribution lines and the signature."""
    kept: list[str] = []
    for line in body.splitlines():
        if line in {"-- ", "--"}:
            break
        if re.match(r"^\s*-{2,}\s*(?:Original Message|Forwarded)", line, re.IGNORECASE):
            break
        if line.lstrip().startswith((">", "|")):
            # An attribution can take two lines.
            while kept and (not kept[-1].strip() or _ATTRIBUTION.search(kept[-1])):
                attribution = kept.pop()
                if _ATTRIBUTION.search(attribution):
                    if kept and re.match(r"^\s*(?:On|Am|Le|El|At)\b", kept[-1]):
                        kept.pop()
                    break
            continue
        kept.append(line)
    return kept


def is_bot(person: Person) -> bool:
    """Whether a person's name or address is that of a bot."""
    return bool(_BOT.search(person.email) or _BOT.search(person.name))


def is_review(body: str, lines: Sequence[str], trailers: Iterable[Trailer]) -> bool:
    """Whether a reply is a review: it has a review trailer, or comments on quoted code."""
    if any(trailer.tag in REVIEW_TAGS for trailer in trailers):
        return True
    quotes_code = any(_QUOTED_CODE.match(line) for line in body.splitlines())
    return quotes_code and any(line.strip() for line in lines)


def sentiment_of(lines: Iterable[str], trailers: Iterable[Trailer]) -> tuple[Sentiment, str]:
    """Return how a reply sounds, and the name of the rule that applied (see the module).

    Examples
    --------
    >>> sentiment_of(["Looks good to me."], [])
    (<Sentiment.APPROVAL: 'approval'>, 'approval wording')
    """
    tags = {trailer.tag for trailer in trailers}
    if "Nacked-by" in tags:
        return Sentiment.CONCERN, "trailer"
    if not tags.isdisjoint(REVIEW_TAGS):
        return Sentiment.APPROVAL, "trailer"
    text = " ".join(line.strip() for line in lines)
    if _CONCERN.search(text):
        return Sentiment.CONCERN, "concern wording"
    # Ignore question marks in URLs.
    if _QUESTION.search(re.sub(r"https?://\S+", "", text)):
        return Sentiment.QUESTION, "question mark"
    if _APPROVAL.search(text):
        return Sentiment.APPROVAL, "approval wording"
    return Sentiment.NEUTRAL, "default"
