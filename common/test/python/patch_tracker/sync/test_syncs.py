from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import gzip
import random
from collections.abc import Sequence

import pytest
from patch_tracker_testing.mails import make_mail
from patch_tracker_testing.sample_mails import read_mails
from patch_tracker_testing.sources import running_sources
from patch_tracker_testing.tables import CrashError, CrashingClient, Tables, new_tables

from lambda_core.http import HttpStatusError, TruncatedResponseError
from lambda_testing.fault_proxy import (
    Action,
    Fault,
    FaultProxy,
    always,
    first,
    reset_connection,
    respond,
    truncate,
)
from patch_tracker.errors import (
    BusyError,
    FormatError,
    OutageError,
    PartialSyncError,
    UnknownSourceError,
)
from patch_tracker.mail.mbox import MailboxError
from patch_tracker.mail.message import Mail, parse_mail
from patch_tracker.models import MailKind
from patch_tracker.repositories.state import Cursors, Lease
from patch_tracker.sync.storing import MailStore
from run_local.patch_tracker.lore_server import mbox

COVER = make_mail("c", kind=MailKind.COVER)
PATCH = make_mail("p", parents=["c"], kind=MailKind.PATCH, minute=1)
REPLY = make_mail("r", parents=["p", "c"], minute=2)
MAILS = [COVER, PATCH, REPLY]


def test_a_second_run_finds_nothing_to_do(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        patches = sources.patch_sync(tables).changes()
        mails = sources.discussion_sync(tables).recent()
        assert (patches.written, patches.message_ids) == (1, ["p"])
        assert (mails.mails, mails.new) == (3, 3)
        stored = tables.patches.by_message_id("p")
        assert (stored.status, stored.series_id, stored.cover) == ("new", 1, "c")
        assert (stored.reply_count, stored.paths) == (1, ("a.c",))
        assert tables.patches.by_number(stored.patchwork_id or 0) == stored

        writes, requests = tables.writes, sources.requests
        everything = tables.everything()
        assert sources.patch_sync(tables).changes().events == 0
        assert sources.discussion_sync(tables).recent().new == 0
        assert tables.writes == writes
        assert sources.requests - requests == 2
        assert tables.everything() == everything


def test_a_change_of_state_is_stored_with_its_history(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        sources.patch_sync(tables).changes()
        sources.patchwork.set_state("p", "under-review")
        sources.patchwork.set_state("p", "accepted")
        result = sources.patch_sync(tables).changes()
        assert (result.events, result.written) == (2, 1)
    stored = tables.patches.by_message_id("p")
    assert stored.status == "accepted"
    assert [(change.before, change.after) for change in stored.history] == [
        ("new", "under-review"),
        ("under-review", "accepted"),
    ]
    assert tables.patches.by_status("new").items == ()
    assert tables.patches.by_status("accepted").items == (stored,)


def test_a_refresh_finds_a_change_without_an_event(tables: Tables) -> None:
    with running_sources(MAILS, now=dt.datetime(2023, 1, 1, tzinfo=dt.UTC)) as sources:
        sources.patch_sync(tables).changes()
        sources.patchwork.set_state("p", "rejected", event=False)
        assert sources.patch_sync(tables).changes().events == 0
        # Neither recent nor open on the server: it is requested because it is stored as open.
        assert sources.patch_sync(tables).refresh().written == 1
        assert tables.patches.by_message_id("p").status == "rejected"
        assert sources.patch_sync(tables).refresh().written == 0


def test_many_changes_cost_few_requests(tables: Tables) -> None:
    mails = [make_mail(f"p{n}", kind=MailKind.PATCH, minute=n % 60) for n in range(40)]
    with running_sources(mails) as sources:
        sources.patch_sync(tables).changes()
        for number in range(10):
            sources.patchwork.set_state(f"p{number}", "accepted")
        before = len(sources.patchwork.requests)
        assert sources.patch_sync(tables).changes().written == 10
        assert len(sources.patchwork.requests) - before == 2


def test_mails_with_dates_in_the_past_and_in_the_future_are_found(tables: Tables) -> None:
    with running_sources([PATCH]) as sources:
        sources.patch_sync(tables).changes()
        sources.discussion_sync(tables).recent()
        raw = PATCH.raw.replace(b"<p>", b"<future>").replace(
            b"Date: Thu, 21 Oct 2021", b"Date: Mon, 18 Jun 2085"
        )
        sources.receive([parse_mail(raw), make_mail("late", kind=MailKind.PATCH)])
        assert sorted(sources.patch_sync(tables).changes().message_ids) == ["future", "late"]
        sources.discussion_sync(tables).recent()
        assert tables.patches.by_message_id("future").timestamp == sources.now
        sources.receive([make_mail("after", kind=MailKind.PATCH, minute=9)])
        assert sources.discussion_sync(tables).recent().new == 1
        assert sources.patch_sync(tables).changes().message_ids == ["after"]
        newest = tables.patches.by_status("new").items[0]
        assert newest.message_id == "future"
        assert tables.patches.months() == ["2021-10"]


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (respond(200, b"<!doctype html><title>Making sure you're not a bot!</title>"), OutageError),
        (respond(200, b"<html>denied</html>", {"Content-Type": "text/html"}), OutageError),
        (respond(200, b"plain"), OutageError),
        (respond(503), HttpStatusError),
        (respond(403), HttpStatusError),
        (truncate(), TruncatedResponseError),
        (respond(200, gzip.compress(b"From x\nA: 1\n\n" + b"x" * 99)[:-9]), MailboxError),
    ],
    ids=["proof-of-work", "html", "text", "503", "403", "truncated", "half-gzip"],
)
def test_an_outage_of_the_archive_never_counts_as_no_mail(
    tables: Tables, action: Action, error: type[Exception]
) -> None:
    with (
        running_sources(MAILS) as sources,
        FaultProxy(sources.lore.url, [Fault(always, action)]) as proxy,
    ):
        with pytest.raises(error):
            sources.discussion_sync(tables, proxy.url).recent()
        assert tables.writes == 0
        # A proof-of-work gate gets only one request.
        if error is OutageError:
            assert sum(proxy.calls.values()) == 1
        assert sources.discussion_sync(tables).recent().new == 3


