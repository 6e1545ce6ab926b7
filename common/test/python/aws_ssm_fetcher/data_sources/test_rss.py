from __future__ import annotations

import calendar
import datetime as dt
import gzip
import os
import socket
import tracemalloc
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aws_ssm_fetcher.data_sources.rss import (
    BUNDLED_SOURCE,
    MAX_ATTRIBUTES,
    MAX_ELEMENTS,
    MAX_FEED_BYTES,
    MAX_PROLOG_BYTES,
    MAX_WARNINGS,
    BundledLaunchFeed,
    HttpLaunchFeed,
    parse_date,
    parse_launches,
)
from aws_ssm_fetcher.models import Launches, RegionLaunch
from lambda_core.http import HttpLimits, HttpSession
from lambda_core.retry import RetryPolicy
from lambda_testing.moto_tree import moto_tree
from lambda_testing.static_server import Reply, repeated, static_server

SOURCE = "the feed"
KNOWN = ("us-east-1", "us-gov-east-1", "ap-southeast-6", "ap-southeast-2", "eusc-de-east-1")
NZ_DATE = "Mon, 01 Sep 2025 00:00:00 GMT"


def item(
    title: str = "",
    *,
    description: str = "",
    date: str = "",
    guid: str = "",
    link: str = "",
) -> str:
    parts = {"title": title, "description": description, "pubDate": date, "link": link}
    elements = [f"<{name}>{escape(text)}</{name}>" for name, text in parts.items() if text]
    if guid:
        elements.append(f'<guid isPermaLink="false">{escape(guid)}</guid>')
    return f"<item>{''.join(elements)}</item>"


def feed(*items: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>AWS Regions</title>{''.join(items)}</channel></rss>"
    ).encode()


NEW_ZEALAND = item(
    "Asia Pacific (New Zealand) - ap-southeast-6", date=NZ_DATE, link="https://example.com/nz"
)


def read(*items: str) -> Launches:
    return parse_launches(feed(*items), KNOWN, SOURCE)


def only(*items: str) -> RegionLaunch:
    launches = read(*items)
    assert not launches.failed
    assert launches.warnings == ()
    (launch,) = launches.launches
    return launch


def reason(data: bytes) -> str:
    """Return the warning of a feed that cannot be read."""
    launches = parse_launches(data, KNOWN, SOURCE)
    assert launches.failed
    assert launches.launches == ()
    (warning,) = launches.warnings
    assert warning.startswith("no launch dates: ")
    return warning


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=4)
CODES = st.lists(WORDS, min_size=1, max_size=4).map("-".join)

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))

