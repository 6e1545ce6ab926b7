from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.mbox import RawMail
from patch_tracker.mail.message import (
    MAX_ID,
    MAX_PATHS_BYTES,
    MAX_SUBJECT,
    MAX_TEXT,
    Mail,
    normalize_message_id,
    parse_mail,
)
from patch_tracker.models import UNKNOWN_TIME, MailKind, Person, Sentiment

DIFF = "---\n a.c | 1 +\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1,2 @@\n x\n+y\n"


def mail(body: str = "text\n", **headers: str) -> Mail:
    """Parse a mail with default headers. Given headers replace them; an empty one removes it."""
    fields = {
        "Received": "by list.example; Thu, 21 Oct 2021 12:00:00 +0000",
        "From": "Anna <anna@example.org>",
        "Subject": "a subject",
        "Date": "Thu, 21 Oct 2021 11:59:00 +0000",
        "Message-ID": "<1@example.org>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return parse_mail(f"{head}\n{body}".encode())


def test_a_plain_mail() -> None:
    found = mail()
    assert (found.message_id, found.kind) == ("1@example.org", MailKind.OTHER)
    assert found.author == Person("anna@example.org", "Anna")
    assert found.timestamp == dt.datetime(2021, 10, 21, 11, 59, tzinfo=dt.UTC)
    assert (found.body, found.problems) == ("text\n", ())


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({"Subject": "[PATCH 1/2] a: b"}, DIFF, MailKind.PATCH),
        ({"Subject": "[PATCH 0/2] a: b"}, "text", MailKind.COVER),
        ({"Subject": "[PATCH 0/2] a: b"}, DIFF, MailKind.COVER),
        ({"Subject": "[v6,1/1] a: b"}, DIFF, MailKind.PATCH),
        ({"Subject": "a: b"}, DIFF, MailKind.PATCH),
        ({"Subject": "[PATCH] a: b"}, "no diff", MailKind.OTHER),
        ({"Subject": "Re: [PATCH] a: b", "In_Reply_To": "<0@x>"}, DIFF, MailKind.REPLY),
        ({"Subject": "[PATCH v2] a", "In_Reply_To": "<0@x>"}, DIFF, MailKind.PATCH),
        ({"Subject": "what about", "In_Reply_To": "<0@x>"}, DIFF, MailKind.REPLY),
        ({"Subject": "[GIT PULL] a"}, "text", MailKind.PULL),
        ({"Subject": "a"}, "are available in the Git repository at:\n", MailKind.PULL),
        ({"Subject": "Re: a"}, "text", MailKind.REPLY),
    ],
)
def test_the_kind_of_a_mail_is_recognized(
    headers: dict[str, str], body: str, kind: MailKind
) -> None:
    assert mail(body, **headers).kind is kind


def test_a_patch_has_paths_trailers_and_a_change_id() -> None:
    text = "Why.\n\nReviewed-by: Ben <ben@example.org>\nSigned-off-by: Anna <anna@example.org>\n"
    found = mail(
        text + DIFF + "Acked-by: in@the.diff\nchange-id: 2021-x-1\n", Subject="[PATCH] a: b"
    )
    assert (found.paths, found.paths_total) == (("a.c",), 1)
    assert [(t.tag, t.person.email, t.verified) for t in found.trailers] == [
        ("Reviewed-by", "ben@example.org", False),
        ("Signed-off-by", "anna@example.org", True),
    ]
    assert found.change_id == "2021-x-1"
    assert not found.review


def test_a_reply_has_parents_and_a_sentiment() -> None:
    found = mail(
        "> Reviewed-by: Ben <ben@example.org>\nReviewed-by: Anna <anna@example.org>\n",
        Subject="Re: [PATCH] a",
        In_Reply_To="Your message of <3@example.org>",
        References="<1@example.org>\n\t<2@example.org> <3@example.org>",
    )
    assert found.parents == ("3@example.org", "2@example.org")
    assert (found.review, found.sentiment) == (True, Sentiment.APPROVAL)
    assert [trailer.verified for trailer in found.trailers] == [True]


def test_ids_with_slashes_and_percent_signs_are_kept() -> None:
    assert (
        normalize_message_id("<6171cb9e.jRUr/GeCZ%lkp@intel.com>")
        == "6171cb9e.jRUr/GeCZ%lkp@intel.com"
    )
    assert normalize_message_id(" <a b@\tc> (comment)") == "ab@c"
    assert normalize_message_id("bare@id") == "bare@id"
    assert len(normalize_message_id(f"<{'x' * 5000}@y>")) <= MAX_ID


def test_missing_headers_are_reported_and_the_mail_is_kept() -> None:
    found = mail(From="", Date="", Message_ID="", Received="")
    assert found.problems == ("no date", "no message id", "no sender")
    assert found.timestamp == UNKNOWN_TIME
    assert found.message_id == f"{found.digest}@missing-message-id.invalid"
    assert mail(Date="Mon, 18 Jun 2085 15:57:19 +0000").problems == ("implausible date",)
    assert mail(Date="someday").problems == ("unreadable date",)
    assert parse_mail(RawMail(b"A: 1\n\nx", cut=7)).problems[0].startswith("cut: 7 bytes")


def test_the_digest_ignores_only_headers_that_archives_add() -> None:
    assert mail().digest == mail(Archived_At="<https://example.org/1>").digest
    assert mail().digest != mail("other text\n").digest
    assert (
        mail().digest != mail(Received="by other.example; Thu, 21 Oct 2021 12:00:09 +0000").digest
    )


