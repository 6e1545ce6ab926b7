"""The complete report, from moto's real tree to the files."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import openpyxl
import pytest

from aws_ssm_fetcher import console
from aws_ssm_fetcher.core.cache import CacheManager
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed
from aws_ssm_fetcher.models import Catalog
from aws_ssm_fetcher.outputs.run_result import RunResult
from aws_ssm_fetcher.pipeline import Options, make_report
from lambda_core import aws
from lambda_core.errors import ConfigurationError
from lambda_testing.moto_tree import moto_tree
from local_cloud.server import moto_server

FILES = {
    "aws_regions_services.json",
    "aws_regions_services.compact.json",
    "aws_regions_services.csv",
    "regional_services.csv",
    "service_matrix.csv",
    "region_summary.csv",
    "service_summary.csv",
    "statistics.csv",
    "aws_regions_services.xlsx",
    "summary.json",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def fetcher(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AWSSSMDataFetcher:
    """A fetcher whose cache all tests of this module share."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return AWSSSMDataFetcher(
        Config(cache_dir=str(tmp_path_factory.getbasetemp() / "pipeline-cache")),
        max_tps=100_000,
        source=Source("snapshot for tests"),
    )


@pytest.fixture
def result(fetcher: AWSSSMDataFetcher, tmp_path: Path) -> RunResult:
    return make_report(fetcher, BundledLaunchFeed(), Options(tmp_path / "out", cross_check=True))


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_every_file_has_the_trees_pairs(result: RunResult) -> None:
    folder = result.output_dir
    assert {path.name for path in folder.iterdir()} == FILES
    pairs = moto_tree().region_pairs()

    data = json.loads((folder / "aws_regions_services.json").read_text())
    assert {(row["region_code"], row["service_code"]) for row in data["data"]} == pairs
    assert len(data["data"]) == len(pairs)
    for name in ("aws_regions_services.csv", "regional_services.csv"):
        table = rows(folder / name)
        assert {(row["Region Code"], row["Service Code"]) for row in table} == pairs
    matrix = rows(folder / "service_matrix.csv")
    assert {
        (region, row["Service Code"])
        for row in matrix
        for region, value in row.items()
        if value == "true"
    } == pairs
    assert sum(int(row["Service Count"]) for row in rows(folder / "region_summary.csv")) == 9289
    assert sum(int(row["Region Count"]) for row in rows(folder / "service_summary.csv")) == 9289

    workbook = openpyxl.load_workbook(folder / "aws_regions_services.xlsx")
    assert workbook.sheetnames == [
        "Regional Services",
        "Service Matrix",
        "Region Summary",
        "Service Summary",
        "Statistics",
    ]
    marks = [cell for row in workbook["Service Matrix"].iter_rows() for cell in row]
    assert sum(cell.value == "✓" for cell in marks) == len(pairs)


def test_everything_says_that_it_is_a_snapshot(result: RunResult) -> None:
    folder = result.output_dir
    metadata = json.loads((folder / "aws_regions_services.json").read_text())["metadata"]
    assert (metadata["source"], metadata["live"]) == ("snapshot for tests", False)
    assert metadata["launch_source"] == "bundled launch dates"
    assert "snapshot for tests" in (folder / "statistics.csv").read_text()
    assert "snapshot for tests" in (folder / "summary.json").read_text()
    sheet = openpyxl.load_workbook(folder / "aws_regions_services.xlsx")["Statistics"]
    text = " ".join(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value)
    assert "snapshot for tests" in text
    assert "bundled launch dates" in text
    assert "snapshot for tests" in console.closing_table(result)


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?", "TIME", text)


