"""Launch dates of regions, from AWS's feed of region launches or from the bundled feed.

The live feed is the history of AWS's page on regions: an RSS 2.0 document with one item per launch.
The region's code is in the item's title (`Asia Pacific (New Zealand) - ap-southeast-6`), in
`<code>` in its description, or in its guid. The date is in pubDate, as RFC 822, ISO 8601 or
`September 1, 2025`, or in the text in the last form.

A broken feed never stops the report: the launch dates are missing, and the result says why. The
feed is untrusted. Its size and number of elements are limited, it must be well-formed UTF-8, and it
must not declare a document type (which could define entities that expand or fetch other content).
All of that is checked before feedparser reads the feed, because feedparser tolerates such problems
and would return the first items of a truncated feed as if they were all.
"""

from __future__ import annotations

import datetime as dt
import importlib.resources
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit
from xml.parsers import expat

import feedparser

from aws_ssm_fetcher import __version__
from aws_ssm_fetcher.models import Launches, RegionLaunch
from lambda_core.errors import ApplicationError
from lambda_core.redaction import redact_url

LIVE_FEED_URL: Final = (
    "https://docs.aws.amazon.com/global-infrastructure/latest/regions/regions.rss"
)

BUNDLED_SOURCE: Final = "bundled launch dates"

MAX_FEED_BYTES: Final = 5_000_000
"""AWS's feed has about 20 kB."""

MAX_ELEMENTS: Final = 20_000
"""AWS's feed has about 300 elements; without a limit, 5 MB could contain a million items."""

MAX_ATTRIBUTES: Final = 100
"""The limit per element; feedparser's time grows with the square of their number."""

MAX_PROLOG_BYTES: Final = 4_000
"""The limit before the first element; feedparser's time grows with the square of their number."""

MAX_WARNINGS: Final = 20
"""If there are more warnings about items, the rest are counted instead of listed."""

_SHOWN_CHARACTERS: Final = 80

_MAX_DATE_CHARACTERS: Final = 80


class RegionLaunchFeed(Protocol):
    """A source of launch dates."""

    def load(self, known_region_codes: Collection[str]) -> Launches:
        """Return the launches of known regions.

        Parameters
        ----------
        known_region_codes
            The regions that exist. A code counts only if it is one of them.

        Returns
        -------
        Launches
            If the feed could not be fetched or read, `failed` is true, there are no launches, and
            a warning says why. The content of a feed never raises an error.
        """
        ...


class HttpContent(Protocol):
    """The part of an HTTP response that this module needs."""

    @property
    def content(self) -> bytes:
        """The whole body."""
        ...


class HttpReader(Protocol):
    """The part of `lambda_core.http.HttpSession` that this module needs."""

    def get(self, url: str, *, max_bytes: int) -> HttpContent:
        """Return the page, or raise an `ApplicationError`."""
        ...


class BundledLaunchFeed:
    """The feed in this package: launches that two sources agree on, for use without a network.

    Examples
    --------
    >>> launches = BundledLaunchFeed().load({"ap-southeast-6"})
    >>> str(launches.launches[0].launched_on)
    '2025-09-02'
    """

    def load(self, known_region_codes: Collection[str]) -> Launches:
        """Return the launches of known regions, see `RegionLaunchFeed`."""
        path = importlib.resources.files(__package__) / "region_launches.rss"
        return parse_launches(path.read_bytes(), known_region_codes, BUNDLED_SOURCE)


class HttpLaunchFeed:
    """A feed that is fetched over HTTP.

    Parameters
    ----------
    url
        An http or https URL.
    session
        The HTTP session; by default one that gives up after 30 s, because launch dates are not
        worth a longer wait.
    """

    def __init__(self, url: str = LIVE_FEED_URL, session: HttpReader | None = None) -> None:
        self._url = url
        self._session = session

    def load(self, known_region_codes: Collection[str]) -> Launches:
        """Return the launches of known regions, see `RegionLaunchFeed`."""
        source = redact_url(self._url)
        try:
            response = (self._session or _default_session()).get(
                self._url, max_bytes=MAX_FEED_BYTES
            )
        except ApplicationError as error:
            return _failed(source, f"no launch dates: {error}")
        return parse_launches(response.content, known_region_codes, source)


