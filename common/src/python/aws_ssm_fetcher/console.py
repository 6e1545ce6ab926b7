"""What a person sees while a report is made: progress, then a short table.

On a terminal a bar shows how far each stage is; elsewhere (a pipe, a log of CI) each step is a
plain line. Progress goes to standard error, the table to standard output.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from aws_ssm_fetcher.outputs.files import SUMMARY_FILE
from aws_ssm_fetcher.outputs.provenance import notice
from aws_ssm_fetcher.progress import Progress, no_progress

if TYPE_CHECKING:
    from aws_ssm_fetcher.models import CrossCheck
    from aws_ssm_fetcher.outputs.summary import Summary
    from aws_ssm_fetcher.pipeline import RunResult
    from aws_ssm_fetcher.report import Findings, ReportMetadata

SECONDS_BETWEEN_LINES = 5.0


class StageDisplay(Protocol):
    """Shows the stages of a run, one after the other."""

    def stage(self, title: str) -> AbstractContextManager[Progress]:
        """Show a stage while the block runs; the value tells how far it is."""


class SilentStages:
    """Shows nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show nothing while the block runs."""
        del title
        yield no_progress


class PlainStages:
    """One line when a stage starts and ends, and every few seconds in between."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show one stage."""
        started = said = self._clock()
        self._say(f"{title} ...")

        def progress(done: int, total: int) -> None:
            nonlocal said
            now = self._clock()
            if now - said >= SECONDS_BETWEEN_LINES:
                said = now
                self._say(f"{title}: {done} of {total}")

        yield progress
        self._say(f"{title}: done in {self._clock() - started:.1f} s")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class BarStages:
    """A bar a stage, on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show one stage."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Bars

        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
            total = bars.tasks[task].total or 1
            bars.update(task, completed=total, total=total)


def stages(stream: TextIO = sys.stderr) -> StageDisplay:
    """Choose the display that fits where the output goes."""
    return BarStages(stream) if stream.isatty() else PlainStages(stream)


def closing_table(result: RunResult) -> str:
    """Tell what was found, how complete it is, how long it took, and where the files are."""
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


def table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Lay out names and values in two columns; a value may have several lines."""
    width = max(len(name) for name, _ in rows)
    lines = [title, "-" * len(title)]
    for name, value in rows:
        first, *more = value.splitlines() or [""]
        lines.append(f"{name:<{width}}  {first}")
        lines.extend(f"{'':<{width}}  {line}" for line in more)
    return "\n".join(lines)


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
        f"{metadata.total_combinations:,} pairs of both"
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
        f"{pair.service_code} in {pair.region_code}: only in the tree by {tree}"
        for tree, pairs in (
            ("region", cross_check.only_in_regions_tree),
            ("service", cross_check.only_in_services_tree),
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
