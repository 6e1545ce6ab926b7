from __future__ import annotations

from patch_tracker.mail.trailers import MAX_TRAILERS, trailers_of
from patch_tracker.models import Person, Trailer

ANNA = Person("anna@example.org", "Anna")


def test_a_trailer_is_verified_only_where_it_is_the_senders_own() -> None:
    lines = [
        "Thanks!",
        "Reviewed-by: Anna <Anna@example.org>",
        "acked-by: Ben <ben@example.org>",
        "Tested-by: ben@example.org",
    ]
    assert trailers_of(lines, ANNA) == (
        Trailer("Reviewed-by", ANNA, verified=True),
        Trailer("Acked-by", Person("ben@example.org", "Ben")),
        Trailer("Tested-by", Person("ben@example.org")),
    )


def test_two_in_one_and_an_address_on_the_next_line() -> None:
    lines = [
        "Reported-and-tested-by: Anna <anna@example.org>",
        "Reviewed-by: Anna",
        " <anna@example.org>",
    ]
    assert [trailer.tag for trailer in trailers_of(lines, ANNA)] == [
        "Reported-by",
        "Tested-by",
        "Reviewed-by",
    ]


def test_what_is_none() -> None:
    lines = [
        "> Reviewed-by: Anna <anna@example.org>",
        "Reviewed-by: ?",
        "",
        "I gave my Reviewed-by: Anna <anna@example.org>",
        'Fixes: 123456789abc ("x")',
        "Link: https://example.org/a@b",
    ]
    assert trailers_of(lines, ANNA) == ()


def test_each_counts_once_and_there_is_a_limit() -> None:
    assert len(trailers_of(["Acked-by: a@example.org"] * 3, ANNA)) == 1
    many = [f"Acked-by: a{number}@example.org" for number in range(MAX_TRAILERS + 5)]
    assert len(trailers_of(many, ANNA)) == MAX_TRAILERS


def test_a_sender_without_an_address_verifies_nothing() -> None:
    (found,) = trailers_of(["Acked-by: a@example.org"], Person("", "somebody"))
    assert not found.verified
