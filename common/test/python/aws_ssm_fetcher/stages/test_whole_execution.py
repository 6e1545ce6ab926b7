"""All stages with moto's complete tree, compared with the report of a single process."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
from aws_ssm_fetcher_testing.stage_runs import new_bucket, objects_of, request_after, store_in

from aws_ssm_fetcher.core.cache import CacheManager
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed
from aws_ssm_fetcher.models import Catalog, Launches
from aws_ssm_fetcher.outputs.summary import Summary
from aws_ssm_fetcher.pipeline import Options, make_report
from aws_ssm_fetcher.stages.contracts import FetchRequest, OrchestratorRequest
from aws_ssm_fetcher.stages.fetch import fetch
from aws_ssm_fetcher.stages.generate import generate_excel, generate_json_csv
from aws_ssm_fetcher.stages.process import process
from aws_ssm_fetcher.stages.publish import publish
from lambda_core import aws
from local_cloud.server import moto_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?", "TIME", text)


def cells(path: Path) -> list[tuple[str, str, str]]:
    book = openpyxl.load_workbook(path)
    return [
        (sheet.title, cell.coordinate, without_times(str(cell.value)))
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]


def test_the_stages_give_the_files_that_one_process_gives(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    client: S3Client = aws.client("s3", region="us-east-1")
    bucket = new_bucket(client)
    store = store_in(client, bucket)
    config = Config(cache_dir=str(tmp_path / "cache"), s3_cache_bucket=bucket)

    def fetcher(cache_dir: str) -> AWSSSMDataFetcher:
        own = dataclasses.replace(config, cache_dir=str(tmp_path / cache_dir))
        return AWSSSMDataFetcher(
            own, max_tps=100_000, source=Source("a snapshot"), cache=CacheManager(own)
        )

    request = FetchRequest(execution_id="run-1", default_max_cache_age_hours=1)
    first = fetch(request, store, fetcher("cache"), BundledLaunchFeed())
    told = first.statistics
    assert (told.regions, told.services, told.pairs) == (39, 405, 9289)
    assert (told.complete, told.from_cache, told.ssm_retries) == (True, False, 0)
    catalog, _ = store.read_model("raw-data/run-1/catalog.json", Catalog)
    launches, _ = store.read_model("raw-data/run-1/launches.json", Launches)
    assert told.ssm_calls == sum(catalog.provenance.calls.values()) > 1_000
    assert launches.source == "bundled launch dates"

    # Another host finds it in S3, and makes no calls.
    again = fetch(request, store, fetcher("elsewhere"), BundledLaunchFeed())
    assert (again.statistics.from_cache, again.statistics.ssm_calls) == (True, 0)
    assert store.read_model("raw-data/run-1/catalog.json", Catalog)[0] == catalog

    second = process(request_after(first), store)
    result = publish(
        OrchestratorRequest(
            execution_id="run-1",
            fetch=first,
            process=second,
            json_csv=generate_json_csv(request_after(second), store),
            excel=generate_excel(request_after(second), store),
        ),
        store,
    )
    assert (result.published, result.complete) == (True, True)

    local = make_report(fetcher("cache"), BundledLaunchFeed(), Options(tmp_path / "local"))
    folder = tmp_path / "staged"
    folder.mkdir()
    for key, stored in objects_of(client, bucket).items():
        if key.startswith("reports/run-1/"):
            (folder / key.rpartition("/")[2]).write_bytes(stored.content)
    names = {path.name for path in local.output_dir.iterdir()}
    assert {path.name for path in folder.iterdir()} == names
    for name in sorted(names - {"summary.json", "aws_regions_services.xlsx"}):
        ours, theirs = (
            without_times((where / name).read_text()) for where in (folder, local.output_dir)
        )
        assert ours == theirs, name
    workbook = "aws_regions_services.xlsx"
    assert cells(folder / workbook) == cells(local.output_dir / workbook)
    summary = Summary.model_validate_json((folder / "summary.json").read_bytes())
    assert summary.source_data.model_dump() == local.summary.source_data.model_dump()
    assert summary.statistics == local.summary.statistics
