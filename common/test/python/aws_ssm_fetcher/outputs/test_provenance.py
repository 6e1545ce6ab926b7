from __future__ import annotations

import datetime as dt

import pytest

from aws_ssm_fetcher.models import Provenance
from aws_ssm_fetcher.outputs.provenance import data_age_days, notice
from aws_ssm_fetcher.report import Report, ReportMetadata

NOW = dt.datetime(2026, 3, 4, 5, 6, tzinfo=dt.UTC)


@pytest.fixture
def metadata(report: Report) -> ReportMetadata:
    return report.metadata


def with_source(
    metadata: ReportMetadata, *, live: bool, fetched_at: dt.datetime, as_of: dt.date | None
) -> ReportMetadata:
    source = Provenance(source="the tree", live=live, fetched_at=fetched_at, data_as_of=as_of)
    return metadata.model_copy(update={"source": source, "generated_at": NOW})


def test_live_data_is_as_old_as_its_reading(metadata: ReportMetadata) -> None:
    live = with_source(metadata, live=True, fetched_at=NOW - dt.timedelta(days=2), as_of=None)
    assert data_age_days(live) == 2
    assert notice(live) == "the tree, read 2026-03-02, launch dates: bundled launch dates"


def test_a_snapshot_is_as_old_as_it_says_and_never_called_live(metadata: ReportMetadata) -> None:
    snapshot = with_source(metadata, live=False, fetched_at=NOW, as_of=dt.date(2026, 2, 22))
    assert data_age_days(snapshot) == 10
    assert notice(snapshot) == (
        "NOT LIVE DATA: the tree, as of 2026-02-22 (10 days old), "
        "launch dates: bundled launch dates"
    )


def test_a_snapshot_of_unknown_age_does_not_invent_one(metadata: ReportMetadata) -> None:
    snapshot = with_source(metadata, live=False, fetched_at=NOW, as_of=None)
    assert data_age_days(snapshot) is None
    assert "days old" not in notice(snapshot)


def test_a_clock_that_runs_ahead_makes_no_negative_age(metadata: ReportMetadata) -> None:
    ahead = with_source(metadata, live=True, fetched_at=NOW + dt.timedelta(days=1), as_of=None)
    assert data_age_days(ahead) == 0


def test_an_incomplete_report_says_so(metadata: ReportMetadata) -> None:
    assert notice(metadata.model_copy(update={"complete": False})).startswith("INCOMPLETE, ")