def test_two_runs_give_the_same_files_but_for_the_times(
    fetcher: AWSSSMDataFetcher, tmp_path: Path
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        make_report(fetcher, BundledLaunchFeed(), Options(folder))
    for name in sorted(FILES - {"summary.json", "aws_regions_services.xlsx"}):
        first, second = (without_times((folder / name).read_text()) for folder in folders)
        assert first == second, name


def test_the_cache_spares_the_calls_and_keeps_the_age(
    fetcher: AWSSSMDataFetcher, result: RunResult, tmp_path: Path
) -> None:
    again = AWSSSMDataFetcher(fetcher.config, source=Source("snapshot for tests"), max_tps=0.1)
    # At one call per ten seconds, this only ends soon if nothing is fetched.
    second = make_report(again, BundledLaunchFeed(), Options(tmp_path / "2", cross_check=True))
    source, original = second.report.metadata.source, result.report.metadata.source
    assert source == original
    assert second.report.metadata.generated_at > original.fetched_at
    table = console.closing_table(second)
    assert "minutes ago, from the cache" in table
    assert "none: from the cache" in table


def test_data_of_this_run_is_not_called_old_because_another_stage_was_slow(
    result: RunResult,
) -> None:
    minutes = dt.timedelta(minutes=1)
    read_at = result.report.metadata.source.fetched_at
    pipeline = result.summary.pipeline_summary
    slow = dataclasses.replace(
        result,
        summary=result.summary.model_copy(
            update={
                "completion_timestamp": read_at + 3 * minutes,
                "pipeline_summary": pipeline.model_copy(update={"total_duration_seconds": 240.0}),
            }
        ),
    )
    table = console.closing_table(slow)
    assert "cache" not in table
    assert "GetParametersByPath" in table


def test_data_of_one_endpoint_never_feeds_another(
    fetcher: AWSSSMDataFetcher, result: RunResult, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del result
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.replace("127.0.0.1", "localhost"))
    calls: list[int] = []
    elsewhere = AWSSSMDataFetcher(fetcher.config, max_tps=100_000)
    catalog = elsewhere.fetch_catalog(zones=False, progress=lambda done, _: calls.append(done))
    assert len(calls) > 50
    assert not catalog.provenance.live
    assert catalog.provenance.source == (
        f"SSM at {endpoint.replace('127.0.0.1', 'localhost')}, which is not AWS"
    )


def test_the_discoveries_that_users_know(fetcher: AWSSSMDataFetcher) -> None:
    assert fetcher.discover_regions_from_ssm() == sorted(moto_tree().regions)
    assert fetcher.discover_services_from_ssm() == sorted(moto_tree().listed_services())


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (None, "AWS SSM public parameters in eu-west-3"),
        ("https://ssm.eu-west-3.api.aws", "AWS SSM public parameters in eu-west-3"),
        ("https://ssm.evil-amazonaws.com", "SSM at https://ssm.evil-amazonaws.com, which"),
    ],
)
def test_only_aws_itself_is_called_live(
    url: str | None, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    if url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    fetcher = AWSSSMDataFetcher(Config(aws_region="eu-west-3", cache_enabled=False))
    assert fetcher.source.label.startswith(source)
    assert fetcher.source.live == source.startswith("AWS")


def key_used(url: str | None, regions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the cache key of a fetcher's catalog."""
    keys = []

    class Found(Exception):  # noqa: N818 - no error
        pass

    class Keys(CacheManager):
        def get(self, key: str) -> NoReturn:
            keys.append(key)
            raise Found

    if url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    else:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    config = Config(cache_enabled=False, ssm_regions=regions)
    with pytest.raises(Found):
        AWSSSMDataFetcher(config, cache=Keys(config)).fetch_catalog()
    return keys[0]


def test_the_cache_key_contains_partition_and_foreign_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def key(url: str | None, *regions: str) -> str:
        return key_used(url, regions, monkeypatch)

    # AWS returns the same data in every region of a partition.
    assert key(None, "us-east-1") == key(None, "eu-west-3", "us-east-1")
    others = [
        key(None, "us-east-1"),
        key(None, "cn-north-1"),
        key(None, "us-gov-west-1"),
        key("http://127.0.0.1:4566", "us-east-1"),
        key("http://127.0.0.1:4566", "eu-west-3"),
        key("http://127.0.0.1:4566", "us-east-1", "eu-west-3"),
        key("http://127.0.0.1:5000", "us-east-1"),
    ]
    assert len(set(others)) == len(others)


def test_the_source_names_every_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    config = Config(cache_enabled=False, ssm_regions=("us-east-1", "eu-west-3"))
    source = AWSSSMDataFetcher(config).source
    assert source == Source("AWS SSM public parameters in eu-west-3, us-east-1", live=True)


def test_one_stranger_among_the_endpoints_makes_all_of_it_no_live_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    clients = [
        aws.client("ssm", region="us-east-1"),
        aws.client("ssm", region="eu-west-3", endpoint_url="http://127.0.0.1:4566"),
    ]
    source = AWSSSMDataFetcher(Config(cache_enabled=False), clients=clients).source
    assert source == Source("SSM at http://127.0.0.1:4566, which is not AWS", live=False)


def test_regions_of_two_partitions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    config = Config(cache_enabled=False, ssm_regions=("us-east-1", "cn-north-1"))
    with pytest.raises(ConfigurationError, match=r"cn-north-1, us-east-1 .*\(aws, aws-cn\)"):
        AWSSSMDataFetcher(config)


def test_the_closing_table_shows_the_results(result: RunResult) -> None:
    text = console.closing_table(result)
    assert "39 regions, 405 services, 9,289 pairs" in text
    assert "124 availability zones, 34 local zones, 6 wavelength zones" in text
    assert "20 differences" in text
    assert text.count("only in the regions tree") == 20
    for name in FILES:
        assert name in text
    assert re.search(r"Time +\d+\.\d s: fetch \d+\.\d s, launch dates", text)


def test_the_cache_returns_an_equal_catalog(fetcher: AWSSSMDataFetcher) -> None:
    first = fetcher.fetch_catalog()
    restored = Catalog.model_validate_json(first.model_dump_json())
    assert restored == first
    assert fetcher.fetch_catalog() == first


def test_the_summary_is_of_this_run(result: RunResult) -> None:
    summary: dict[str, Any] = json.loads((result.output_dir / "summary.json").read_text())
    stages = summary["pipeline_summary"]["stages"]
    assert [stage["name"] for stage in stages] == ["fetch", "launch dates", "process", "write"]
    assert (
        summary["pipeline_summary"]["total_duration_seconds"]
        >= sum(stage["duration_seconds"] for stage in stages) - 0.01
    )
    assert set(summary["reports_generated"]) | {"summary"} >= {
        name.partition(".")[0] for name in FILES
    } - {"aws_regions_services"}
    assert result.complete
