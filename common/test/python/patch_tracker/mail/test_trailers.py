from __future__ import annotations

from patch_tracker.mail.trailers import MAX_TRAILERS, trailers_of
from patch_tracker.models import Person, Trailer

ANNA = Person("anna@example.org", "Anna")


def test_a_trailer_is_verified_only_if_it_has_the_senders_address() -> None:
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


def test_combined_and_wrapped_trailers() -> None:
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


def test_other_lines_are_not_trailers() -> None:
    lines = [
        "> Reviewed-by: Anna <anna@example.org>",
        "Reviewed-by: ?",
        "",
        "I gave my Reviewed-by: Anna <anna@example.org>",
        'Fixes: 123456789abc ("x")',
        "Link: https://example.org/a@b",
    ]
    assert trailers_of(lines, ANNA) == ()


def test_duplicates_are_removed_and_the_number_is_limited() -> None:
    assert len(trailers_of(["Acked-by: a@example.org"] * 3, ANNA)) == 1
    many = [f"Acked-by: a{number}@example.org" for number in range(MAX_TRAILERS + 5)]
    assert len(trailers_of(many, ANNA)) == MAX_TRAILERS


def test_a_sender_without_an_address_verifies_nothing() -> None:
    (found,) = trailers_of(["Acked-by: a@example.org"], Person("", "somebody"))
    assert not found.verified
