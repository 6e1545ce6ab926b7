from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aws_ssm_fetcher_testing.catalogs import small_catalog
from aws_ssm_fetcher_testing.stage_runs import (
    STARTED,
    SerialS3,
    catalog_of,
    fetched,
    generated,
    objects_of,
    relay_answer,
    request_after,
    store_in,
)

from aws_ssm_fetcher.models import Catalog, Completeness, Part
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import (
    CaughtError,
    ExecutionInput,
    OrchestratorResult,
    StageFailure,
    StageResult,
)
from aws_ssm_fetcher.stages.errors import TransientStorageError
from aws_ssm_fetcher.stages.generate import generate_excel
from aws_ssm_fetcher.stages.pointer import Pointer, read_pointer
from aws_ssm_fetcher.stages.process import process
from aws_ssm_fetcher.stages.publish import publish
from lambda_core.errors import InvalidEventError, ProcessingError, ReportError
from lambda_testing.fault_proxy import Fetch, respond
from local_cloud.loopback_server import Exchange

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_s3 import S3Client

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
EXCEL = "aws_regions_services.xlsx"
FAILED = StageFailure(
    error=CaughtError.model_validate(
        {"Error": "ReportError", "Cause": json.dumps({"errorMessage": "the disk is full"})}
    )
)


class KilledError(BaseException):
    """Ends a run immediately."""


def below(s3: S3Client, bucket: str, prefix: str) -> set[str]:
    return {key.removeprefix(prefix) for key in objects_of(s3, bucket) if key.startswith(prefix)}


def current(store: ArtefactStore) -> Pointer:
    pointer = read_pointer(store.objects)
    assert pointer is not None
    return pointer


def publish_run(store: ArtefactStore, execution_id: str, found: Catalog) -> OrchestratorResult:
    return publish(generated(store, execution_id, found), store)