def _default_session() -> HttpReader:
    # Importing this takes 0.1 s, which only callers that use the network should pay.
    from lambda_core.http import HttpLimits, HttpSession, user_agent

    return HttpSession(
        user_agent("aws-ssm-fetcher", __version__, "reads region launch dates"),
        limits=HttpLimits(connect_seconds=5, read_seconds=10, total_seconds=30),
    )


def parse_launches(data: bytes, known_region_codes: Collection[str], source: str) -> Launches:
    """Read a feed of region launches.

    Parameters
    ----------
    data
        The content of the feed.
    known_region_codes
        A code counts only if it is one of these.
    source
        The origin of the dates, as reports state it.

    Returns
    -------
    Launches
        The date of a region is that of its earliest item, with a warning if items differ.
        Items without a known code or a date cause warnings. If the feed cannot be read or contains
        no launches, `failed` is true and there are no launches.
    """
    try:
        _require_plain_xml(data)
        entries = _entries(data)
    except _UnreadableFeedError as error:
        return _failed(source, f"no launch dates: {source} {error}")
    codes = _CodeFinder(known_region_codes)
    launches: dict[str, RegionLaunch] = {}
    warnings: list[str] = []
    elsewhere: list[str] = []
    for number, entry in enumerate(entries, start=1):
        item = f"item {number} ({_shown(entry.title)})"
        try:
            launch = _launch(entry, codes)
        except _NoKnownRegionError:
            elsewhere.append(item)
            continue
        except _UnreadableItemError as error:
            warnings.append(f"{source}: {item} {error}")
            continue
        earlier = launches.setdefault(launch.region_code, launch)
        if earlier.launched_on != launch.launched_on:
            first, second = sorted((earlier, launch), key=lambda item: item.launched_on)
            launches[launch.region_code] = first
            warnings.append(
                f"{source}: {launch.region_code} was launched on {first.launched_on} in one item "
                f"and on {second.launched_on} in another; the earlier date is used"
            )
    # The live feed contains other news too. A line for each item would hide what matters.
    if len(elsewhere) == 1:
        warnings.append(f"{source}: {elsewhere[0]} names no known region")
    elif elsewhere:
        warnings.append(
            f"{source}: {len(elsewhere)} items name no known region, the first is {elsewhere[0]}"
        )
    shown = _abridged(warnings, source)
    if not launches:
        return _failed(
            source,
            f"no launch dates: none of the {len(entries)} items of {source} names a known region "
            "and a date",
            *shown,
        )
    return Launches(
        source=source,
        launches=tuple(launches[code] for code in sorted(launches)),
        warnings=shown,
    )


class _UnreadableFeedError(Exception):
    """The feed is rejected. The message is a predicate; the caller adds the feed's name."""


class _UnreadableItemError(Exception):
    """An item is not a launch. The message is a predicate; the caller adds the item's name."""


class _NoKnownRegionError(_UnreadableItemError):
    """An item is about something else."""


@dataclass(frozen=True)
class _Entry:
    """The texts of one item that matter here; a missing text is empty."""

    title: str
    description: str
    guid: str
    published: str
    link: str


def _failed(source: str, *warnings: str) -> Launches:
    return Launches(source=source, warnings=warnings, failed=True)


def _abridged(warnings: Sequence[str], source: str) -> tuple[str, ...]:
    rest = len(warnings) - MAX_WARNINGS
    if rest <= 0:
        return tuple(warnings)
    return (*warnings[:MAX_WARNINGS], f"{source}: and {rest} more such warnings")


