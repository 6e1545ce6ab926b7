"""The second stage: compute the report's tables and analyses from the raw data. Needs Polars."""

from __future__ import annotations

from aws_ssm_fetcher.models import Catalog, Launches
from aws_ssm_fetcher.processors import pipeline_orchestrator
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import StageName, StageRequest, StageResult
from aws_ssm_fetcher.stages.keys import CATALOG, LAUNCHES, REPORT, processed_prefix, raw_prefix
from aws_ssm_fetcher.stages.stage_run import running
from lambda_core.observability import timed_step


def process(request: StageRequest, store: ArtefactStore) -> StageResult:
    """Compute the report from an execution's raw data, and store it as an artefact.

    The time stamp of the report is the time when the catalog was stored. Processing the same data
    again therefore produces the same report, byte for byte, and the same files.

    Raises
    ------
    InvalidEventError
        If `data_location` is not the location of this execution's raw data.
    ProcessingError
        If the raw data is missing or damaged, or could not be processed.
    S3Error
        If S3 rejected a request or failed; `TransientStorageError` if a retry may help.
    """
    with running(StageName.PROCESSOR, request.execution_id) as run:
        raw = raw_prefix(request.execution_id)
        store.require_location(request.data_location, raw)
        with timed_step("read the raw data"):
            catalog, stored = store.read_model(f"{raw}{CATALOG}", Catalog)
            launches, _ = store.read_model(f"{raw}{LAUNCHES}", Launches)
        with timed_step("compute the tables"):
            report = pipeline_orchestrator.process(
                catalog, launches, generated_at=stored.written_at
            )
        prefix = processed_prefix(request.execution_id)
        with timed_step("store the report"):
            store.write_model(f"{prefix}{REPORT}", report)
        return StageResult(
            execution_id=request.execution_id,
            data_location=store.location(prefix),
            statistics=run.report_statistics(report.metadata),
        )