def test_a_set_is_published_and_the_rest_removed(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    made = objects_of(s3, stage_bucket)
    result = publish(request, store)

    assert (result.published, result.complete, result.held_back) == (True, True, None)
    assert result.superseded_by is None
    assert result.data_location == f"s3://{stage_bucket}/reports/run-1/"
    assert (result.statistics.pairs, result.statistics.files) == (7, 9)
    found = objects_of(s3, stage_bucket)
    assert set(found) == (
        {f"reports/run-1/{name}" for name in FILES}
        | {f"reports/latest/{name}" for name in FILES}
        | {"reports/latest.json"}
    )
    for name in FILES:
        assert found[f"reports/latest/{name}"].content == found[f"reports/run-1/{name}"].content
    for name in FILES - {"summary.json"}:
        folder = "excel" if name == EXCEL else "json_csv"
        stored, source = (
            found[f"reports/run-1/{name}"],
            made[f"temp-reports/run-1/{folder}/{name}"],
        )
        assert stored.content == source.content
        assert stored.metadata["sha256"] == source.metadata["sha256"]
    assert (current(store).execution_id, current(store).complete) == ("run-1", True)
    assert current(store).pairs == 7


def test_the_summary_has_the_durations_that_the_stages_measured(store: ArtefactStore) -> None:
    request = generated(store, "run-1", small_catalog())
    publish(request, store)
    summary: Any = json.loads(store.read("reports/run-1/summary.json").content)
    assert isinstance(request.json_csv, StageResult)
    assert isinstance(request.excel, StageResult)
    assert summary["pipeline_summary"]["stages"] == [
        {
            "name": result.statistics.stage,
            "status": "succeeded",
            "duration_seconds": result.statistics.duration_seconds,
        }
        for result in (request.fetch, request.process, request.json_csv, request.excel)
    ]
    completed = dt.datetime.fromisoformat(summary["completion_timestamp"])
    assert summary["pipeline_summary"]["total_duration_seconds"] == pytest.approx(
        (completed - STARTED).total_seconds(), abs=0.001
    )
    assert summary["execution_id"] == "run-1"
    assert summary["reports_missing"] == []
    assert summary["pipeline_summary"]["status"] == "succeeded"


def test_a_repeated_stage_returns_the_same_result(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    first = publish(request, store)
    once = objects_of(s3, stage_bucket)
    second = publish(request, store)
    assert objects_of(s3, stage_bucket) == once
    varying = {"statistics": {"started_at", "finished_at", "duration_seconds"}}
    assert second.model_dump(exclude=varying) == first.model_dump(exclude=varying)


def test_an_execution_that_is_run_again_keeps_its_first_set(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    publish_run(store, "run-1", small_catalog())
    once = objects_of(s3, stage_bucket)
    result = publish_run(store, "run-1", catalog_of(50))
    assert objects_of(s3, stage_bucket) == once
    assert (result.published, result.statistics.pairs) == (True, 7)


@pytest.mark.parametrize("failed", ["excel", "json_csv"])
def test_created_reports_are_published_and_missing_ones_are_named(
    store: ArtefactStore,
    s3: S3Client,
    stage_bucket: str,
    failed: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    publish_run(store, "run-0", small_catalog())
    request = generated(store, "run-1", small_catalog()).model_copy(update={failed: FAILED})
    result = publish(request, store)

    missing = {EXCEL} if failed == "excel" else FILES - {EXCEL, "summary.json"}
    assert (result.published, result.complete, result.held_back) == (True, False, None)
    assert below(s3, stage_bucket, "reports/run-1/") == FILES - missing
    assert below(s3, stage_bucket, "reports/latest/") == FILES - missing
    assert (current(store).execution_id, current(store).complete) == ("run-1", False)
    summary: Any = json.loads(store.read("reports/run-1/summary.json").content)
    assert {report["file"] for report in summary["reports_missing"]} == missing
    assert {report["reason"] for report in summary["reports_missing"]} == {
        "ReportError: the disk is full"
    }
    assert summary["pipeline_summary"]["status"] == "failed"
    stage = {"excel": "excel_generator", "json_csv": "json_csv_generator"}[failed]
    assert {"name": stage, "status": "failed", "duration_seconds": None} in (
        summary["pipeline_summary"]["stages"]
    )
    errors = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == len(missing)
    # Its artefacts are kept for inspection.
    assert below(s3, stage_bucket, "processed-data/run-1/") == {"report.json"}
    assert below(s3, stage_bucket, "reports/run-0/") == FILES


def test_without_reports_nothing_is_published(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    before = objects_of(s3, stage_bucket)
    with pytest.raises(ReportError, match=r"no report was created.*the disk is full"):
        publish(request.model_copy(update={"excel": FAILED, "json_csv": FAILED}), store)
    assert objects_of(s3, stage_bucket) == before


def test_incomplete_data_is_published_as_incomplete(store: ArtefactStore) -> None:
    part = Part(name="regions", expected=4, received=3, failed=("x",))
    found = small_catalog().model_copy(update={"completeness": Completeness(parts=(part,))})
    result = publish_run(store, "run-1", found)
    assert (result.published, result.complete) == (True, False)


def test_a_set_that_lost_too_much_is_held_back(
    store: ArtefactStore, s3: S3Client, stage_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish_run(store, "run-1", catalog_of(100))
    before = objects_of(s3, stage_bucket)
    request = generated(store, "run-2", catalog_of(97))
    for _ in range(2):
        result = publish(request, store)
        assert (result.published, result.complete) == (False, True)
        assert result.held_back == (
            "97 pairs are 3.0% fewer than the 100 of run-1; a set that loses more than 2 % is not "
            "published automatically"
        )
    assert "The set is held back" in caplog.text
    found = objects_of(s3, stage_bucket)
    for key, stored in before.items():
        assert found[key] == stored
    assert below(s3, stage_bucket, "reports/run-2/") == FILES
    assert below(s3, stage_bucket, "raw-data/run-2/") == {"catalog.json", "launches.json"}

    for given, published in ((2.5, False), (3, True)):
        asked = request.model_copy(update={"input": ExecutionInput(max_pairs_drop_percent=given)})
        assert publish(asked, store).published == published
    assert (current(store).execution_id, current(store).previous) == ("run-2", "run-1")


def test_the_input_decides_before_the_setting(store: ArtefactStore) -> None:
    publish_run(store, "run-1", catalog_of(100))
    request = generated(store, "run-2", catalog_of(99))
    strict = request.model_copy(update={"input": ExecutionInput(max_pairs_drop_percent=0)})
    assert publish(strict, store, max_pairs_drop_percent=100).held_back
    assert publish(request, store, max_pairs_drop_percent=1).published


def test_a_set_with_two_percent_fewer_pairs_is_published(store: ArtefactStore) -> None:
    publish_run(store, "run-1", catalog_of(100))
    assert publish_run(store, "run-2", catalog_of(98)).held_back is None
    assert current(store).execution_id == "run-2"


def test_the_pointer_does_not_go_back_to_an_older_execution(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    # Even if both are in the same second, the names decide in favour of the second.
    older = generated(store, "run-1", catalog_of(3))
    publish_run(store, "run-2", catalog_of(3))
    latest = below(s3, stage_bucket, "reports/latest/")
    result = publish(older, store)
    assert (result.published, result.superseded_by, result.held_back) == (True, "run-2", None)
    assert current(store).execution_id == "run-2"
    assert below(s3, stage_bucket, "reports/run-1/") == FILES
    assert below(s3, stage_bucket, "raw-data/") == set()
    assert below(s3, stage_bucket, "reports/latest/") == latest


def test_objects_of_other_executions_are_not_touched(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    generated(store, "exec-10", catalog_of(4))
    store.write("cache/exec-1/x.json", b"{}")
    before = objects_of(s3, stage_bucket)
    publish_run(store, "exec-1", catalog_of(3))
    found = objects_of(s3, stage_bucket)
    assert {key: found.get(key) for key in before} == before
    assert not any(
        key.startswith(("raw-data/exec-1/", "processed-data/exec-1/", "temp-reports/exec-1/"))
        for key in found
    )


@pytest.mark.parametrize(
    "key",
    [
        "processed-data/run-1/report.json",
        "temp-reports/run-1/json_csv/manifest.json",
        "temp-reports/run-1/json_csv/statistics.csv",
        "temp-reports/run-1/excel/aws_regions_services.xlsx",
    ],
)
@pytest.mark.parametrize("damage", ["damaged", "missing"])
def test_a_damaged_artefact_is_named_and_nothing_is_published(
    store: ArtefactStore, s3: S3Client, stage_bucket: str, key: str, damage: str
) -> None:
    publish_run(store, "run-0", small_catalog())
    request = generated(store, "run-1", small_catalog())
    if damage == "missing":
        s3.delete_object(Bucket=stage_bucket, Key=key)
    else:
        whole = objects_of(s3, stage_bucket)[key]
        s3.put_object(
            Bucket=stage_bucket, Key=key, Body=whole.content + b" ", Metadata=whole.metadata
        )
    with pytest.raises(ProcessingError, match=f"'{key}' .*is {damage}"):
        publish(request, store)
    assert current(store).execution_id == "run-0"
    assert below(s3, stage_bucket, "reports/latest/") == FILES


def test_a_damaged_published_file_is_named_and_never_pointed_to(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    publish(request, store)
    s3.put_object(Bucket=stage_bucket, Key="reports/run-1/statistics.csv", Body=b"?")
    with pytest.raises(ProcessingError, match=r"'reports/run-1/statistics\.csv' .*is damaged"):
        publish(request, store)


def test_files_of_two_reports_make_no_set(store: ArtefactStore) -> None:
    request = generated(store, "run-1", catalog_of(3))
    # Another run of the same execution has already written the workbook, with other data.
    fetched(store, "run-1", catalog_of(4))
    processed = process(request_after(request.fetch), store)
    generate_excel(request_after(processed), store)
    with pytest.raises(ProcessingError, match="generated from another report"):
        publish(request, store)


def test_a_summary_that_names_an_unknown_file_is_refused(store: ArtefactStore) -> None:
    request = generated(store, "run-1", small_catalog())
    publish(request, store)
    text = store.read("reports/run-1/summary.json").content.decode()
    store.write(
        "reports/run-1/summary.json",
        text.replace('"statistics.csv"', '"../../latest.json"').encode(),
    )
    with pytest.raises(ProcessingError, match="which is not a file of the report"):
        publish(request, store)


@pytest.mark.parametrize("field", ["fetch", "process", "json_csv", "excel"])
def test_a_result_from_elsewhere_is_refused(
    store: ArtefactStore, s3: S3Client, stage_bucket: str, field: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    elsewhere = getattr(request, field).model_copy(
        update={"data_location": store.location("raw-data/run-10/")}
    )
    before = objects_of(s3, stage_bucket)
    with pytest.raises(InvalidEventError):
        publish(request.model_copy(update={field: elsewhere}), store)
    assert objects_of(s3, stage_bucket) == before


def test_copies_are_repeated_if_another_execution_overtakes(
    store: ArtefactStore, serial_s3: SerialS3, s3: S3Client, stage_bucket: str
) -> None:
    older = generated(store, "run-1", catalog_of(3))
    newer = generated(store, "run-2", catalog_of(4))
    overtaken = False

    def overtake(exchange: Exchange, fetch: Fetch) -> None:
        nonlocal overtaken
        request = exchange.request
        if request.method == "PUT" and "/reports/latest/st" in request.path and not overtaken:
            overtaken = True
            publish(newer, store)
        relay_answer(exchange, fetch)

    serial_s3.step = overtake
    publish(older, store)
    assert overtaken
    found = objects_of(s3, stage_bucket)
    for name in FILES:
        assert found[f"reports/latest/{name}"].content == found[f"reports/run-2/{name}"].content


@pytest.mark.parametrize(
    ("operation", "path", "step"),
    [("PUT", "/reports/latest/", "copy to latest"), ("POST", "delete", "clean up")],
)
def test_a_failure_after_publishing_is_logged_and_does_not_fail_the_stage(
    store: ArtefactStore,
    serial_s3: SerialS3,
    s3: S3Client,
    stage_bucket: str,
    operation: str,
    path: str,
    step: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: dict[str, float] = {}
    monkeypatch.setattr("aws_ssm_fetcher.stages.publish.count", counted.__setitem__)
    request = generated(store, "run-1", small_catalog())

    def refuse(exchange: Exchange, fetch: Fetch) -> None:
        asked = exchange.request
        if asked.method == operation and path in asked.path:
            respond(403, b"<Error><Code>AccessDenied</Code></Error>").act(exchange, fetch)
        else:
            relay_answer(exchange, fetch)

    serial_s3.step = refuse
    result = publish(request, store)
    assert (result.published, result.complete) == (True, True)
    assert current(store).execution_id == "run-1"
    assert counted["StepsFailedAfterPublishing"] == 1
    (error,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert error.getMessage().endswith(step)
    assert error.exc_info is not None

    serial_s3.step = relay_answer
    publish_run(store, "run-2", small_catalog())
    assert counted["StepsFailedAfterPublishing"] == 0
    found = objects_of(s3, stage_bucket)
    for name in FILES:
        assert found[f"reports/latest/{name}"].content == found[f"reports/run-2/{name}"].content


def test_copies_are_of_one_set_also_after_an_overtaken_run_was_killed(
    store: ArtefactStore, serial_s3: SerialS3, s3: S3Client, stage_bucket: str
) -> None:
    older = generated(store, "run-1", catalog_of(3))
    newer = generated(store, "run-2", catalog_of(4))
    copies: list[str] = []

    def overtake_and_kill(request: AWSPreparedRequest, **_: object) -> None:
        if "/reports/latest/" in request.url:
            copies.append(request.url)
            if len(copies) == 3:
                publish(newer, store)
            if len(copies) == 6:
                raise KilledError

    def of_which_sets() -> set[str]:
        found = objects_of(s3, stage_bucket)
        return {
            ",".join(
                execution_id
                for execution_id in ("run-1", "run-2")
                if found[f"reports/latest/{name}"].content
                == found[f"reports/{execution_id}/{name}"].content
            )
            for name in FILES
        }

    mortal = serial_s3.client()
    mortal.meta.events.register("before-send.s3.PutObject", overtake_and_kill)
    with pytest.raises(KilledError):
        publish(older, store_in(mortal, stage_bucket))
    assert {"run-1", "run-2"} <= of_which_sets()

    result = publish(older, store)
    assert (result.published, result.superseded_by) == (True, "run-2")
    assert "run-1" not in of_which_sets()


def test_the_rest_of_a_run_that_was_stopped_is_replaced(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    store.write("reports/run-1/statistics.csv", b"from before")
    publish_run(store, "run-1", small_catalog())
    assert store.read("reports/latest/statistics.csv").content != b"from before"


def test_a_finished_set_is_not_changed_by_a_straggler(
    store: ArtefactStore, serial_s3: SerialS3, s3: S3Client, stage_bucket: str
) -> None:
    """Of two runs of one execution with different data, the first to finish wins."""
    request = generated(store, "run-1", catalog_of(3))
    overtaken = False

    def overtake(exchange: Exchange, fetch: Fetch) -> None:
        nonlocal overtaken
        path = exchange.request.path
        if exchange.request.method == "PUT" and "/reports/run-1/" in path and not overtaken:
            overtaken = True
            publish(generated(store, "run-1", catalog_of(4)), store)
        relay_answer(exchange, fetch)

    serial_s3.step = overtake
    result = publish(request, store)
    assert overtaken
    assert (result.published, result.statistics.pairs) == (True, 4)
    assert current(store).pairs == 4


def test_of_two_summaries_the_first_stays(
    store: ArtefactStore, serial_s3: SerialS3, s3: S3Client, stage_bucket: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    first: list[bytes] = []

    def overtake(exchange: Exchange, fetch: Fetch) -> None:
        path = exchange.request.path
        if exchange.request.method == "PUT" and "run-1/summary.json" in path and not first:
            first.append(b"")
            publish(request, store)
            first.append(store.read("reports/run-1/summary.json").content)
        relay_answer(exchange, fetch)

    serial_s3.step = overtake
    assert publish(request, store).published
    assert store.read("reports/run-1/summary.json").content == first[1]
    assert store.read("reports/latest/summary.json").content == first[1]


@pytest.mark.parametrize("operation", ["PUT", "POST"])
def test_one_refused_write_costs_nothing(
    store: ArtefactStore, serial_s3: SerialS3, s3: S3Client, stage_bucket: str, operation: str
) -> None:
    request = generated(store, "run-1", small_catalog())
    refused: list[str] = []

    def refuse_once(exchange: Exchange, fetch: Fetch) -> None:
        if exchange.request.method == operation and not refused:
            refused.append(exchange.request.path)
            respond(503, b"<Error><Code>SlowDown</Code></Error>").act(exchange, fetch)
        else:
            relay_answer(exchange, fetch)

    serial_s3.step = refuse_once
    assert publish(request, store).published
    assert refused
    assert below(s3, stage_bucket, "reports/run-1/") == FILES


def test_an_unwritable_pointer_is_a_transient_failure(
    store: ArtefactStore, serial_s3: SerialS3
) -> None:
    request = generated(store, "run-1", small_catalog())

    def refuse_the_pointer(exchange: Exchange, fetch: Fetch) -> None:
        asked = exchange.request
        if asked.method == "PUT" and asked.path.endswith("/reports/latest.json"):
            respond(503, b"<Error><Code>SlowDown</Code></Error>").act(exchange, fetch)
        else:
            relay_answer(exchange, fetch)

    serial_s3.step = refuse_the_pointer
    with pytest.raises(TransientStorageError, match=r"reports/latest\.json"):
        publish(request, store)
    serial_s3.step = relay_answer
    assert publish(request, store).published