TAGS = st.sampled_from(
    ["title", "link", "description", "guid", "pubDate", "item", "width", "dc:date", "g:posList"]
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]))
ELEMENTS = st.recursive(
    TEXTS.map(escape) | st.sampled_from([NZ_DATE, "ap-southeast-6", "http://[", "-1"]),
    lambda inner: st.builds(
        lambda tag, attribute, parts: (
            f"<{tag} href={quoteattr(attribute)}>{''.join(parts)}</{tag}>"
        ),
        TAGS,
        TEXTS,
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


class TestCodes:
    def test_in_the_title(self) -> None:
        assert only(NEW_ZEALAND) == RegionLaunch(
            region_code="ap-southeast-6",
            launched_on=dt.date(2025, 9, 1),
            announcement_url="https://example.com/nz",
        )

    @pytest.mark.parametrize(
        "description",
        [
            "Launched the Region (<code>ap-southeast-6</code>).",
            'Launched <code class="code">ap-southeast-6</code > for <code>s3</code>',
            "<p>Launched</p><CODE>\n ap-southeast-6\n</CODE>",
        ],
    )
    def test_in_code_of_the_description(self, description: str) -> None:
        launch = only(item("New Zealand", description=description, date=NZ_DATE))
        assert launch.region_code == "ap-southeast-6"

    def test_in_code_that_is_not_escaped(self) -> None:
        inline = (
            "<item><title>New Zealand</title><description>Launched "
            f"<code>ap-southeast-6</code>.</description><pubDate>{NZ_DATE}</pubDate></item>"
        )
        assert only(inline).region_code == "ap-southeast-6"

    def test_in_the_guid(self) -> None:
        launch = only(item("New Zealand", guid="https://x.example/#ap-southeast-6", date=NZ_DATE))
        assert launch.region_code == "ap-southeast-6"

    def test_the_title_precedes_the_description_and_the_description_the_guid(self) -> None:
        code = "<code>us-east-1</code>"
        both = item("NZ - ap-southeast-6", description=code, guid="us-gov-east-1", date=NZ_DATE)
        assert only(both).region_code == "ap-southeast-6"
        one = item("NZ", description=code, guid="us-gov-east-1", date=NZ_DATE)
        assert only(one).region_code == "us-east-1"

    @pytest.mark.parametrize(
        ("title", "code"),
        [
            ("AWS GovCloud (US-East) - us-gov-east-1", "us-gov-east-1"),
            ("European Sovereign Cloud (Brandenburg) - eusc-de-east-1", "eusc-de-east-1"),
            ("us-east-1: Virginia", "us-east-1"),
        ],
    )
    def test_only_a_whole_word_counts(self, title: str, code: str) -> None:
        assert only(item(title, date=NZ_DATE)).region_code == code

    @pytest.mark.parametrize(
        "title",
        [
            "no code here",
            "Virginia - us-east-11",
            "Virginia - my-us-east-1",
            "Virginia - us-east-1-old",
            "Virginia - US-EAST-1",
            "the ap-southeast-9 that the tree does not know",
        ],
    )
    def test_an_unknown_code_is_named_in_a_warning(self, title: str) -> None:
        launches = read(item(title, date=NZ_DATE), NEW_ZEALAND)
        assert [launch.region_code for launch in launches.launches] == ["ap-southeast-6"]
        assert not launches.failed
        assert launches.warnings == (f"the feed: item 1 ({title}) names no known region",)

    def test_a_plain_mention_in_the_description_does_not_count(self) -> None:
        launches = read(
            item("Geography", description="unlike us-east-1", date=NZ_DATE), NEW_ZEALAND
        )
        assert launches.warnings == ("the feed: item 1 (Geography) names no known region",)

    def test_items_about_something_else_share_one_warning(self) -> None:
        launches = read(item("Geography", date=NZ_DATE), NEW_ZEALAND, item("More", date=NZ_DATE))
        assert [launch.region_code for launch in launches.launches] == ["ap-southeast-6"]
        assert launches.warnings == (
            "the feed: 2 items name no known region, the first is item 1 (Geography)",
        )

    def test_several_codes_in_one_place_are_not_guessed_at(self) -> None:
        launches = read(item("us-east-1 and ap-southeast-2", date=NZ_DATE), NEW_ZEALAND)
        assert launches.warnings == (
            "the feed: item 1 (us-east-1 and ap-southeast-2) names several regions: "
            "ap-southeast-2, us-east-1",
        )

    def test_without_known_regions_nothing_counts(self) -> None:
        assert parse_launches(feed(NEW_ZEALAND), (), SOURCE).failed

    @given(known=st.sets(CODES, min_size=1, max_size=6), data=st.data())
    def test_a_code_of_any_spelling_is_found(self, known: set[str], data: st.DataObject) -> None:
        code = data.draw(st.sampled_from(sorted(known)))
        launches = parse_launches(feed(item(f"( - {code}", date=NZ_DATE)), known, SOURCE)
        assert [launch.region_code for launch in launches.launches] == [code]

    @given(known=CODES, before=st.sampled_from(["", "a", "1-", "x-"]), after=CODES)
    def test_no_part_of_a_word_is_found(self, known: str, before: str, after: str) -> None:
        title = f"{before}{known}-{after}"
        assume(known not in title.split())
        assert parse_launches(feed(item(title, date=NZ_DATE)), {known}, SOURCE).failed


class TestDates:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Mon, 01 Sep 2025 00:00:00 GMT", "2025-09-01"),
            ("Mon, 1 Sep 2025 00:00:00 GMT", "2025-09-01"),
            ("1 Sep 2025 00:00 +0000", "2025-09-01"),
            ("Mon, 01 Sep 2025", "2025-09-01"),
            ("1 September 2025", "2025-09-01"),
            ("Monday, 01 Sep 25 10:00:00 EST", "2025-09-01"),
            ("Sun, 06 Nov 94 08:49:37 GMT", "1994-11-06"),
            ("Thu, 05 Jun 2025 22:30:00 -0700", "2025-06-05"),
            ("Fri, 06 Jun 2025 05:30:00 +0000", "2025-06-06"),
            ("Fri, 06 Jun 2025 00:30:00 +14:00", "2025-06-06"),
            ("2006-08-25", "2006-08-25"),
            ("2006-08-25T23:59:59Z", "2006-08-25"),
            ("2006-08-25T23:59:59.123-07:00", "2006-08-25"),
            ("2006-08-25 00:00", "2006-08-25"),
            ("December 10, 2008", "2008-12-10"),
            ("Dec 10 2008", "2008-12-10"),
            ("Sept. 1st, 2025", "2025-09-01"),
            ("may 3, 2021", "2021-05-03"),
            ("  2006-08-25\n", "2006-08-25"),
            ("Sat, 29 Feb 2020 00:00:00 GMT", "2020-02-29"),
        ],
    )
    def test_forms(self, text: str, expected: str) -> None:
        assert parse_date(text) == dt.date.fromisoformat(expected)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "soon",
            "2025",
            "Sep 2025",
            "2025-02-30",
            "2025-13-01",
            "2025-W01-1",
            "20250901",
            "2025-09-01 or later",
            "Mon, 31 Feb 2025 00:00:00 GMT",
            "1 Foo 2025",
            "Foo 1, 2025",
            "00 Sep 2025",
            "1 Sep 2025 noon",
            "1 Sep 20255",
            "December 32, 2008",
            "01/09/2025",
            "2025年9月1日",
            "٠١ Sep 2025",
        ],
    )
    def test_text_that_is_not_a_date(self, text: str) -> None:
        assert parse_date(text) is None

    @given(
        day=st.dates(dt.date(1950, 1, 1), dt.date(9999, 12, 30)),
        time=st.times(timezones=ZONES),
        separator=st.sampled_from(" T"),
    )
    def test_any_moment_in_rfc_822_and_iso_8601(
        self, day: dt.date, time: dt.time, separator: str
    ) -> None:
        moment = dt.datetime.combine(day, time)
        assert parse_date(format_datetime(moment)) == day
        assert parse_date(moment.isoformat(separator)) == day

    @given(
        day=st.dates(dt.date(1000, 1, 1)),
        form=st.sampled_from(
            ["{m} {d}, {y}", "{s} {d} {y}", "{s}. {d}, {y}", "{d} {s} {y}", "{d:02} {m} {y}"]
        ),
    )
    def test_any_written_date(self, day: dt.date, form: str) -> None:
        month = calendar.month_name[day.month]
        text = form.format(m=month, s=month[:3], d=day.day, y=day.year)
        assert parse_date(text) == day

    @pytest.mark.parametrize(
        "text", ["Mon,\n  1 \t Sep\u00a02025", "2025-09-01" + " " * 100, "September  1 ,   2025"]
    )
    def test_how_much_space_there_is_does_not_matter(self, text: str) -> None:
        assert parse_date(text) == dt.date(2025, 9, 1)

    def test_what_is_longer_than_any_date_is_none(self) -> None:
        assert parse_date("2025-09-01T00:00:00." + "0" * 60) == dt.date(2025, 9, 1)
        assert parse_date("2025-09-01T00:00:00." + "0" * 61) is None

    @given(st.text(max_size=60))
    def test_any_text_is_a_date_or_none(self, text: str) -> None:
        assert parse_date(text) is None or any(character.isdigit() for character in text)

    @pytest.mark.parametrize("date", ["", "soon"])
    def test_a_date_in_the_text_if_pub_date_has_none(self, date: str) -> None:
        text = "Launched on September 1, 2025. Yes, Sep 1 2025."
        launch = only(item("NZ - ap-southeast-6", description=text, date=date))
        assert launch.launched_on == dt.date(2025, 9, 1)

    def test_pub_date_precedes_the_text(self) -> None:
        launch = only(
            item("NZ - ap-southeast-6", description="Announced May 3, 2021", date=NZ_DATE)
        )
        assert launch.launched_on == dt.date(2025, 9, 1)

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (item("V - us-east-1"), "has no readable date"),
            (
                item("V - us-east-1", date="Mon, 99 Sep 2025"),
                "has no readable date; its pubDate is 'Mon, 99 Sep 2025'",
            ),
            (
                item("V - us-east-1", description="May 3, 2021 or May 4, 2021"),
                "has no readable pubDate, but several other dates: 2021-05-03, 2021-05-04",
            ),
        ],
    )
    def test_items_without_a_date_are_named(self, wrong: str, words: str) -> None:
        launches = read(NEW_ZEALAND, wrong)
        assert [launch.region_code for launch in launches.launches] == ["ap-southeast-6"]
        assert launches.warnings == (f"the feed: item 2 (V - us-east-1) {words}",)


