"""The third stages, which run at the same time: the report's files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.report_set import write_reports
from aws_ssm_fetcher.report import Report
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import ExecutionId, StageName, StageRequest, StageResult
from aws_ssm_fetcher.stages.keys import (
    MANIFEST,
    REPORT,
    excel_prefix,
    json_csv_prefix,
    processed_prefix,
)
from aws_ssm_fetcher.stages.stage_run import running
from lambda_core.contracts import Contract
from lambda_core.errors import ProcessingError
from lambda_core.observability import timed_step

JSON_CSV_FORMATS: Final = (ReportFormat.JSON, ReportFormat.CSV)
EXCEL_FORMATS: Final = (ReportFormat.EXCEL,)


class Manifest(Contract):
    """What a generator made, written after all of it.

    Attributes
    ----------
    execution_id
        Whose files they are.
    report_sha256
        Digest of the report that they were made of: files of two reports make no set.
    files
        The files beside the manifest, with their digests.
    """

    execution_id: ExecutionId
    report_sha256: str
    files: tuple[ReportFile, ...]

    def require_whole(self, key: str, formats: tuple[ReportFormat, ...]) -> None:
        """Refuse a manifest that does not name exactly the files of some formats.

        Raises
        ------
        ProcessingError
            Names the manifest's key.
        """
        expected = {
            (kind, name, file) for kind in formats for name, file in REPORT_FILES[kind].items()
        }
        if {(file.format, file.name, file.file) for file in self.files} != expected:
            raise ProcessingError(
                f"the manifest {key!r} does not name the files of {' and '.join(formats)}: deploy "
                "all functions of one version, and start a new execution",
                key=key,
            )


def generate_json_csv(request: StageRequest, store: ArtefactStore) -> StageResult:
    """Write the report as JSON and CSV; see `_generate` for what it raises."""
    prefix = json_csv_prefix(request.execution_id)
    return _generate(StageName.JSON_CSV_GENERATOR, request, store, JSON_CSV_FORMATS, prefix)


def generate_excel(request: StageRequest, store: ArtefactStore) -> StageResult:
    """Write the report as a workbook; see `_generate` for what it raises. Needs openpyxl."""
    prefix = excel_prefix(request.execution_id)
    return _generate(StageName.EXCEL_GENERATOR, request, store, EXCEL_FORMATS, prefix)


def _generate(
    stage: StageName,
    request: StageRequest,
    store: ArtefactStore,
    formats: tuple[ReportFormat, ...],
    prefix: str,
) -> StageResult:
    """Write the report in some formats.

    Raises
    ------
    InvalidEventError
        The location is not where this execution's report must be.
    ProcessingError
        The report is missing or damaged.
    ReportError
        A file could not be written.
    S3Error
        S3 refused or failed (`TransientStorageError` where it may pass).
    """
    with running(stage, request.execution_id) as run:
        processed = processed_prefix(request.execution_id)
        store.require_location(request.data_location, processed)
        with timed_step("read the report"):
            report, artefact = store.read_model(f"{processed}{REPORT}", Report)
        with tempfile.TemporaryDirectory(prefix="report-") as name:
            folder = Path(name)
            with timed_step("write the files"):
                files = write_reports(report, formats, folder)
            with timed_step("store the files"):
                for file in files:
                    store.write(f"{prefix}{file.file}", (folder / file.file).read_bytes())
        manifest = Manifest(
            execution_id=request.execution_id, report_sha256=artefact.sha256, files=files
        )
        store.write_model(f"{prefix}{MANIFEST}", manifest)
        return StageResult(
            execution_id=request.execution_id,
            data_location=store.location(prefix),
            statistics=run.statistics_of(
                report.metadata,
                files=len(files),
                bytes=sum(file.bytes for file in files),
            ),
        )
