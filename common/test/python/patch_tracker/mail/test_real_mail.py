"""Parsing of real mail, compared with a real archive and a real Patchwork."""

from __future__ import annotations

from collections import Counter

from patch_tracker_testing.sample_mails import read_json, read_mails

from patch_tracker.mail.message import Mail
from patch_tracker.mail.threads import components, merge_nodes, nodes_of
from patch_tracker.models import MailKind


def kinds(mails: list[Mail], *wanted: MailKind) -> set[str]:
    return {mail.message_id for mail in mails if mail.kind in wanted}


def patchwork_ids(*files: str) -> set[str]:
    return {
        row["msgid"].strip("<>")
        for name in files
        for row in read_json(f"patchwork-api/{name}")["json"]
    }


def test_patches_and_cover_letters_match_patchwork() -> None:
    mails = read_mails("sample.mbox.gz")
    patches = patchwork_ids("patches-p1.json", "patches-p2.json")
    assert kinds(mails, MailKind.PATCH, MailKind.PULL) == patches
    assert kinds(mails, MailKind.COVER) == patchwork_ids("covers-p1.json")


def test_threads_and_times_match_the_archive() -> None:
    mails = read_mails("sample.mbox.gz")
    threads = read_json("oracle-threads-sample.json")
    nodes = merge_nodes(
        node for mail in mails for node in nodes_of(mail.message_id, mail.parents, mail.kind)
    )
    present = {mail.message_id for mail in mails}
    assert {frozenset(thread & present) for thread in components(nodes)} == {
        frozenset(message["msgid"] for message in thread["messages"]) for thread in threads
    }
    # The archive lists mails with the same message ID under the time of the first.
    first: dict[str, Mail] = {}
    for mail in mails:
        first.setdefault(mail.message_id, mail)
    for message in (message for thread in threads for message in thread["messages"]):
        mail = first[message["msgid"]]
        assert mail.received is not None
        assert mail.date is not None
        assert mail.received.timestamp() == message["received_ts"]
        assert mail.date.timestamp() == message["date_ts"]


def test_titles_and_positions_in_a_series_match_patchwork() -> None:
    by_id = {mail.message_id: mail for mail in read_mails("sample.mbox.gz")}
    for series in read_json("patchwork-api/series-p1.json")["json"]:
        for patch in series["patches"]:
            heading = by_id[patch["msgid"].strip("<>")].heading
            assert heading.version == series["version"]
            assert (heading.total or 1) == series["total"]
            assert heading.title in patch["name"]


def test_authors_match_patchwork() -> None:
    by_id = {mail.message_id: mail for mail in read_mails("sample.mbox.gz")}
    for name in ("patches-p1.json", "patches-p2.json"):
        for row in read_json(f"patchwork-api/{name}")["json"]:
            author = by_id[row["msgid"].strip("<>")].author
            assert author.email == row["submitter"]["email"].lower()


def test_unusual_mail_is_parsed_and_its_problems_are_reported() -> None:
    mails = read_mails("edge.mbox.gz")
    assert Counter(problem for mail in mails for problem in mail.problems) == {
        "unknown charset 'y'": 3,
        "unknown charset 'true'": 2,
        "unknown charset 'yes'": 1,
        "implausible date": 1,
    }
    expected = {
        (entry["msgid"].strip("<>"), " ".join(entry["subject"].split()))
        for entry in read_json("edge.json")
        # The file has replacement characters where the tracker decodes the bytes.
        if "\ufffd" not in entry["subject"]
    }
    assert len(expected) > 30
    assert expected <= {(mail.message_id, mail.subject) for mail in mails}
    assert {mail.timestamp.year for mail in mails} <= set(range(2019, 2027))
    assert not any("\ufffd" in mail.subject + mail.author.name for mail in mails)
    assert max(len(mail.body) for mail in mails) > 300_000