class TestItems:
    def test_they_are_sorted_by_code(self) -> None:
        codes = ["us-gov-east-1", "ap-southeast-6", "us-east-1"]
        launches = read(*(item(f"x - {code}", date=NZ_DATE) for code in codes))
        assert [launch.region_code for launch in launches.launches] == sorted(codes)

    @pytest.mark.parametrize("order", [1, -1])
    def test_the_earliest_of_several_dates_wins_with_a_warning(self, order: int) -> None:
        dates = ["2025-09-03", "2025-09-01", "2025-09-01"][::order]
        launches = read(*(item("NZ - ap-southeast-6", date=date) for date in dates))
        (launch,) = launches.launches
        assert launch.launched_on == dt.date(2025, 9, 1)
        assert launches.warnings == (
            "the feed: ap-southeast-6 was launched on 2025-09-01 in one item and on 2025-09-03 in "
            "another; the earlier date is used",
        )

    def test_the_same_date_twice_causes_no_warning(self) -> None:
        assert only(NEW_ZEALAND, NEW_ZEALAND).launched_on == dt.date(2025, 9, 1)

    @pytest.mark.parametrize(
        ("link", "kept"),
        [
            ("https://aws.amazon.com/blogs/aws/x/", True),
            ("http://aws.amazon.com/x?a=b&c=d", True),
            ("javascript:alert(1)", False),
            ("ftp://example.com/x", False),
            ("file:///etc/passwd", False),
            ("/relative", False),
            ("https://", False),
            ("https://[half", False),
            ("https://example.com/a b", False),
            ("=HYPERLINK(1)", False),
        ],
    )
    def test_only_web_addresses_are_kept(self, link: str, kept: bool) -> None:
        launch = only(item("NZ - ap-southeast-6", date=NZ_DATE, link=link))
        assert launch.announcement_url == (link if kept else None)

    def test_a_feed_cannot_flood_the_report_with_warnings(self) -> None:
        count = 500
        launches = read(NEW_ZEALAND, *(item(f"{n} - us-east-1", date="?") for n in range(count)))
        assert len(launches.warnings) == MAX_WARNINGS + 1
        assert launches.warnings[-1] == f"the feed: and {count - MAX_WARNINGS} more such warnings"

    def test_a_feed_cannot_write_on_the_terminal(self) -> None:
        title = "us-east-1 \u009b31m\u202ered\n" + "x" * 500
        launches = read(NEW_ZEALAND, item(title), item(guid="us-east-2"))
        first, second = launches.warnings
        assert first.isprintable()
        assert len(first) < 200
        assert "(no title)" in second

    def test_atom_is_read_too(self) -> None:
        atom = (
            b'<feed xmlns="http://www.w3.org/2005/Atom"><title>r</title><entry>'
            b'<title>NZ - ap-southeast-6</title><link href="https://example.com/nz"/>'
            b"<updated>2025-09-01T00:00:00Z</updated></entry></feed>"
        )
        (launch,) = parse_launches(atom, KNOWN, SOURCE).launches
        assert launch.launched_on == dt.date(2025, 9, 1)
        assert launch.announcement_url == "https://example.com/nz"


