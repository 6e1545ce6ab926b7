from __future__ import annotations

import datetime as dt

import pytest

from patch_tracker.board import series_of, waiting_for
from patch_tracker.models import (
    MailKind,
    Patch,
    Person,
    ReplySummary,
    Sentiment,
    Trailer,
    WaitingFor,
)

ANNA = Person("anna@example.org", "Anna")
BEN = Person("ben@example.org", "Ben")
BOT = Person("lkp@example.org", "test robot")
START = dt.datetime(2021, 10, 21, 12, tzinfo=dt.UTC)


def reply(
    minute: int, author: Person, sentiment: Sentiment = Sentiment.NEUTRAL, *tags: str
) -> ReplySummary:
    trailers = tuple(Trailer(tag, author, verified=True) for tag in tags)
    time = START + dt.timedelta(minutes=minute)
    return ReplySummary(time, f"r{minute}", author, sentiment, bool(tags), trailers)


def patch(
    message_id: str = "p",
    *replies: ReplySummary,
    status: str = "new",
    kind: MailKind = MailKind.PATCH,
    number: int = 1,
    total: int = 1,
    version: int = 1,
    series_id: int | None = 1,
    cover: str = "",
    change_id: str = "",
    title: str = "a title",
    trailers: tuple[Trailer, ...] = (),
) -> Patch:
    return Patch(
        id=f"example#{message_id}",
        project="example",
        message_id=message_id,
        kind=kind,
        timestamp=START,
        title=title,
        submitter=ANNA,
        version=version,
        number=number,
        total=total,
        status=status,
        series_id=series_id,
        series_name=title,
        cover=cover,
        change_id=change_id,
        trailers=trailers,
        replies=replies,
        reply_count=len(replies),
    )


ASK, DOUBT, PRAISE = Sentiment.QUESTION, Sentiment.CONCERN, Sentiment.APPROVAL


@pytest.mark.parametrize(
    ("replies", "status", "expected"),
    [
        ([], "new", WaitingFor.REVIEWERS),
        ([], "accepted", WaitingFor.NOBODY),
        ([], "changes-requested", WaitingFor.AUTHOR),
        ([reply(1, BEN, ASK)], "new", WaitingFor.AUTHOR),
        ([reply(1, BEN, ASK), reply(2, ANNA)], "new", WaitingFor.REVIEWERS),
        ([reply(1, BEN, DOUBT), reply(2, BEN, PRAISE, "Acked-by")], "new", WaitingFor.MAINTAINER),
        ([reply(1, BEN, PRAISE, "Reviewed-by")], "new", WaitingFor.MAINTAINER),
        ([reply(1, BEN, PRAISE, "Tested-by")], "new", WaitingFor.REVIEWERS),
        ([reply(1, BOT, ASK)], "new", WaitingFor.REVIEWERS),
        ([reply(1, BOT, DOUBT)], "new", WaitingFor.AUTHOR),
        ([reply(1, BEN)], "new", WaitingFor.REVIEWERS),
    ],
)
def test_who_has_to_act_next(
    replies: list[ReplySummary], status: str, expected: WaitingFor
) -> None:
    assert waiting_for([patch("p", *replies, status=status)]) is expected


def test_a_series_waits_for_the_maintainer_only_if_every_patch_is_reviewed() -> None:
    reviewed = patch("p1", reply(1, BEN, PRAISE, "Reviewed-by"))
    assert waiting_for([reviewed, patch("p2")]) is WaitingFor.REVIEWERS
    cover = patch("c", reply(2, BEN, PRAISE, "Reviewed-by"), kind=MailKind.COVER)
    assert waiting_for([reviewed, patch("p2")], cover) is WaitingFor.MAINTAINER


def test_patches_and_their_cover_letter_become_a_series() -> None:
    claimed = (Trailer("Tested-by", BEN), Trailer("Acked-by", BEN), Trailer("Signed-off-by", ANNA))
    patches = [
        patch("p2", reply(5, BEN, PRAISE, "Acked-by"), number=2, total=3, cover="c"),
        patch("p1", number=1, total=3, cover="c", trailers=claimed, status="accepted"),
        patch("c", reply(9, BEN, ASK), kind=MailKind.COVER, title="the whole", series_id=None),
    ]
    (series,) = series_of(patches)
    assert [patch.message_id for patch in series.patches] == ["p1", "p2"]
    assert (series.title, series.link) == ("the whole", "c")
    assert (series.received, series.total, series.replies) == (2, 3, 2)
    assert series.statuses == {"accepted": 1, "new": 1}
    assert (series.tags, series.unverified_tags) == ({"Acked-by": 1}, {"Tested-by": 1})
    assert series.last_activity == START + dt.timedelta(minutes=9)
    assert series.waiting_for is WaitingFor.AUTHOR


def test_revisions_are_linked_by_change_id_otherwise_by_title_and_author() -> None:
    found = series_of(
        [
            patch("a1", series_id=1, title="One thing"),
            patch("a2", series_id=2, title="one  Thing", version=2),
            patch("b1", series_id=3, title="old name", change_id="x"),
            patch("b3", series_id=4, title="new name", change_id="x", version=3),
            patch("other", series_id=5, title="something else"),
        ]
    )
    assert {series.key: series.revisions for series in found} == {
        "1": (1, 2),
        "2": (1, 2),
        "3": (1, 3),
        "4": (1, 3),
        "5": (1,),
    }