@pytest.mark.parametrize(
    "action",
    [respond(429, headers={"Retry-After": "3"}), respond(503), reset_connection(), truncate()],
    ids=["429", "503", "reset", "truncated"],
)
def test_transient_errors_are_retried(tables: Tables, action: Action) -> None:
    with (
        running_sources(MAILS) as sources,
        FaultProxy(sources.lore.url, [Fault(first(2), action)]) as lore,
        FaultProxy(sources.patchwork.url, [Fault(first(2), action)]) as patchwork,
    ):
        assert sources.patch_sync(tables, patchwork.url).changes().written == 1
        assert sources.discussion_sync(tables, lore.url).recent().new == 3


def test_an_unknown_list_or_project_is_reported(tables: Tables) -> None:
    nothing = respond(200, b"[]", {"Content-Type": "application/json"})
    missing = respond(404, b'{"detail": "Not found."}')
    with running_sources() as sources:
        is_project = Fault(lambda request: "/projects/" in request.path, missing)
        with (
            FaultProxy(sources.patchwork.url, [is_project, Fault(always, nothing)]) as proxy,
            pytest.raises(UnknownSourceError, match="no project"),
        ):
            sources.patch_sync(tables, proxy.url).changes()
        with (
            FaultProxy(sources.lore.url, [Fault(always, missing)]) as proxy,
            pytest.raises(UnknownSourceError, match="no list"),
        ):
            sources.discussion_sync(tables, proxy.url).recent()
        # An empty list or project is not an error.
        assert sources.patch_sync(tables).changes().written == 0
        assert sources.discussion_sync(tables).recent().mails == 0