def test_text_parts_are_decoded_and_joined() -> None:
    body = (
        "--b\nContent-Type: text/plain; charset=gbk\nContent-Transfer-Encoding: base64\n\n"
        "tPC4tA==\n--b\nContent-Type: text/html\n\n<b>not this</b>\n"
        "--b\nContent-Type: text/x-patch; charset=true\n\ndiff --git a/a.c b/a.c\n--b--\n"
    )
    found = mail(body, Content_Type='multipart/mixed; boundary="b"', Subject="[PATCH] a")
    assert found.body.splitlines() == ["答复", "diff --git a/a.c b/a.c"]
    assert (found.kind, found.problems) == (MailKind.PATCH, ("unknown charset 'true'",))
    rich = mail("<style>x</style><p>1 &lt; 2</p>", Content_Type="text/html")
    assert rich.body.strip() == "1 < 2"


@pytest.mark.parametrize(
    ("header", "person"),
    [
        ('"Doe, Anna" <ANNA@Example.org>', Person("anna@example.org", "Doe, Anna")),
        (
            "=?utf-8?q?Pali_Roh=C3=A1r?= <pali@example.org>",
            Person("pali@example.org", "Pali Rohár"),
        ),
        ("=?utf-8?q?Doe=2C_Anna?= <a@example.org>", Person("a@example.org", "Doe, Anna")),
        ("anna@example.org (Anna)", Person("anna@example.org", "Anna")),
        ("Anna", Person("", "Anna")),
        ("Пётр <p@example.org>", Person("p@example.org", "Пётр")),
    ],
)
def test_the_sender_is_parsed(header: str, person: Person) -> None:
    assert mail(From=header).author == person


@given(st.binary(max_size=400))
def test_any_bytes_are_accepted(content: bytes) -> None:
    found = parse_mail(content)
    assert found.message_id
    f"{found.subject}{found.body}{found.author}{found.parents}{found.message_id}".encode()


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: <", b"From: =?x?q?=FF?= <a@b>", b"Date: 1 Jan 10000000 0:0:0 +9999",
                b"Content-Type: multipart/mixed; boundary=x", b"--x", b"", b"Message-ID: <>",
                b"Content-Type: text/plain; charset*=x'y'z", b"References: <a> <a> <\xff>",
                b"Content-Transfer-Encoding: base64", b"=", b"Subject: =?utf-8?b?x?=", b" folded",
                b"Content-Type: message/rfc822", b"Content-Transfer-Encoding: uuencode", b"--x--",
            ]
        )
    )
)  # fmt: skip
def test_broken_headers_are_accepted(lines: list[bytes]) -> None:
    parse_mail(b"\n".join(lines))


HEAD = b"From: a@b\nMessage-ID: <x@y>\nIn-Reply-To: <q@q>\n"

HOSTILE = {
    "comments in comments": b"From: " + b"(" * 20_000 + b"\n\nx",
    "groups in groups": b"From: " + b"a:" * 20_000 + b"\n\nx",
    "a sender without an end": b"From: " + b"a" * 200_000 + b"\n\nx",
    "words without end": b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\n\nx",
    "parts in parts": HEAD + b"Content-Type: message/rfc822\n\n" * 3_000,
    "styles that do not end": HEAD + b"Content-Type: text/html\n\n" + b"<style " * 50_000,
    "tags that do not end": HEAD + b"Content-Type: text/html\n\n" + b"<" * 200_000,
    "quotes that do not end": HEAD + b"Subject: [PATCH] x\n\ndiff --git " + b'"\\' * 50_001,
    "brackets without end": HEAD + b"Subject: " + b"[" * 200_000 + b"\n\nx",
}


@pytest.mark.timeout(15)
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_mail_is_parsed_quickly(content: bytes) -> None:
    # Each of these once raised an error or took quadratic time.
    assert parse_mail(content).raw == content


def test_parts_that_are_not_read_are_reported() -> None:
    deep = parse_mail(HOSTILE["parts in parts"])
    assert deep.problems == ("parts nested too deeply to read", "no date")
    assert (deep.message_id, deep.parents) == ("x@y", ("q@q",))
    long = mail("x\n" * MAX_TEXT, Subject="s" * 100_000)
    assert len(long.body) == MAX_TEXT
    assert len(long.subject) == MAX_SUBJECT
    assert long.problems == (
        f"only the first {MAX_TEXT} characters of the text were read",
        "only a part of a long subject was read",
    )


def test_the_nearest_of_many_references_are_kept() -> None:
    found = mail(References=" ".join(f"<{number}@{'x' * 200}>" for number in range(1_000)))
    assert len(found.parents) == 100
    assert found.parents[0].startswith("999@")


def test_stored_paths_fit_into_an_item() -> None:
    heads = "".join(f"diff --git a/{'p' * 3000}{n} b/{'p' * 3000}{n}\n" for n in range(500))
    found = mail(heads, Subject="[PATCH] x")
    assert found.paths_total == 500
    assert sum(map(len, found.paths)) <= MAX_PATHS_BYTES


def test_a_change_id_must_be_on_its_own_line() -> None:
    diff = "diff --git a/a.c b/a.c\n"
    assert mail(f"change-id: one\n{diff}", Subject="[PATCH] x").change_id == "one"
    assert mail(f"change-id:\n{diff}", Subject="[PATCH] x").change_id == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b and no more", "a < b and no more"),
        ("<STYLE type=x>p{}</style >a<br/>b", "ab"),
        ("<p>one</p><script>if (1<2) x()</script>two", "onetwo"),
        ("<styled>kept</styled>", "kept"),
    ],
)
def test_html_is_converted_to_text(text: str, expected: str) -> None:
    body = mail(text, Content_Type="text/html").body
    assert body.replace(" ", "").strip() == expected.replace(" ", "")
