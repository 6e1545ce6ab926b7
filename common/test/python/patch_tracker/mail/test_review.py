from __future__ import annotations

import pytest

from patch_tracker.mail.review import is_bot, is_review, own_lines, sentiment_of
from patch_tracker.models import Person, Sentiment, Trailer

REPLY = """\
On Thu, Oct 21, 2021 at 09:14:43AM -0700, Anna
Somebody wrote:
> +	int i = 0;
> This breaks everything?

Looks good to me.

> Reviewed-by: Ben <ben@example.org>
--
Is this a signature?
"""


def test_only_the_lines_of_the_writer_are_kept() -> None:
    assert [line for line in own_lines(REPLY) if line] == ["Looks good to me."]
    assert own_lines("> quoted\nown") == ["own"]


@pytest.mark.parametrize(
    ("text", "sentiment", "rule"),
    [
        ("Looks good to me, thanks.", Sentiment.APPROVAL, "approval wording"),
        ("Applied, thanks", Sentiment.APPROVAL, "approval wording"),
        ("Looks good, but please fix the leak.", Sentiment.CONCERN, "concern wording"),
        ("NAK", Sentiment.CONCERN, "concern wording"),
        ("Why is that? It looks good otherwise.", Sentiment.QUESTION, "question mark"),
        ("See https://example.org/?q=1 for more", Sentiment.NEUTRAL, "default"),
        ("Will be in the next version.", Sentiment.NEUTRAL, "default"),
        ("", Sentiment.NEUTRAL, "default"),
    ],
)
def test_the_sentiment_follows_from_the_wording(text: str, sentiment: Sentiment, rule: str) -> None:
    assert sentiment_of(text.splitlines(), ()) == (sentiment, rule)


def test_trailers_take_precedence_over_wording() -> None:
    anna = Person("anna@example.org")
    reviewed, nacked = Trailer("Reviewed-by", anna), Trailer("Nacked-by", anna)
    assert sentiment_of(["please fix it"], [reviewed]) == (Sentiment.APPROVAL, "trailer")
    assert sentiment_of(["looks good"], [reviewed, nacked]) == (Sentiment.CONCERN, "trailer")


def test_reviews_are_recognized() -> None:
    reviewed = Trailer("Reviewed-by", Person("a@example.org"))
    assert is_review("", [], [reviewed])
    assert is_review(REPLY, own_lines(REPLY), ())
    assert not is_review("> text\nown", ["own"], ())
    assert not is_review("> +code", [], ())


@pytest.mark.parametrize(
    ("person", "bot"),
    [
        (Person("lkp@intel.com", "kernel test robot"), True),
        (Person("syzbot+1@syzkaller.example"), True),
        (Person("patchwork-bot@kernel.example"), True),
        (Person("abbott@example.org", "Anna Abbott"), False),
        (Person("robot@example.org", "x"), True),
        (Person("talbot@example.org", "T. Talbot"), False),
    ],
)
def test_bots_are_recognized_by_name_and_address(person: Person, bot: bool) -> None:
    assert is_bot(person) is bot
