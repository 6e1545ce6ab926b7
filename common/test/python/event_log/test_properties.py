"""The nineteen properties that hold for every event, file and checkpoint."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import string
from collections import Counter
from typing import Any

import polars as pl
import pytest
from event_log_testing.cloud import EVENT, KEY, PREFIX, CheckpointCloud, name_of, new_cloud
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from event_log import query_validation as queries
from event_log.checkpoint import Checkpoint
from event_log.checkpoint_file import CheckpointFile, merge
from event_log.event_file import RejectedError, parse_event
from event_log.models import ACTIONS, DATATYPES, LARGEST_ADCID, VisitEvent
from event_log.s3_retriever import S3EventRetriever
from event_log.schema import EVENT_COLUMNS, EVENT_SCHEMA

OVER_HTTP = settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))

labels = st.text(min_size=1, max_size=20).filter(lambda text: not text.startswith("sandbox-"))
ptids = st.text(PRINTABLE, min_size=1, max_size=10)
optional = st.none() | st.text(max_size=8)
times = st.datetimes(
    dt.datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis requires bounds without a zone
    dt.datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
modules = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=5)
days = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)).map(dt.date.isoformat)


@st.composite
def raw_events(draw: st.DrawFn) -> dict[str, Any]:
    """Valid events of every kind, as JSON objects."""
    datatype = draw(st.sampled_from(DATATYPES))
    return {
        "action": draw(st.sampled_from(ACTIONS)),
        "study": draw(labels),
        "pipeline_adcid": draw(st.integers(1, LARGEST_ADCID)),
        "project_label": draw(labels),
        "center_label": draw(labels),
        "gear_name": draw(labels),
        "ptid": draw(ptids),
        "visit_date": draw(days),
        "visit_number": draw(optional),
        "datatype": datatype,
        "module": draw(modules) if datatype == "form" else None,
        "packet": draw(optional),
        "timestamp": draw(times).isoformat(),
    }


events = raw_events().map(VisitEvent.model_validate)
checkpoints = st.lists(events, max_size=12).map(Checkpoint.from_events)


def rows(frame: pl.DataFrame) -> Counter[tuple[Any, ...]]:
    return Counter(frame.select(EVENT_COLUMNS).rows())


def row(event: VisitEvent) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in EVENT_COLUMNS)


def upload(cloud: CheckpointCloud, contents: list[bytes]) -> list[str]:
    return [cloud.put(name_of(number), content) for number, content in enumerate(contents)]


def as_file(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


@given(old=st.lists(events, max_size=8), new=st.lists(events, max_size=8))
def test_property_00_a_merge_is_old_plus_new(old: list[VisitEvent], new: list[VisitEvent]) -> None:
    merged = Checkpoint.from_events(old).add_events(new)
    assert rows(merged.dataframe) == Counter(map(row, [*old, *new]))
    assert merged.get_event_count() == len(old) + len(new)


@OVER_HTTP
@given(
    others=st.lists(
        st.text(string.ascii_letters + string.digits + "-_. /", min_size=1, max_size=30).filter(
            lambda name: not name.startswith("log-")
        ),
        max_size=5,
        unique=True,
    ),
    actions=st.lists(st.sampled_from([*ACTIONS, "update", "SUBMIT", ""]), max_size=6, unique=True),
    legacy=st.booleans(),
)
def test_property_01_only_matching_names_are_listed(
    aws_endpoint: str, others: list[str], actions: list[str], legacy: bool
) -> None:
    cloud = new_cloud(aws_endpoint)
    for name in others:
        cloud.put(name)
    names = [f"log-{a}-20240115.json" if legacy else name_of(1, a) for a in actions]
    keys = [cloud.put(name) for name in names]
    listed = S3EventRetriever(cloud.source, PREFIX).list_event_files()
    expected = {key for key, action in zip(keys, actions, strict=True) if action in ACTIONS}
    assert set(listed) == expected
    assert len(listed) == len(expected)


@OVER_HTTP
@given(
    value=st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        ),
    )
)
def test_property_02_json_arrives_intact(aws_endpoint: str, value: dict[str, Any]) -> None:
    cloud = new_cloud(aws_endpoint)
    key = cloud.put(name_of(1), as_file(value))
    assert S3EventRetriever(cloud.source, PREFIX).retrieve_event(key) == value


@given(event=events, cutoff=times)
@example(event=VisitEvent.model_validate(EVENT), cutoff=dt.datetime(2024, 1, 15, 10, tzinfo=dt.UTC))
def test_property_03_only_events_after_the_cutoff(event: VisitEvent, cutoff: dt.datetime) -> None:
    expected = event.timestamp > cutoff
    for since in (cutoff, cutoff.replace(tzinfo=None)):
        assert S3EventRetriever("b", "", since).should_process_event(event) is expected
    assert S3EventRetriever("b").should_process_event(event) is True


@OVER_HTTP
@given(files=st.lists(st.one_of(raw_events().map(as_file), st.binary(max_size=60)), max_size=10))
def test_property_04_failed_files_do_not_stop_the_others(
    aws_endpoint: str, files: list[bytes]
) -> None:
    cloud = new_cloud(aws_endpoint)
    upload(cloud, files)
    good = Counter(row(event) for event in map(parsed, files) if event)
    retrieved, errors = S3EventRetriever(cloud.source, PREFIX).retrieve_and_validate_events()
    assert Counter(map(row, retrieved)) == good
    assert len(errors) == len(files) - good.total()
    answer = cloud.quiet()
    assert (answer["total_events"], answer["events_failed"]) == (good.total(), len(errors))


def parsed(content: bytes) -> VisitEvent | None:
    try:
        return parse_event(content)
    except RejectedError:
        return None


BROKEN: dict[str, st.SearchStrategy[Any]] = {
    "action": st.text().filter(lambda text: text not in ACTIONS),
    "study": st.just("") | st.none() | st.integers(),
    "pipeline_adcid": st.integers(max_value=0)
    | st.integers(min_value=LARGEST_ADCID + 1)
    | st.booleans()
    | st.text("abc-+. _", max_size=5),
    "project_label": st.just("") | st.none(),
    "center_label": st.just("") | st.none(),
    "gear_name": st.just("") | st.none(),
    "ptid": st.just("")
    | st.text(PRINTABLE, min_size=11, max_size=20)
    | st.text(st.characters(exclude_characters=PRINTABLE), min_size=1, max_size=10),
    "visit_date": st.sampled_from(["2023-02-29", "2024-13-01", "2024-1-1", "20240101", ""])
    | st.integers(),
    "visit_number": st.integers() | st.booleans(),
    "datatype": st.text().filter(lambda text: text not in DATATYPES),
    "packet": st.integers() | st.booleans(),
    "timestamp": st.text(string.ascii_letters + " ", max_size=20) | st.integers() | st.none(),
}


@given(event=raw_events(), data=st.data(), field=st.sampled_from([*BROKEN, "module", "missing"]))
def test_property_05_every_rule_is_enforced(
    event: dict[str, Any], data: st.DataObject, field: str
) -> None:
    assert parsed(as_file(event))
    if field == "missing":
        optionally = {"study", "visit_number", "packet", "module"}
        del event[data.draw(st.sampled_from(sorted(event.keys() - optionally)))]
    elif field == "module":
        event["module"] = None if event["datatype"] == "form" else data.draw(modules)
    else:
        event[field] = data.draw(BROKEN[field])
    assert parsed(as_file(event)) is None


@given(event=raw_events(), zeros=st.integers(0, 2))
def test_property_06_adcid_becomes_an_integer(event: dict[str, Any], zeros: int) -> None:
    number = event["pipeline_adcid"] % 10**7 + 1
    for given_as in (number, str(number), "0" * zeros + str(number)):
        read = parse_event(as_file(event | {"pipeline_adcid": given_as}))
        assert type(read.pipeline_adcid) is int
        assert read.pipeline_adcid == number


@given(event=raw_events(), absent=st.booleans())
def test_property_07_nulls_stay_null(event: dict[str, Any], absent: bool) -> None:
    event |= {"datatype": "gwas", "visit_number": None, "module": None, "packet": None}
    if absent:
        event = {name: value for name, value in event.items() if value is not None}
    frame = Checkpoint.from_events([parse_event(as_file(event))]).dataframe
    nullable = frame.select("visit_number", "module", "packet")
    assert nullable.rows() == [(None, None, None)]
    others = set(EVENT_COLUMNS) - set(nullable.columns)
    assert sum(frame.select(others).null_count().row(0)) == 0


@given(event=events)
def test_property_08_json_round_trip(event: VisitEvent) -> None:
    assert parse_event(event.model_dump_json().encode()) == event
    assert VisitEvent.model_validate(event.model_dump(mode="json")) == event


@given(checkpoint=checkpoints)
def test_property_09_parquet_round_trip(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "events.parquet"
    file = merge(None, checkpoint.dataframe, path)
    read = pl.read_parquet(io.BytesIO(path.read_bytes()))
    assert_frame_equal(read, checkpoint.dataframe)
    assert {name: read.schema[name] for name in EVENT_COLUMNS} == EVENT_SCHEMA
    assert CheckpointFile.open(path) == file
    assert file.last_timestamp == checkpoint.get_last_processed_timestamp()


@OVER_HTTP
@given(
    key=st.lists(
        st.text(string.ascii_letters + string.digits + " +%=-_é", min_size=1, max_size=10),
        min_size=1,
        max_size=4,
    ).map("/".join)
)
def test_property_10_path_is_logged_and_returned(
    aws_endpoint: str, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    caplog.set_level(logging.INFO)
    caplog.clear()
    cloud = new_cloud(aws_endpoint, checkpoint_key=f"{key}.parquet")
    cloud.put(name_of(1))
    path = cloud.quiet()["checkpoint_path"]
    assert path == f"s3://{cloud.target}/{key}.parquet"
    assert cloud.frame(f"{key}.parquet").height == 1
    assert path in [vars(record).get("checkpoint_path") for record in caplog.records]


@given(checkpoint=checkpoints, data=st.data())
def test_property_11_filter_returns_exactly_the_matches(
    checkpoint: Checkpoint, data: st.DataObject
) -> None:
    frame = checkpoint.dataframe
    centers = frame["center_label"].to_list()
    center = data.draw(st.sampled_from(centers) if centers else labels)
    action = data.draw(st.sampled_from(ACTIONS))
    start, end = sorted([data.draw(times), data.draw(times)])
    found = frame.to_dicts()
    assert queries.filter_by_center_label(frame, center).to_dicts() == [
        row for row in found if row["center_label"] == center
    ]
    assert queries.filter_by_center_and_action(frame, center, action).to_dicts() == [
        row for row in found if (row["center_label"], row["action"]) == (center, action)
    ]
    assert queries.filter_by_timestamp_range(frame, start, end).to_dicts() == [
        row for row in found if start <= row["timestamp"] <= end
    ]


@given(events=st.lists(events, max_size=12))
def test_property_12_days_from_visit_to_timestamp(events: list[VisitEvent]) -> None:
    submitted = Checkpoint.from_events(
        event.model_copy(update={"action": "submit"}) for event in events
    ).dataframe
    counted = queries.calculate_submission_timing_metrics(submitted)
    assert counted["days_from_visit_to_submit"].to_list() == [
        (moment.date() - dt.date.fromisoformat(day)).days
        for moment, day in submitted.select("timestamp", "visit_date").rows()
    ]


@given(checkpoint=checkpoints)
def test_property_13_group_counts_are_exact(checkpoint: Checkpoint) -> None:
    frame = checkpoint.dataframe
    fields = ["center_label", "action", "packet"]
    grouped = queries.group_and_count_by_multiple_fields(frame, fields)
    counts = {row[:-1]: row[-1] for row in grouped.rows()}
    assert counts == Counter(frame.select(fields).rows())
    pairs = Counter(frame.select("center_label", "action").rows())
    for center, action in pairs:
        counted = queries.count_by_center_and_action(frame, center, action)
        assert counted == pairs[center, action]
    assert queries.get_action_counts(frame) == Counter(frame["action"])


@OVER_HTTP
@given(good=st.lists(raw_events(), max_size=5), bad=st.lists(st.binary(max_size=20), max_size=5))
def test_property_14_bad_files_are_logged_and_good_ones_kept(
    aws_endpoint: str,
    caplog: pytest.LogCaptureFixture,
    good: list[dict[str, Any]],
    bad: list[bytes],
) -> None:
    caplog.clear()
    cloud = new_cloud(aws_endpoint)
    contents = [*map(as_file, good), *bad]
    keys = upload(cloud, contents)
    cloud.quiet()
    logged = [vars(record).get("source_key") for record in caplog.records]
    assert [key for key in logged if key] == keys[len(good) :]
    kept = cloud.frame() if good else Checkpoint.empty().dataframe
    assert kept["source_key"].sort().to_list() == keys[: len(good)]


@OVER_HTTP
@given(
    event=raw_events(),
    packets=st.lists(st.text(string.ascii_letters, max_size=3), min_size=1, max_size=5),
)
def test_property_15_all_versions_of_an_evolving_event_are_kept(
    aws_endpoint: str, event: dict[str, Any], packets: list[str]
) -> None:
    cloud = new_cloud(aws_endpoint)
    for packet in packets:
        cloud.put(name_of(1), as_file(event | {"packet": packet}))
        cloud.quiet()
    kept = cloud.frame()
    assert sorted(kept["packet"]) == sorted(set(packets))
    assert kept["source_key"].n_unique() == 1


@OVER_HTTP
@given(turns=st.lists(st.lists(raw_events(), max_size=4), min_size=1, max_size=3))
def test_property_16_ordered_by_timestamp(
    aws_endpoint: str, turns: list[list[dict[str, Any]]]
) -> None:
    cloud = new_cloud(aws_endpoint)
    number = 0
    for turn in turns:
        for event in turn:
            cloud.put(name_of(number), as_file(event))
            number += 1
        answer = cloud.quiet()
        if number:
            moments = cloud.frame()["timestamp"]
            assert moments.is_sorted()
            assert answer["last_processed_timestamp"] == moments.max().isoformat()  # type: ignore[union-attr]  # a datetime
            assert answer["total_events"] == number


@given(events=st.lists(events, min_size=1, max_size=12))
def test_property_17_latest_event_of_a_visit_can_be_identified(events: list[VisitEvent]) -> None:
    visit = ["ptid", "visit_date"]
    frame = Checkpoint.from_events(
        event.model_copy(update={"ptid": event.ptid[:1], "visit_date": "2024-01-15"})
        for event in events
    ).dataframe
    latest = frame.group_by(visit, maintain_order=True).last()
    expected: dict[tuple[str, str], dt.datetime] = {}
    for event in events:
        name = (event.ptid[:1], "2024-01-15")
        expected[name] = max(expected.get(name, event.timestamp), event.timestamp)
    assert {(a, b): t for a, b, t in latest.select(*visit, "timestamp").rows()} == expected


@OVER_HTTP
@given(files=st.lists(st.one_of(raw_events().map(as_file), st.binary(max_size=20)), max_size=8))
def test_property_18_counts_and_each_error_with_its_file_are_logged(
    aws_endpoint: str, caplog: pytest.LogCaptureFixture, files: list[bytes]
) -> None:
    caplog.set_level(logging.INFO)
    caplog.clear()
    cloud = new_cloud(aws_endpoint)
    keys = upload(cloud, files)
    answer = cloud.quiet()
    failed = [key for key, content in zip(keys, files, strict=True) if not parsed(content)]
    records = [vars(record) for record in caplog.records]
    (summary,) = [record for record in records if record["message"] == "The run finished"]
    assert summary["new_events_processed"] == len(files) - len(failed)
    assert summary["events_failed"] == len(failed)
    assert summary["balance"] == answer["balance"]
    rejected = {
        record["source_key"]: record["validation_errors"]
        for record in records
        if "source_key" in record
    }
    assert list(rejected) == failed
    assert all(errors for errors in rejected.values())
    assert KEY in str(summary["checkpoint_path"])
