"""A complete execution of the packaged functions gives the same report as a single process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from region_report_e2e.deployments import Deployment

from aws_ssm_fetcher import pipeline
from aws_ssm_fetcher.console import closing_table
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed
from aws_ssm_fetcher.outputs.publish import staging_folder
from command_line.stages import PlainStages
from run_local.region_report import execute

# On a busy machine, importing the code of five functions takes long.
pytestmark = pytest.mark.timeout(600)

TIMES = {"generated_at", "fetched_at"}

TIME_ROWS = ("Generated At,", "Fetched At,")


def test_the_reports_are_those_of_the_in_process_way(
    cloud: str,
    real: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = pipeline.Options(output_dir=tmp_path / "executed", cross_check=True)
    with (tmp_path / "progress").open("w") as stream, staging_folder(options.output_dir) as staging:
        executed = execute(real.clients, real.report, options, PlainStages(stream), staging)

    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    in_process = pipeline.make_report(
        AWSSSMDataFetcher(
            Config(cache_enabled=False, output_dir=str(tmp_path)),
            max_tps=10_000,
            source=Source("snapshot for tests"),
        ),
        BundledLaunchFeed(),
        pipeline.Options(output_dir=tmp_path / "in-process", cross_check=True),
    )

    assert executed.complete == in_process.complete
    assert contents(tmp_path / "executed") == contents(tmp_path / "in-process")
    assert executed.summary.reports_generated.keys() == in_process.summary.reports_generated.keys()
    shown = (tmp_path / "progress").read_text()
    titles = ["Reading the parameters", "Computing", "Writing the reports", "Publishing"]
    assert [title for title in titles if title in shown] == titles

    def same_in_both(table: str) -> list[str]:
        changing = ("Read ", "Time ", "Files ", "  ")
        return [line for line in table.splitlines() if not line.startswith(changing)]

    assert same_in_both(closing_table(executed)) == same_in_both(closing_table(in_process))


def contents(folder: Path) -> dict[str, Any]:
    """Return the content of a report's files, without times."""
    found: dict[str, Any] = {}
    for path in folder.iterdir():
        match path.suffix:
            case ".json" if path.name != "summary.json":
                value = json.loads(path.read_text())
                value["metadata"] = {
                    key: entry for key, entry in value["metadata"].items() if key not in TIMES
                }
                found[path.name] = value
            case ".csv":
                lines = path.read_text().splitlines()
                found[path.name] = [line for line in lines if not line.startswith(TIME_ROWS)]
            case ".xlsx":
                book = openpyxl.load_workbook(path)
                found[path.name] = {
                    sheet.title: [
                        row
                        for row in sheet.iter_rows(values_only=True)
                        if row[0] not in {"Generated At", "Fetched At"}
                    ]
                    for sheet in book
                }
    assert len(found) == 9
    return found
