"""`summary.json`: what one run made, from what, how long it took, and how complete it is.

It is published last: a folder whose `summary.json` names a file with a digest that fits holds
that set, whole.
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
    """One stage of the pipeline and how long it really took; None where nobody could measure."""

    name: str
    status: Literal["succeeded", "failed", "skipped"]
    duration_seconds: Seconds | None


class PipelineSummary(DomainModel):
    """The stages in their order; `incomplete` where all ran but the source gave not everything."""

    stages: tuple[Stage, ...]
    total_duration_seconds: Seconds
    status: Literal["succeeded", "incomplete", "failed"]


class SourceData(DomainModel):
    """Where the data is from, how old it is, how much of it came."""

    provenance: Provenance
    data_age_days: int | None
    launch_source: str
    complete: bool
    completeness: tuple[Part, ...]


class MissingReport(DomainModel):
    """A report that was asked for and could not be made, and why."""

    name: str
    format: ReportFormat
    file: str
    reason: str


class SummaryStatistics(DomainModel):
    """The counts that a reader asks for first."""

    regions_processed: int
    services_processed: int
    regional_combinations: int
    report_formats: tuple[ReportFormat, ...]


class SummaryValidation(DomainModel):
    """The quality score (0 to 100) and its grade (A to F); None where it was not made."""

    score: float | None = None
    grade: str | None = None


class Summary(DomainModel):
    """The content of `summary.json`; `reports_generated` is keyed by the reports' names.

    `generated_at` is the time stamp that the reports themselves carry.
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
    """Put the summary of a run together.

    Parameters
    ----------
    files
        The files that were written, in any order.
    stages
        The pipeline's stages in their order. One that failed makes the run `failed`.
    total_duration_seconds
        From start to end; stages may overlap, so it need not be their sum.
    missing
        Reports that were asked for and could not be made.
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
