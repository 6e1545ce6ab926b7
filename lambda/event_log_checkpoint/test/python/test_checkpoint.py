from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from event_log_testing.cloud import EVENT, minutes

from event_log.checkpoint import Checkpoint
from event_log.models import VisitEvent
from event_log.schema import EVENT_COLUMNS, EVENT_SCHEMA, SCHEMA


def event(**changes: object) -> VisitEvent:
    return VisitEvent.model_validate(EVENT | changes)


def test_empty_checkpoint() -> None:
    empty = Checkpoint.empty()
    assert empty.is_empty()
    assert empty.get_event_count() == 0
    assert empty.get_last_processed_timestamp() is None
    assert dict(empty.dataframe.schema) == SCHEMA


def test_columns_that_readers_rely_on() -> None:
    assert EVENT_COLUMNS == (
        "action",
        "study",
        "pipeline_adcid",
        "project_label",
        "center_label",
        "gear_name",
        "ptid",
        "visit_date",
        "visit_number",
        "datatype",
        "module",
        "packet",
        "timestamp",
    )
    others = {"pipeline_adcid": pl.Int32(), "timestamp": pl.Datetime("us", "UTC")}
    assert {name: others.get(name, pl.String()) for name in EVENT_COLUMNS} == EVENT_SCHEMA
    assert tuple(SCHEMA)[:13] == EVENT_COLUMNS


def test_rows_are_sorted_by_time() -> None:
    first = Checkpoint.from_events(event(ptid=str(n), timestamp=minutes(n)) for n in (3, 1, 2))
    assert first.dataframe["ptid"].to_list() == ["1", "2", "3"]
    second = first.add_events([event(ptid="0", timestamp=minutes(0)), event(ptid="3")])
    assert second.get_event_count() == 5
    assert second.dataframe["ptid"].to_list()[:4] == ["0", "1", "2", "3"]
    assert second.get_last_processed_timestamp() == dt.datetime(2024, 1, 15, 10, tzinfo=dt.UTC)
    assert not second.is_empty()
    # The first checkpoint is unchanged.
    assert first.get_event_count() == 3


def test_same_event_twice_is_two_rows() -> None:
    assert Checkpoint.from_events([event(), event()]).add_events([event()]).get_event_count() == 3


def test_other_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="not the columns"):
        Checkpoint(pl.DataFrame({"a": [1]}))