def test_lists_are_read_if_the_server_has_no_events(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        events = Fault(lambda request: "/events/" in request.path, respond(404))
        with FaultProxy(sources.patchwork.url, [events]) as proxy:
            result = sources.patch_sync(tables, proxy.url).changes()
        assert (result.fallback, result.written) == (True, 1)


def test_a_thread_is_fetched_once(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        result = sources.discussion_sync(tables).threads(["r", "p", "nowhere/%40"])
        assert (result.threads, result.new, result.not_found) == (2, 3, ["nowhere/%40"])
        again = sources.discussion_sync(tables).threads(["r", "nowhere/%40"])
        assert (again.threads, again.new) == (0, 0)


def test_the_missing_beginning_of_a_thread_is_fetched(tables: Tables) -> None:
    old = make_mail("old", kind=MailKind.PATCH)
    raw = old.raw.replace(b"21 Oct 2021", b"21 Jan 2021")
    with running_sources([parse_mail(raw), make_mail("new", parents=["old"])]) as sources:
        result = sources.discussion_sync(tables).recent()
        assert (result.new, result.threads) == (2, 1)
        assert tables.discussions.by_message_id("new").target == "old"
        assert sources.discussion_sync(tables).refresh(90).new == 0


def test_two_runs_cannot_write_at_the_same_time(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        held = Lease(tables.discussions_table, "example")
        with held.held(), pytest.raises(BusyError):
            sources.discussion_sync(tables).recent()
        late = Lease(tables.discussions_table, "example", clock=lambda: 1e10)
        with held.held(), late.held():
            pass
        assert sources.discussion_sync(tables).recent().new == 3


def test_a_week_of_a_list_takes_one_request(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        sync = sources.discussion_sync(tables)
        assert sync.refresh(7).new == 3
        assert len(sources.lore.requests) == 1


@pytest.mark.timeout(900)
def test_real_mail_gives_the_same_tables_however_the_runs_are_divided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Six runs read the same mails.
    monkeypatch.setattr("patch_tracker.sync.discussions.parse_mail", functools.cache(parse_mail))
    mails = read_mails("sample.mbox.gz")
    now = dt.datetime(2021, 12, 1, tzinfo=dt.UTC)
    results = []
    for parts in (1, 3):
        tables = new_tables()
        with running_sources(now=now) as sources:
            size = len(mails) // parts + 1
            for start in range(0, len(mails), size):
                sources.receive(mails[start : start + size])
                # The result must not depend on which of the two runs first.
                if start:
                    sources.discussion_sync(tables).recent()
                    sources.patch_sync(tables).changes()
                else:
                    sources.patch_sync(tables).changes()
                    sources.discussion_sync(tables).refresh(60)
            if parts > 1:
                sources.discussion_sync(tables).refresh(60)
            before = tables.writes
            sources.patch_sync(tables).refresh()
            sources.discussion_sync(tables).refresh(60)
            assert tables.writes == before
        everything = tables.everything()
        results.append(
            {
                name: {
                    key: {field: value for field, value in item.items() if field != "web_url"}
                    for key, item in items.items()
                    if not key.startswith(("#CURSOR#", "#MISSING#"))
                }
                for name, items in everything.items()
            }
        )
    assert results[0] == results[1]
    stored = [item for item in results[0]["discussions"].values() if "author" in item]
    assert len(stored) == len(mails)
    known = [item for item in results[0]["patches"].values() if "patchwork_id" in item]
    assert len(known) == 111


def test_an_interrupted_run_is_repeated(tables: Tables) -> None:
    with running_sources(MAILS) as sources:
        sources.patch_sync(tables).changes()
        sources.discussion_sync(tables).recent()
        sources.receive([make_mail("r2", parents=["r", "p", "c"], minute=7)])
        sources.patchwork.set_state("p", "accepted")
        sources.patch_sync(tables).changes()
        sources.discussion_sync(tables).recent()
        expected = _without_times(tables)
        for writes in range(12):
            other = new_tables()
            for _ in range(2):
                crashing = Tables(CrashingClient(other.client, writes), other.names)  # type: ignore[arg-type]  # stands in for it
                try:
                    sources.patch_sync(crashing).changes()
                    sources.discussion_sync(crashing).recent()
                except CrashError:
                    # In reality, the next run waits until the lease expires.
                    other.discussions_table.delete({"id": "#LOCK#example", "timestamp": "-"})
            sources.patch_sync(other).changes()
            sources.discussion_sync(other).recent()
            assert _without_times(other) == expected


def _without_times(tables: Tables) -> object:
    return {
        name: {
            key: {field: value for field, value in item.items() if field != "history"}
            for key, item in items.items()
            if not key.startswith("#CURSOR#")
        }
        for name, items in tables.everything().items()
    }


def local_time(text: str) -> dt.datetime:
    """Return a local time of the server, which has no offset."""
    return dt.datetime.fromisoformat(text)


def test_the_complete_mails_of_a_truncated_answer_are_stored(tables: Tables) -> None:
    noise = random.Random(5).randbytes(9_000).hex()  # noqa: S311 - no secret
    half = mbox([COVER, PATCH, make_mail("r", text=noise)])[:-3_000]
    with (
        running_sources(MAILS) as sources,
        FaultProxy(sources.lore.url, [Fault(always, respond(200, half))]) as proxy,
    ):
        with pytest.raises(MailboxError):
            sources.discussion_sync(tables, proxy.url).recent()
        assert tables.discussions.by_message_id("p").target == "p"
        assert Cursors(tables.patches_table, "example").get("lore") is None
        assert sources.discussion_sync(tables).recent().new == 1


def test_a_highly_compressed_answer_is_read_in_little_memory(tables: Tables) -> None:
    # 20 mails of 3 MB, compressed to 60 kB. A quote takes the least time to parse.
    mails = [make_mail(f"b{n}") for n in range(20)]
    bomb = [dataclasses.replace(mail, raw=mail.raw + b"> " + b"x" * 3_000_000) for mail in mails]
    with running_sources(bomb) as sources:
        store = MailStore(tables.discussions, tables.patches_table)
        sizes: list[int] = []

        class RecordingStore(MailStore):
            def missing(self, mails: Sequence[Mail]) -> list[Mail]:
                sizes.append(sum(len(mail.raw) for mail in mails))
                return store.missing(mails)

        tables.store = RecordingStore(tables.discussions, tables.patches_table)
        assert sources.discussion_sync(tables).recent().new == 20
    assert max(sizes) < 20_000_000


def test_patches_read_before_a_failure_are_stored(tables: Tables) -> None:
    # Neither recent nor open on the server: each is requested by number, the oldest last.
    mails = [make_mail(f"p{n}", kind=MailKind.PATCH, minute=n % 60) for n in range(30)]
    with running_sources(mails, now=dt.datetime(2023, 1, 1, tzinfo=dt.UTC)) as sources:
        sources.patch_sync(tables).changes()
        for number in range(30):
            sources.patchwork.set_state(f"p{number}", "rejected", event=False)
        late = Fault(lambda request: request.path.endswith("/patches/1/"), respond(403))
        with (
            FaultProxy(sources.patchwork.url, [late]) as proxy,
            pytest.raises(HttpStatusError),
        ):
            sources.patch_sync(tables, proxy.url).refresh()
        assert len(tables.patches.by_status("rejected").items) == 25
        assert sources.patch_sync(tables).refresh().written == 5


def test_an_event_from_the_future_does_not_hide_later_events(tables: Tables) -> None:
    with running_sources() as sources:
        sources.patchwork.set_clock(local_time("2085-01-01T00:00"))
        sources.receive([PATCH])
        sources.patch_sync(tables).changes()
        # The clock is right again.
        sources.patchwork.set_clock(local_time("2021-10-24T15:00"))
        sources.patchwork.set_state("p", "accepted")
        assert sources.patch_sync(tables).changes().written == 1
        assert tables.patches.by_message_id("p").status == "accepted"
        assert sources.patch_sync(tables).changes().events == 0


def test_the_end_of_daylight_saving_time_hides_no_event(tables: Tables) -> None:
    with running_sources(now=dt.datetime(2021, 10, 31, tzinfo=dt.UTC)) as sources:
        sources.patchwork.set_clock(local_time("2021-10-31T02:59"))
        sources.receive([PATCH])
        sources.patch_sync(tables).changes()
        sources.patchwork.set_clock(local_time("2021-10-31T02:01"))
        sources.patchwork.set_state("p", "accepted")
        assert sources.patch_sync(tables).changes().written == 1
        assert sources.patch_sync(tables).changes().events == 0


def test_hundreds_of_events_with_the_same_date_are_read(tables: Tables) -> None:
    mails = [make_mail(f"p{n}", kind=MailKind.PATCH, minute=n % 60) for n in range(280)]
    with running_sources(mails) as sources:
        sources.patch_sync(tables).changes()
        sources.patchwork.tick = dt.timedelta()
        for number in range(280):
            sources.patchwork.set_state(f"p{number}", "accepted")
        result = sources.patch_sync(tables).changes()
        assert (result.events, result.written) == (280, 280)


def test_a_refresh_fetches_the_mails_of_old_open_patches(tables: Tables) -> None:
    now = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
    with running_sources(MAILS, now=now) as sources:
        sources.patch_sync(tables).changes()
        assert not tables.patches.by_message_id("p").thread
        result = sources.discussion_sync(tables).refresh(30)
        assert (result.threads, result.new) == (1, 3)
        assert tables.patches.by_message_id("p").thread == "c"
        assert sources.discussion_sync(tables).refresh(30).threads == 0


def test_an_unknown_message_id_is_requested_again_after_90_days(tables: Tables) -> None:
    with running_sources() as sources:
        assert sources.discussion_sync(tables).threads(["<p>", ".."]).not_found == ["p", ".."]
        # ".." is not a message ID; it would lead to another URL.
        assert [request.path for request in sources.lore.requests] == ["/example/p/t.mbox.gz"]
        sources.receive(MAILS)
        assert sources.discussion_sync(tables).threads(["p"]).new == 0
        sources.now += dt.timedelta(days=91)
        assert sources.discussion_sync(tables).threads(["p"]).new == 3


def test_missing_threads_do_not_block_others(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patch_tracker.sync.discussions.MAX_BACKFILL", 2)
    mails = [make_mail(f"r{n}", parents=[f"gone{n}"]) for n in range(5)]
    with running_sources(mails) as sources:
        requested = [sources.discussion_sync(tables).refresh(30).threads for _ in range(4)]
    assert requested == [2, 2, 1, 0]


def test_deeply_nested_json_is_reported(tables: Tables) -> None:
    deep = respond(200, b"[" * 100_000, {"Content-Type": "application/json"})
    with (
        running_sources() as sources,
        FaultProxy(sources.patchwork.url, [Fault(always, deep)]) as proxy,
        pytest.raises(FormatError, match="not valid JSON"),
    ):
        sources.patch_sync(tables, proxy.url).changes()


def test_a_mail_from_the_last_second_of_the_calendar_is_stored(tables: Tables) -> None:
    raw = make_mail("last", kind=MailKind.PATCH).raw
    last = parse_mail(
        raw.replace(b"Date: Thu, 21 Oct 2021 12:00:00", b"Date: 31 Dec 9999 23:59:59")
    )
    others = [make_mail(f"p{n}", kind=MailKind.PATCH, minute=n) for n in range(3)]
    with running_sources(others) as sources:
        sources.patch_sync(tables).changes()
        sources.receive([last])
        for number in range(3):
            sources.patchwork.set_state(f"p{number}", "accepted")
        assert sources.patch_sync(tables).changes().written == 4
        assert sources.patch_sync(tables).changes().events == 0


@pytest.mark.parametrize(
    "broken", [respond(400, b"what?"), respond(200, gzip.compress(b"x" * 99_999)[:-20])]
)
def test_a_thread_that_cannot_be_read_does_not_block_others(tables: Tables, broken: Action) -> None:
    mails = [make_mail("a", kind=MailKind.PATCH), make_mail("z", kind=MailKind.PATCH)]
    fault = Fault(lambda request: request.path.startswith("/example/a/"), broken)
    with (
        running_sources(mails) as sources,
        FaultProxy(sources.lore.url, [fault]) as proxy,
    ):
        with pytest.raises(PartialSyncError, match=r"1 .*'a'"):
            sources.discussion_sync(tables, proxy.url).threads(["a", "z"])
        assert tables.discussions.by_message_id("z").target == "z"
        assert sources.discussion_sync(tables).threads(["a", "z"]).new == 1


def test_no_more_threads_are_requested_from_an_archive_that_refuses(tables: Tables) -> None:
    with (
        running_sources() as sources,
        FaultProxy(sources.lore.url, [Fault(always, respond(403))]) as proxy,
    ):
        with pytest.raises(HttpStatusError):
            sources.discussion_sync(tables, proxy.url).threads(["a", "z"])
        assert proxy.outcomes.total() == 1
