from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patch_tracker_testing.mails import make_mail
from patch_tracker_testing.tables import PROJECT, Tables

from lambda_core import aws
from lambda_testing.fault_proxy import Fault, FaultProxy, on_operation, respond
from local_cloud.loopback_server import ReceivedRequest
from patch_tracker.models import OPEN_STATUSES, MailKind, StatusChange
from patch_tracker.patchwork.mappers import patch_attributes, patch_id_of
from patch_tracker.patchwork.rows import PatchRow
from patch_tracker.repositories import keys
from patch_tracker.repositories.errors import InvalidTokenError, ItemNotFoundError
from patch_tracker.repositories.pagination import decode_token, encode_token

NOW = dt.datetime(2021, 12, 1, tzinfo=dt.UTC)


def row(number: int, *, state: str = "new", month: int = 10, series: int = 1) -> PatchRow:
    return PatchRow.model_validate(
        {
            "id": number,
            "msgid": f"<p{number}@x>",
            "date": f"2021-{month:02d}-01T12:{number:02d}:00",
            "name": f"[v2,{number}/9] a title",
            "state": state,
            "submitter": {"name": None, "email": "Anna@Example.org"},
            "series": [{"id": series, "name": None, "version": 2}],
        }
    )


def write(
    tables: Tables,
    *rows: PatchRow,
    changes: tuple[StatusChange, ...] = (),
    asked_at: dt.datetime = NOW,
) -> list[str]:
    return tables.patches.write_patchwork(
        {
            patch_id_of(PROJECT, row.msgid): patch_attributes(PROJECT, row, NOW, changes)
            for row in rows
        },
        asked_at,
    )


def test_patches_are_found_by_every_key(tables: Tables) -> None:
    write(tables, row(1), row(2), row(3, series=2))
    patch = tables.patches.get(f"{PROJECT}#p1@x")
    assert (patch.version, patch.number, patch.total) == (2, 1, 9)
    assert tables.patches.by_message_id("<p1@x>", consistent=True) == patch
    assert tables.patches.by_number(1) == patch
    assert [patch.number for patch in tables.patches.by_series(1).items] == [1, 2]
    mine = tables.patches.by_submitter("ANNA@example.org").items
    assert [patch.number for patch in mine] == [3, 2, 1]
    assert tables.patches.by_submitter("ben@example.org").items == ()
    with pytest.raises(ItemNotFoundError, match="no patch 'x#y'"):
        tables.patches.get("x#y")
    with pytest.raises(ItemNotFoundError, match="no patch number 99"):
        tables.patches.by_number(99)


def test_patches_of_a_status_are_listed_in_pages_across_months(tables: Tables) -> None:
    rows = [row(number, month=number % 3 + 8) for number in range(1, 10)]
    write(tables, *rows)
    expected = sorted(rows, key=lambda row: row.date, reverse=True)
    seen = []
    token = None
    while True:
        page = tables.patches.by_status("new", limit=2, token=token)
        seen += [patch.patchwork_id for patch in page.items]
        if (token := page.token) is None:
            break
    assert seen == [row.id for row in expected]
    oldest = tables.patches.by_status("new", limit=9, newest_first=False)
    assert [patch.patchwork_id for patch in oldest.items] == seen[::-1]
    assert tables.patches.months() == ["2021-10", "2021-09", "2021-08"]


def test_only_what_changed_is_written(tables: Tables) -> None:
    assert write(tables, row(1), row(2)) == [f"{PROJECT}#p1@x", f"{PROJECT}#p2@x"]
    assert write(tables, row(1), row(2)) == []
    change = StatusChange("2021-11-01T00:00:00", 7, "new", "accepted")
    assert write(tables, row(1, state="accepted"), row(2), changes=(change,)) != []
    assert tables.patches.by_number(1).history == (change,)
    assert [patch.patchwork_id for patch in tables.patches.by_status("accepted").items] == [1]
    assert [patch.patchwork_id for patch in tables.patches.by_status("new").items] == [2]