class TestUnreadableFeeds:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"Service Unavailable", "not well-formed XML"),
            (b'{"items": []}', "not well-formed XML"),
            (b"<html><body>Sign in</body></html>", "is XML, but not an RSS or Atom feed"),
            (b"<!DOCTYPE html><html><body>Sign in</body></html>", "document type"),
            (feed(), "has no items"),
            (b'<rss version="2.0"/>', "has no items"),
            (feed(NEW_ZEALAND).decode().encode("utf-16"), "not text in UTF-8"),
            (feed(NEW_ZEALAND).decode().encode("utf-16-le"), "not text in UTF-8"),
            (feed(NEW_ZEALAND).replace(b"Zealand", b"Zealand\xff"), "not text in UTF-8"),
            (feed(NEW_ZEALAND) + b"<rss/>", "not well-formed XML"),
            (gzip.compress(feed(NEW_ZEALAND)), "not text in UTF-8"),
            (feed(NEW_ZEALAND).replace(b"<channel>", b"<channel>&nbsp;"), "not well-formed XML"),
            (feed(NEW_ZEALAND, "<dc:date>2025</dc:date>"), "not well-formed XML"),
        ],
    )
    def test_they_are_refused_with_a_reason(self, data: bytes, words: str) -> None:
        assert words in reason(data)

    def test_a_feed_without_launches_is_a_failure(self) -> None:
        launches = read(item("no code", date=NZ_DATE))
        assert launches.failed
        assert launches.warnings == (
            "no launch dates: none of the 1 items of the feed names a known region and a date",
            "the feed: item 1 (no code) names no known region",
        )

    @given(st.data())
    def test_wherever_it_is_cut_off(self, data: st.DataObject) -> None:
        whole = feed(NEW_ZEALAND, item("Virginia - us-east-1", date="2006-08-25"))
        cut = data.draw(st.integers(1, len(whole) - 1))
        assert "is truncated" in reason(whole[:cut])

    def test_a_wrong_encoding_declaration_is_ignored(self) -> None:
        said = feed(NEW_ZEALAND).replace(b'"UTF-8"', b'"ISO-8859-1"')
        (launch,) = parse_launches(said, KNOWN, SOURCE).launches
        assert launch.region_code == "ap-southeast-6"

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        assert parse_launches(data, KNOWN, SOURCE).failed

    @given(st.lists(ELEMENTS, max_size=4))
    def test_any_elements_in_any_order(self, elements: list[str]) -> None:
        data = feed("".join(elements)).replace(
            b"<rss ",
            b'<rss xmlns:dc="http://purl.org/dc/elements/1.1/" '
            b'xmlns:g="http://www.opengis.net/gml" ',
        )
        launches = parse_launches(data, KNOWN, SOURCE)
        assert launches.failed is not bool(launches.launches)
        assert launches.warnings or launches.launches

    def test_an_exception_of_feedparser_becomes_a_warning(self) -> None:
        stray = '<rss version="2.0" xmlns:g="http://www.opengis.net/gml"><channel>'
        data = f"{stray}<item><g:posList>1</g:posList></item></channel></rss>".encode()
        assert "cannot be read by feedparser: KeyError" in reason(data)


