"""The table that the command line prints on standard output when the report is finished."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_ssm_fetcher.outputs.files import SUMMARY_FILE
from aws_ssm_fetcher.outputs.provenance import notice
from command_line.table import table

if TYPE_CHECKING:
    from aws_ssm_fetcher.models import CrossCheck
    from aws_ssm_fetcher.outputs.run_result import RunResult
    from aws_ssm_fetcher.outputs.summary import Summary
    from aws_ssm_fetcher.report import Findings, ReportMetadata


def closing_table(result: RunResult) -> str:
    """Return a table with the source, age and completeness of the data, counts, times and files."""
    report, summary = result.report, result.summary
    metadata, source = report.metadata, report.metadata.source
    cached = source.fetched_at < summary.completion_timestamp - dt.timedelta(
        seconds=summary.pipeline_summary.total_duration_seconds
    )
    rows = [
        ("Source", notice(metadata)),
        (
            "Read",
            f"{source.fetched_at:%Y-%m-%d %H:%M} UTC, {_age(metadata) if cached else 'just now'}",
        ),
        ("Found", _found(report)),
        ("Complete", _completeness(metadata)),
        ("Quality", f"{report.validation['score']:.1f} of 100, grade {report.validation['grade']}"),
    ]
    if report.cross_check is not None:
        rows.append(("Cross-check", _cross_check(report.cross_check)))
    rows += [
        ("Calls", "none: from the cache" if cached else _calls(source.calls)),
        ("Time", _times(summary)),
        ("Files", _files(result)),
    ]
    if metadata.warnings:
        rows.append(("Warnings", "\n".join(metadata.warnings)))
    return table("Region and service report", rows)


def _age(metadata: ReportMetadata) -> str:
    minutes = (metadata.generated_at - metadata.source.fetched_at).total_seconds() / 60
    age = f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
    return f"{age} ago, from the cache"


def _calls(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {operation}" for operation, count in calls.items())


def _found(report: Findings) -> str:
    metadata = report.metadata
    counts = (
        f"{metadata.unique_regions:,} regions, {metadata.unique_services:,} services, "
        f"{metadata.total_combinations:,} pairs"
    )
    zones = report.analyses["availability_zones"]["totals"]
    if zones is None:
        return counts
    return f"{counts}\n" + ", ".join(
        f"{zones[f'{kind}_zones']:,} {kind} zones"
        for kind in ("availability", "local", "wavelength")
    )


def _completeness(metadata: ReportMetadata) -> str:
    lines = ["yes" if metadata.complete else "NO"]
    lines += [
        f"{part.name}: {part.received:,} of {part.expected:,}"
        for part in metadata.completeness
        if part.received < part.expected
    ]
    return "\n".join(lines)


def _cross_check(cross_check: CrossCheck) -> str:
    if cross_check.agrees:
        return "both trees have the same pairs"
    lines = [
        f"{pair.service_code} in {pair.region_code}: only in the {tree} tree"
        for tree, pairs in (
            ("regions", cross_check.only_in_regions_tree),
            ("services", cross_check.only_in_services_tree),
        )
        for pair in pairs
    ]
    return "\n".join([f"{len(lines):,} differences", *lines])


def _times(summary: Summary) -> str:
    pipeline = summary.pipeline_summary
    stages = ", ".join(f"{stage.name} {stage.duration_seconds:.1f} s" for stage in pipeline.stages)
    return f"{pipeline.total_duration_seconds:.1f} s: {stages}"


def _files(result: RunResult) -> str:
    files = sorted(result.summary.reports_generated.values(), key=lambda entry: entry.file)
    width = max((len(entry.file) for entry in files), default=0)
    lines = [str(result.output_dir)]
    lines += [f"  {entry.file:<{width}}  {entry.bytes / 1000:>8,.0f} kB" for entry in files]
    return "\n".join([*lines, f"  {SUMMARY_FILE}"])