def test_a_date_in_the_future_is_replaced_by_the_time_of_the_run(tables: Tables) -> None:
    late = row(1).model_copy(update={"date": dt.datetime(2085, 6, 18, tzinfo=dt.UTC)})
    write(tables, late)
    assert tables.patches.by_number(1).timestamp == NOW
    later = patch_attributes(PROJECT, late, NOW + dt.timedelta(days=99))
    assert tables.patches.write_patchwork({f"{PROJECT}#p1@x": later}, NOW) == []


def test_a_token_is_valid_for_its_list_only() -> None:
    token = encode_token(("a",), {"id": "x", "n": 1, "after": {"id": "y"}})
    assert decode_token(("a",), token) == {"id": "x", "n": 1, "after": {"id": "y"}}
    for query, wrong in (
        (("b",), token),
        (("a",), token[:-3]),
        (("a",), "nonsense"),
        (("a",), ""),
    ):
        with pytest.raises(InvalidTokenError):
            decode_token(query, wrong)


@given(st.text(max_size=40))
def test_arbitrary_text_is_not_a_token(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        decode_token(("a",), text)


TIMES = st.datetimes(min_value=dt.datetime(1970, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - Hypothesis wants it naive


@given(TIMES, TIMES, st.text(max_size=9), st.text(max_size=9))
def test_sort_keys_sort_by_time(
    first: dt.datetime, second: dt.datetime, suffix: str, another: str
) -> None:
    first, second = first.replace(microsecond=0), second.replace(microsecond=0)
    if first != second:
        assert (keys.sort_key(first, suffix) < keys.sort_key(second, another)) == (first < second)


def test_older_data_does_not_overwrite_newer_data(tables: Tables) -> None:
    early, late = NOW, NOW + dt.timedelta(seconds=1)
    change = StatusChange("2021-11-01T00:00:00", 7, "new", "under-review")
    assert write(tables, row(1, state="accepted"), asked_at=late) == [f"{PROJECT}#p1@x"]
    assert write(tables, row(1, state="under-review"), asked_at=early) == []
    # Its history is added nevertheless.
    assert write(tables, row(1, state="under-review"), changes=(change,), asked_at=early) != []
    stored = tables.patches.by_number(1, consistent=True)
    assert (stored.status, stored.history) == ("accepted", (change,))
    assert write(tables, row(1, state="rejected"), asked_at=late) != []
    assert tables.patches.by_number(1).status == "rejected"


def test_a_patch_that_another_run_writes_at_the_same_time_is_read_again(
    served_tables: Tables, cloud: str
) -> None:
    write(served_tables, row(1), asked_at=NOW)
    other = Tables(served_tables.client, served_tables.names)
    late = NOW + dt.timedelta(seconds=9)

    def overtake(request: ReceivedRequest) -> bool:
        if on_operation("TransactWriteItems")(request):
            write(other, row(1, state="accepted"), asked_at=late)
        return False

    with FaultProxy(cloud, [Fault(overtake, respond(500))]) as proxy:
        slow = Tables(aws.client("dynamodb", endpoint_url=proxy.url), served_tables.names)
        assert write(slow, row(1, state="rejected"), asked_at=NOW) == []
    assert served_tables.patches.by_number(1, consistent=True).status == "accepted"


def test_open_patches_without_a_mail_are_found(tables: Tables) -> None:
    write(tables, row(1), row(2), row(3, state="accepted"))
    tables.store.store([make_mail("p1@x", kind=MailKind.PATCH)])
    assert list(tables.patches.without_mail(OPEN_STATUSES)) == ["p2@x"]


def test_message_ids_are_accepted_as_written_in_mails(tables: Tables) -> None:
    long = "x" * 900 + "@y"
    tables.store.store([make_mail(long, kind=MailKind.PATCH)])
    assert tables.patches.by_message_id(f" <{long}> ").kind is MailKind.PATCH
    assert tables.discussions.by_message_id(long) == tables.discussions.by_patch(long).items[0]