class TestHostileFeeds:
    def test_entities_that_multiply(self) -> None:
        entities = "".join(
            f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "lol">'
            for n in range(10)
        )
        data = feed(NEW_ZEALAND).replace(b"<rss ", f"<!DOCTYPE rss [{entities}]><rss ".encode())
        assert "declares a document type" in reason(data.replace(b"AWS Regions", b"&e9;"))

    def test_entities_that_fetch(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("ap-southeast-6")
        with static_server(Reply(body=b"ap-southeast-6")) as server:
            for place in (secret.as_uri(), server.url):
                doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{place}">]><rss '.encode()
                data = feed(item("NZ - CODE", date=NZ_DATE)).replace(b"<rss ", doctype)
                assert "document type" in reason(data.replace(b"CODE", b"&x;"))
            outside = f'<!DOCTYPE rss SYSTEM "{server.url}"><rss '.encode()
            assert "document type" in reason(feed(NEW_ZEALAND).replace(b"<rss ", outside))
        assert server.requests == []

    def test_a_document_type_in_another_encoding_is_not_slipped_past(self) -> None:
        hidden = '<?xml version="1.0" encoding="UTF-7"?>+ADw-!DOCTYPE rss+AD4-'
        data = hidden.encode() + feed(NEW_ZEALAND).partition(b"\n")[2]
        assert "well-formed" in reason(data)

    def test_bytes_are_never_used_as_a_file_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("<a").mkdir()
        Path("<a", ">").write_bytes(feed(NEW_ZEALAND))
        assert "not an RSS" in reason(b"<a/>")

    def test_too_many_bytes(self) -> None:
        data = feed(NEW_ZEALAND, "<!--" + "x" * MAX_FEED_BYTES + "-->")
        assert f"more than {MAX_FEED_BYTES} bytes" in reason(data)

    @pytest.mark.parametrize(
        "many",
        ["<item/>" * MAX_ELEMENTS, "<a>" * MAX_ELEMENTS + "</a>" * MAX_ELEMENTS],
        ids=["wide", "deep"],
    )
    def test_too_many_elements(self, many: str) -> None:
        tracemalloc.start()
        assert f"more than {MAX_ELEMENTS} elements" in reason(feed(NEW_ZEALAND, many))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000

    @pytest.mark.parametrize("filler", [b"\n", b"<!---->"])
    def test_too_much_before_the_first_element(self, filler: bytes) -> None:
        data = feed(NEW_ZEALAND)
        assert only(NEW_ZEALAND)
        held_back = data.replace(b"<rss ", filler * MAX_PROLOG_BYTES + b"<rss ")
        assert f"no element in its first {MAX_PROLOG_BYTES} bytes" in reason(held_back)

    @pytest.mark.parametrize("space", [" ", "\n", "\u00a0"])
    @pytest.mark.parametrize("begin", ["Mon", "Mon,", "1", "1 Sep", "Sep", "Sep 1", "2025-09-01T"])
    def test_a_date_with_many_spaces_takes_no_time(self, begin: str, space: str) -> None:
        # If the time grew with their square, this test would time out.
        text = f"{begin}{space * 300_000}x"
        assert parse_date(text) is None
        for wrong in (item("V - us-east-1", date=text), item("V - us-east-1", description=text)):
            (warning,) = read(NEW_ZEALAND, wrong).warnings
            assert "has no readable date" in warning

    def test_too_many_attributes(self) -> None:
        many = " ".join(f'a{n}=""' for n in range(MAX_ATTRIBUTES + 1))
        words = f"an element with more than {MAX_ATTRIBUTES} attributes"
        assert words in reason(feed(NEW_ZEALAND, f"<item {many}/>"))


class TestHttpLaunchFeed:
    @pytest.fixture
    def session(self) -> Iterator[HttpSession]:
        made = HttpSession(
            "test/1",
            limits=HttpLimits(connect_seconds=5, read_seconds=5, total_seconds=20),
            retry=RetryPolicy(attempts=2, base_seconds=0.0),
            sleep=lambda _: None,
        )
        yield made
        made.close()

    def test_over_the_wire(self, session: HttpSession) -> None:
        with static_server(Reply(body=feed(NEW_ZEALAND))) as server:
            launches = HttpLaunchFeed(f"{server.url}/regions.rss", session).load(KNOWN)
        assert launches.source == f"{server.url}/regions.rss"
        assert launches.launches == parse_launches(feed(NEW_ZEALAND), KNOWN, "").launches
        assert not launches.failed

    def test_with_the_default_session(self) -> None:
        with static_server(Reply(body=feed(NEW_ZEALAND))) as server:
            assert HttpLaunchFeed(server.url).load(KNOWN).launches
        assert "aws-ssm-fetcher" in server.requests[0].headers["User-Agent"]

    def test_a_failure_that_passes_costs_nothing(self, session: HttpSession) -> None:
        with static_server(Reply(status=503), Reply(body=feed(NEW_ZEALAND))) as server:
            assert HttpLaunchFeed(server.url, session).load(KNOWN).launches

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(status=404),
            Reply(status=503),
            Reply(body=feed(NEW_ZEALAND), content_length=10_000),
            Reply(body=lambda: [feed(NEW_ZEALAND)], chunked=True, complete=False),
            Reply(body=feed(NEW_ZEALAND)[:-40]),
            Reply(body=b"<html>Sign in</html>"),
            Reply(body=b""),
            Reply(body=gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"}),
        ],
        ids=["404", "503", "short", "chunk", "cut", "html", "empty", "gzip bomb"],
    )
    def test_a_bad_answer_costs_the_dates_only(self, session: HttpSession, reply: Reply) -> None:
        with static_server(reply) as server:
            launches = HttpLaunchFeed(server.url, session).load(KNOWN)
        assert launches.failed
        assert launches.launches == ()
        (warning,) = launches.warnings
        assert warning.startswith("no launch dates: ")
        assert server.url in warning

    def test_fifty_megabytes_are_not_read(self, session: HttpSession) -> None:
        size = 50_000_000
        reply = Reply(body=repeated(b"<item></item>", size), content_length=size)
        tracemalloc.start()
        with static_server(reply) as server:
            launches = HttpLaunchFeed(server.url, session).load(KNOWN)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert launches.failed
        assert f"{MAX_FEED_BYTES} bytes" in launches.warnings[0]
        assert server.bytes_sent < size // 2
        assert peak < 3 * MAX_FEED_BYTES

    def test_an_unreachable_server(self, session: HttpSession) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/regions.rss"
        launches = HttpLaunchFeed(url, session).load(KNOWN)
        assert launches.failed
        assert url in launches.warnings[0]

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "regions.rss", "ftp://example.com/x"])
    def test_no_web_address(self, session: HttpSession, url: str) -> None:
        assert HttpLaunchFeed(url, session).load(KNOWN).failed

    def test_secrets_in_the_url_do_not_appear(self, session: HttpSession) -> None:
        with static_server(Reply(body=b"")) as server:
            url = server.url.replace("//", "//user:secret@") + "/?token=secret"
            launches = HttpLaunchFeed(url, session).load(KNOWN)
        assert "secret" not in launches.model_dump_json()


