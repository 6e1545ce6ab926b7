from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_ssm_fetcher_testing.catalogs import small_catalog
from aws_ssm_fetcher_testing.stage_runs import (
    SerialS3,
    fetched,
    objects_of,
    relay_answer,
    request_after,
)

from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.report import Report
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import StageRequest, StageResult
from aws_ssm_fetcher.stages.errors import TransientStorageError
from aws_ssm_fetcher.stages.generate import generate_excel, generate_json_csv
from aws_ssm_fetcher.stages.process import process
from lambda_core.errors import InvalidEventError, ProcessingError
from lambda_core.s3 import S3Error
from lambda_testing.fault_proxy import Fetch, respond
from local_cloud.loopback_server import Exchange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPORT_KEY = "processed-data/run-1/report.json"
STAGES = (process, generate_json_csv, generate_excel)


@pytest.fixture
def raw(store: ArtefactStore) -> StageResult:
    return fetched(store, "run-1", small_catalog())


@pytest.fixture
def processed(store: ArtefactStore, raw: StageResult) -> StageResult:
    return process(request_after(raw), store)


def test_the_processor_leaves_the_report(store: ArtefactStore, processed: StageResult) -> None:
    assert processed.data_location == store.location("processed-data/run-1/")
    report, _ = store.read_model(REPORT_KEY, Report)
    told = processed.statistics
    assert (told.stage, told.regions, told.services, told.pairs) == ("processor", 4, 5, 7)
    assert report.metadata.total_combinations == 7
    assert dt.timedelta(0) <= told.finished_at - told.started_at < dt.timedelta(minutes=5)
    assert told.duration_seconds > 0


def test_the_files_are_those_of_the_writers(
    store: ArtefactStore, processed: StageResult, tmp_path: Path
) -> None:
    json_csv = generate_json_csv(request_after(processed), store)
    excel = generate_excel(request_after(processed), store)
    report, _ = store.read_model(REPORT_KEY, Report)
    expected = write_reports(report, tuple(ReportFormat), tmp_path)
    for file in expected:
        folder = "excel" if file.format is ReportFormat.EXCEL else "json_csv"
        stored = store.read(f"temp-reports/run-1/{folder}/{file.file}")
        assert stored.content == (tmp_path / file.file).read_bytes()
    assert (json_csv.statistics.files, excel.statistics.files) == (8, 1)
    assert json_csv.data_location == store.location("temp-reports/run-1/json_csv/")
    manifest = json.loads(store.read("temp-reports/run-1/json_csv/manifest.json").content)
    assert manifest["report_sha256"] == store.read(REPORT_KEY).sha256
    assert [file["sha256"] for file in manifest["files"]] == [
        file.sha256 for file in expected if file.format is not ReportFormat.EXCEL
    ]


def test_a_stage_that_is_repeated_leaves_the_same(
    store: ArtefactStore, raw: StageResult, s3: S3Client, stage_bucket: str
) -> None:
    def run_all() -> None:
        second = process(request_after(raw), store)
        generate_json_csv(request_after(second), store)
        generate_excel(request_after(second), store)

    run_all()
    once = objects_of(s3, stage_bucket)
    run_all()
    assert objects_of(s3, stage_bucket) == once


def test_an_artefact_that_is_missing_or_damaged_is_named(
    store: ArtefactStore, processed: StageResult, s3: S3Client, stage_bucket: str
) -> None:
    first = StageRequest(execution_id="run-1", data_location=store.location("raw-data/run-1/"))
    for stage, request, key in (
        (process, first, "raw-data/run-1/catalog.json"),
        (process, first, "raw-data/run-1/launches.json"),
        (generate_json_csv, request_after(processed), REPORT_KEY),
        (generate_excel, request_after(processed), REPORT_KEY),
    ):
        whole = objects_of(s3, stage_bucket)[key]
        s3.put_object(
            Bucket=stage_bucket, Key=key, Body=whole.content[:-1], Metadata=whole.metadata
        )
        with pytest.raises(ProcessingError, match=f"'{key}' in bucket .* is damaged"):
            stage(request, store)
        s3.delete_object(Bucket=stage_bucket, Key=key)
        with pytest.raises(ProcessingError, match=f"'{key}' is missing"):
            stage(request, store)
        s3.put_object(Bucket=stage_bucket, Key=key, Body=whole.content, Metadata=whole.metadata)


def test_a_location_of_another_execution_is_refused(store: ArtefactStore) -> None:
    for stage in STAGES:
        for location in ("s3://elsewhere/raw-data/run-1/", store.location("raw-data/run-10/")):
            with pytest.raises(InvalidEventError, match="data_location"):
                stage(StageRequest(execution_id="run-1", data_location=location), store)


def test_one_refused_write_costs_nothing(
    store: ArtefactStore, serial_s3: SerialS3, raw: StageResult
) -> None:
    refused: list[str] = []

    def refuse_the_first_write(exchange: Exchange, fetch: Fetch) -> None:
        if exchange.request.method == "PUT" and not refused:
            refused.append(exchange.request.path)
            respond(503, b"<Error><Code>SlowDown</Code></Error>").act(exchange, fetch)
        else:
            relay_answer(exchange, fetch)

    serial_s3.step = refuse_the_first_write
    process(request_after(raw), store)
    assert len(refused) == 1
    store.read_model(REPORT_KEY, Report)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(503, "SlowDown", TransientStorageError), (403, "AccessDenied", S3Error)],
)
def test_a_write_that_is_always_refused_fails_by_a_stable_name(
    store: ArtefactStore,
    serial_s3: SerialS3,
    raw: StageResult,
    status: int,
    code: str,
    error: type[S3Error],
) -> None:
    def refuse_writes(exchange: Exchange, fetch: Fetch) -> None:
        if exchange.request.method == "PUT":
            body = f"<Error><Code>{code}</Code></Error>".encode()
            respond(status, body).act(exchange, fetch)
        else:
            relay_answer(exchange, fetch)

    serial_s3.step = refuse_writes
    with pytest.raises(S3Error, match=f"'{REPORT_KEY}'") as caught:
        process(request_after(raw), store)
    assert type(caught.value) is error