def _one_line(text: str) -> str:
    """Return the words of a text with one space between them."""
    return " ".join(text.split())


def _shown(text: str) -> str:
    """Return text of the feed as one printable line of limited length."""
    line = _one_line("".join(c if c.isprintable() else " " for c in text))
    return f"{line[:_SHOWN_CHARACTERS]}…" if len(line) > _SHOWN_CHARACTERS else line or "no title"


def _require_plain_xml(data: bytes) -> None:
    """Reject anything but a complete, harmless XML document of limited size."""
    _require_text(data)
    elements = 0

    def count(_: str, attributes: Mapping[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements == 1 and parser.CurrentByteIndex > MAX_PROLOG_BYTES:
            raise _UnreadableFeedError(f"has no element in its first {MAX_PROLOG_BYTES} bytes")
        if len(attributes) > MAX_ATTRIBUTES:
            raise _UnreadableFeedError(f"has an element with more than {MAX_ATTRIBUTES} attributes")
        if elements > MAX_ELEMENTS:
            raise _UnreadableFeedError(f"has more than {MAX_ELEMENTS} elements")

    def reject(*_: object) -> None:
        raise _UnreadableFeedError("declares a document type, which is refused as unsafe")

    # The encoding and the handling of namespaces are those of feedparser, so that both read the
    # same document. If feedparser considers a document damaged, it starts to guess.
    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler = count
    parser.StartDoctypeDeclHandler = reject
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise _UnreadableFeedError(f"is truncated or not well-formed XML: {error}") from error


def _require_text(data: bytes) -> None:
    if not data.strip():
        raise _UnreadableFeedError("is empty")
    if len(data) > MAX_FEED_BYTES:
        raise _UnreadableFeedError(f"has more than {MAX_FEED_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnreadableFeedError(f"is not text in UTF-8: {error}") from error
    if "\0" in text:
        # expat would take it for UTF-16, and read a different document than feedparser.
        raise _UnreadableFeedError("is not text in UTF-8: it has null characters")


def _entries(data: bytes) -> list[_Entry]:
    try:
        feed = feedparser.parse(
            # A stream, because feedparser tries to use plain bytes as a file name.
            io.BytesIO(data),
            response_headers={"content-type": "application/rss+xml; charset=utf-8"},
            # No part of the feed is shown as HTML, and both options cost time.
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:
        # Elements in unexpected places make feedparser raise KeyError, IndexError, TypeError and
        # others. They must not end the report.
        raise _UnreadableFeedError(f"cannot be read by feedparser: {error!r}") from error
    if feed.bozo or not feed.version:
        raise _UnreadableFeedError("is XML, but not an RSS or Atom feed")
    if not feed.entries:
        raise _UnreadableFeedError("has no items")
    return [
        _Entry(
            title=_text(entry, "title"),
            description=_text(entry, "summary"),
            guid=_text(entry, "id"),
            # RSS has the first, Atom and Dublin Core have the second.
            published=_text(entry, "published" if "published" in entry else "updated"),
            link=_text(entry, "link"),
        )
        for entry in feed.entries
    ]


def _text(entry: Mapping[str, object], name: str) -> str:
    # An empty element may be None.
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _launch(entry: _Entry, codes: _CodeFinder) -> RegionLaunch:
    return RegionLaunch(
        region_code=codes.of(entry),
        launched_on=_date_of(entry),
        announcement_url=_web_address(entry.link),
    )


class _CodeFinder:
    """Finds the known region code in an item.

    A code must be a whole word: `us-east-1` is not found in `us-east-11` or `my-us-east-1`.
    """

    def __init__(self, known: Collection[str]) -> None:
        longest_first = sorted((code for code in known if code), key=len, reverse=True)
        words = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])" if words else r"(?!)")

    def of(self, entry: _Entry) -> str:
        """Return the code from the first part of the item that contains any.

        Raises
        ------
        _UnreadableItemError
            If there is no code, or if that part contains several.
        """
        for text in self._places(entry):
            found = sorted({match[0] for match in self._pattern.finditer(text)})
            if len(found) > 1:
                raise _UnreadableItemError(f"names several regions: {', '.join(found)}")
            if found:
                return found[0]
        raise _NoKnownRegionError("names no known region")

    @staticmethod
    def _places(entry: _Entry) -> Iterator[str]:
        yield entry.title
        yield " ".join(_CODE_ELEMENT.findall(entry.description))
        yield entry.guid


_CODE_ELEMENT: Final = re.compile(r"<code\b[^<>]*>([^<>]*)</code\s*>", re.IGNORECASE)

_MONTH_NAMES: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

_MONTHS: Final = {
    name: number
    for number, month in enumerate(_MONTH_NAMES, start=1)
    for name in (month, month[:3])
} | {"sept": 9}

_RFC_822: Final = re.compile(
    r"""
    (?:[a-z]{3,9}\s*,?\s+)?                                   # the day of the week
    (?P<day>\d{1,2})\s+(?P<month>[a-z]{3,9})\s+(?P<year>\d{4}|\d{2})
    (?:\s+\d{1,2}:\d{2}(?::\d{2})?(?:\s*(?:[a-z]{1,5}|[+-]\d{2}:?\d{2}))?)?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

_ISO_8601: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].+)?", re.ASCII)

_WRITTEN_OUT: Final = re.compile(
    r"\b(?P<month>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?\s*,?\s+(?P<year>\d{4})\b",
    re.IGNORECASE | re.ASCII,
)


def parse_date(text: str) -> dt.date | None:
    """Read the date of a feed.

    Parameters
    ----------
    text
        RFC 822 (`Mon, 1 Sep 2025 00:00:00 GMT`; the time may be absent), ISO 8601 (`2025-09-01`,
        with or without a time), or written out (`September 1, 2025`, `Sep 1 2025`). Any amount of
        white space counts as one space.

    Returns
    -------
    datetime.date or None
        The day as published, in the text's own offset from UTC, because that is the day in the
        announcement. None if the text is not a date.

    Examples
    --------
    >>> parse_date("Mon, 1 Sep 2025 00:00:00 GMT")
    datetime.date(2025, 9, 1)
    >>> parse_date("soon") is None
    True
    """
    # Matching takes time that grows with the square of the length of consecutive white space.
    text = _one_line(text)
    if len(text) > _MAX_DATE_CHARACTERS:
        return None
    if _ISO_8601.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text).date()
        except ValueError:
            return None
    match = _RFC_822.fullmatch(text) or _WRITTEN_OUT.fullmatch(text)
    return _calendar_day(match) if match else None


def _calendar_day(match: re.Match[str]) -> dt.date | None:
    month = _MONTHS.get(match["month"].lower())
    if month is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        # Years of two digits, as in RFC 5322, section 4.3.
        year += 2000 if year < 50 else 1900
    try:
        return dt.date(year, month, int(match["day"]))
    except ValueError:
        return None


def _date_of(entry: _Entry) -> dt.date:
    if date := parse_date(entry.published):
        return date
    text = _one_line(f"{entry.title} {entry.description}")
    found = {day for match in _WRITTEN_OUT.finditer(text) if (day := _calendar_day(match))}
    if len(found) == 1:
        return found.pop()
    if found:
        days = ", ".join(map(str, sorted(found)))
        raise _UnreadableItemError(f"has no readable pubDate, but several other dates: {days}")
    published = f"; its pubDate is {_shown(entry.published)!r}" if entry.published else ""
    raise _UnreadableItemError(f"has no readable date{published}")


def _web_address(link: str) -> str | None:
    """Return the link if it is a web address, else None."""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return None
    is_web = parts.scheme in {"http", "https"} and bool(host)
    return link if is_web and link.isprintable() and " " not in link else None