class TestBundledFeed:
    def test_every_item_is_read_and_each_region_appears_once(self) -> None:
        regions = moto_tree().regions
        launches = BundledLaunchFeed().load(regions)
        assert launches.source == BUNDLED_SOURCE
        assert launches.warnings == ()
        assert not launches.failed
        # Public sources disagree on the launch dates of these regions.
        open_questions = {"ap-northeast-3", "cn-north-1", "eu-west-1", "us-gov-west-1"}
        codes = [launch.region_code for launch in launches.launches]
        assert codes == sorted(set(regions) - open_questions)

    def test_dates_are_plausible(self) -> None:
        launches = BundledLaunchFeed().load(moto_tree().regions).launches
        by_code = {launch.region_code: launch.launched_on for launch in launches}
        assert min(by_code, key=lambda code: by_code[code]) == "us-east-1"
        assert min(by_code.values()) == dt.date(2006, 8, 25)
        assert max(by_code.values()) < dt.datetime.now(dt.UTC).date()

    def test_announcements_are_aws_own_and_agree_with_the_date(self) -> None:
        launches = BundledLaunchFeed().load(moto_tree().regions).launches
        linked = [launch for launch in launches if launch.announcement_url]
        assert linked
        for launch in linked:
            url = launch.announcement_url or ""
            assert url.startswith("https://aws.amazon.com/")
            news = url.partition("/whats-new/")[2]
            assert not news or news.startswith(launch.launched_on.strftime("%Y/%m/"))


def shared_feed() -> Path | None:
    """Return the sample feed next to the repository, if it exists."""
    places = [Path(folder) for folder in [os.environ.get("SHARED_DATA_DIR")] if folder]
    places += [parent / "shared" / "data" for parent in Path(__file__).resolve().parents]
    feeds = (place / "rss" / "regions.rss" for place in places)
    return next((path for path in feeds if path.is_file()), None)


@pytest.mark.skipif(shared_feed() is None, reason="no shared/data/rss/regions.rss found")
def test_the_sample_feed() -> None:
    path = shared_feed()
    assert path is not None
    launches = parse_launches(path.read_bytes(), moto_tree().regions, SOURCE)
    assert {launch.region_code: str(launch.launched_on) for launch in launches.launches} == {
        "ap-east-2": "2025-06-05",
        "ap-southeast-6": "2025-09-01",
        "eu-west-1": "2008-12-10",
        "eusc-de-east-1": "2026-01-15",
        "mx-central-1": "2025-01-14",
        "us-east-1": "2006-08-25",
        "us-gov-east-1": "2018-11-12",
    }
    assert launches.warnings == ("the feed: item 8 (Region without code) names no known region",)
