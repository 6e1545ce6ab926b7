from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.outputs.summary import Stage, Summary, summarise, write_summary
from aws_ssm_fetcher.report import Report

MakeReport = Callable[..., Report]
type Status = Literal["succeeded", "failed", "skipped"]

STAGES = (
    Stage(name="fetch", status="succeeded", duration_seconds=1.5),
    Stage(name="process", status="succeeded", duration_seconds=0.25),
)
DONE = dt.datetime(2026, 3, 4, 5, 7, tzinfo=dt.UTC)


def summary_of(report: Report, folder: Path, *stages: Stage) -> Summary:
    files = write_reports(report, [ReportFormat.CSV, ReportFormat.JSON], folder)
    return summarise(
        report,
        files,
        stages,
        execution_id="run-1",
        completed_at=DONE,
        total_duration_seconds=2.0,
    )


def test_the_summary_names_the_files_and_the_source(report: Report, tmp_path: Path) -> None:
    path = write_summary(summary_of(report, tmp_path, *STAGES), tmp_path)
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "summary.json"
    assert content["execution_id"] == "run-1"
    assert content["completion_timestamp"] == "2026-03-04T05:07:00Z"
    assert content["generated_at"] == "2026-03-04T05:06:08Z"
    assert content["reports_missing"] == []
    assert content["source_data"]["provenance"]["source"] == "snapshot in moto 5.2.5"
    assert content["source_data"]["provenance"]["live"] is False
    assert content["source_data"]["data_age_days"] == 30
    assert content["source_data"]["launch_source"] == "bundled launch dates"
    assert content["source_data"]["complete"] is True
    assert content["statistics"] == {
        "regions_processed": 2,
        "services_processed": 3,
        "regional_combinations": 3,
        "report_formats": ["json", "csv"],
    }
    assert content["pipeline_summary"] == {
        "stages": [
            {"name": "fetch", "status": "succeeded", "duration_seconds": 1.5},
            {"name": "process", "status": "succeeded", "duration_seconds": 0.25},
        ],
        "total_duration_seconds": 2.0,
        "status": "succeeded",
    }
    assert content["warnings"] == ["The feed could not be read."]
    assert content["validation"] == {"score": 91.25, "grade": "A"}
    matrix = content["reports_generated"]["service_matrix"]
    assert matrix["file"] == "service_matrix.csv"
    assert matrix["bytes"] == (tmp_path / "service_matrix.csv").stat().st_size
    assert matrix["rows"] == 3
    assert len(content["reports_generated"]) == 8


@pytest.mark.parametrize(
    ("complete", "stage", "status"),
    [
        (True, "succeeded", "succeeded"),
        (True, "skipped", "succeeded"),
        (False, "succeeded", "incomplete"),
        (True, "failed", "failed"),
        (False, "failed", "failed"),
    ],
)
def test_a_run_is_only_as_good_as_its_stages_and_its_data(
    make_report: MakeReport,
    tmp_path: Path,
    complete: bool,
    stage: Status,
    status: str,
) -> None:
    report = make_report(complete=complete)
    last = Stage(name="write", status=stage, duration_seconds=0.0)
    assert summary_of(report, tmp_path, *STAGES, last).pipeline_summary.status == status


def test_it_survives_a_round_trip(report: Report, tmp_path: Path) -> None:
    summary = summary_of(report, tmp_path, *STAGES)
    path = write_summary(summary, tmp_path)
    assert Summary.model_validate_json(path.read_bytes()) == summary


def test_a_report_without_a_score_has_none(report: Report, tmp_path: Path) -> None:
    unscored = report.model_copy(update={"validation": {}})
    assert summary_of(unscored, tmp_path).validation.model_dump() == {"score": None, "grade": None}
