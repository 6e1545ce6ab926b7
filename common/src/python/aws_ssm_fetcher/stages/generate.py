"""The third and fourth stages, which run concurrently: write the report's files."""

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
    """The files that a generator wrote. The manifest is written after all of them.

    Attributes
    ----------
    execution_id
        The execution to which the files belong.
    report_sha256
        Digest of the report that the files were generated from; all files of a set must be from
        the same report.
    files
        The files under the same prefix, with their digests.
    """

    execution_id: ExecutionId
    report_sha256: str
    files: tuple[ReportFile, ...]

    def require_whole(self, key: str, formats: tuple[ReportFormat, ...]) -> None:
        """Check that the manifest names exactly the files of these formats.

        Raises
        ------
        ProcessingError
            If it does not; the message names the manifest's key.
        """
        expected = {
            (kind, name, file) for kind in formats for name, file in REPORT_FILES[kind].items()
        }
        if {(file.format, file.name, file.file) for file in self.files} != expected:
            raise ProcessingError(
                f"the manifest {key!r} does not name the files of {' and '.join(formats)}: deploy "
                "the same version of all functions, then start a new execution",
                key=key,
            )


def generate_json_csv(request: StageRequest, store: ArtefactStore) -> StageResult:
    """Write the report as JSON and CSV; raises the errors of `generate_excel`."""
    prefix = json_csv_prefix(request.execution_id)
    return _generate(StageName.JSON_CSV_GENERATOR, request, store, JSON_CSV_FORMATS, prefix)


def generate_excel(request: StageRequest, store: ArtefactStore) -> StageResult:
    """Write the report as a workbook. Needs openpyxl.

    Raises
    ------
    InvalidEventError
        If `data_location` is not the location of this execution's report.
    ProcessingError
        If the report is missing or damaged.
    ReportError
        If a file could not be written.
    S3Error
        If S3 rejected a request or failed; `TransientStorageError` if a retry may help.
    """
    prefix = excel_prefix(request.execution_id)
    return _generate(StageName.EXCEL_GENERATOR, request, store, EXCEL_FORMATS, prefix)


def _generate(
    stage: StageName,
    request: StageRequest,
    store: ArtefactStore,
    formats: tuple[ReportFormat, ...],
    prefix: str,
) -> StageResult:
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
            statistics=run.report_statistics(
                report.metadata,
                files=len(files),
                bytes=sum(file.bytes for file in files),
            ),
        )
