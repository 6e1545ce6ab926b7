"""`summary.json`: the files, source, duration and completeness of one run.

It is published last. If all digests in `summary.json` match the files, the set is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aws_ssm_fetcher.models import DomainModel, Part, Provenance
from aws_ssm_fetcher.outputs.files import SUMMARY_FILE, ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.provenance import data_age_days
from aws_ssm_fetcher.report import Report

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Stage(DomainModel):
    """A stage of the pipeline and its measured duration; None if it could not be measured."""

    name: str
    status: Literal["succeeded", "failed", "skipped"]
    duration_seconds: Seconds | None


class PipelineSummary(DomainModel):
    """The stages in their order, and the status of the run.

    `incomplete` means that all stages succeeded, but the source did not supply everything.
    """

    stages: tuple[Stage, ...]
    total_duration_seconds: Seconds
    status: Literal["succeeded", "incomplete", "failed"]


class SourceData(DomainModel):
    """The origin, age and completeness of the data."""

    provenance: Provenance
    data_age_days: int | None
    launch_source: str
    complete: bool
    completeness: tuple[Part, ...]


class MissingReport(DomainModel):
    """A requested report that could not be created, and the reason."""

    name: str
    format: ReportFormat
    file: str
    reason: str


class SummaryStatistics(DomainModel):
    """The most important counts."""

    regions_processed: int
    services_processed: int
    regional_combinations: int
    report_formats: tuple[ReportFormat, ...]


class SummaryValidation(DomainModel):
    """The quality score (0 to 100) and its grade (A to F); None if they were not computed."""

    score: float | None = None
    grade: str | None = None


class Summary(DomainModel):
    """The content of `summary.json`.

    The keys of `reports_generated` are the names of the reports; `generated_at` is the time stamp
    in the reports.
    """

    execution_id: str
    generated_at: AwareDatetime
    completion_timestamp: AwareDatetime
    source_data: SourceData
    reports_generated: dict[str, ReportFile]
    reports_missing: tuple[MissingReport, ...] = ()
    statistics: SummaryStatistics
    pipeline_summary: PipelineSummary
    warnings: tuple[str, ...]
    validation: SummaryValidation


def summarise(
    report: Report,
    files: Sequence[ReportFile],
    stages: Sequence[Stage],
    *,
    execution_id: str,
    completed_at: AwareDatetime,
    total_duration_seconds: float,
    missing: Sequence[MissingReport] = (),
) -> Summary:
    """Create the summary of a run.

    Parameters
    ----------
    files
        The files that were written, in any order.
    stages
        The pipeline's stages in their order. If one failed, the status of the run is `failed`.
    total_duration_seconds
        From start to end. Stages may overlap, so this is not always their sum.
    missing
        Requested reports that could not be created.
    """
    metadata = report.metadata
    if any(stage.status == "failed" for stage in stages):
        status: Literal["succeeded", "incomplete", "failed"] = "failed"
    else:
        status = "succeeded" if metadata.complete else "incomplete"
    formats = {file.format for file in files}
    return Summary(
        execution_id=execution_id,
        generated_at=metadata.generated_at,
        completion_timestamp=completed_at,
        source_data=SourceData(
            provenance=metadata.source,
            data_age_days=data_age_days(metadata),
            launch_source=metadata.launch_source,
            complete=metadata.complete,
            completeness=metadata.completeness,
        ),
        reports_generated={file.name: file for file in files},
        reports_missing=tuple(missing),
        statistics=SummaryStatistics(
            regions_processed=metadata.unique_regions,
            services_processed=metadata.unique_services,
            regional_combinations=metadata.total_combinations,
            report_formats=tuple(kind for kind in ReportFormat if kind in formats),
        ),
        pipeline_summary=PipelineSummary(
            stages=tuple(stages),
            total_duration_seconds=total_duration_seconds,
            status=status,
        ),
        warnings=metadata.warnings,
        validation=SummaryValidation(
            score=report.validation.get("score"), grade=report.validation.get("grade")
        ),
    )


def write_summary(summary: Summary, folder: Path) -> Path:
    """Write `summary.json` into an existing folder and return its path."""
    path = folder / SUMMARY_FILE
    path.write_text(f"{summary.model_dump_json(indent=2)}\n", encoding="utf-8", newline="\n")
    return path
