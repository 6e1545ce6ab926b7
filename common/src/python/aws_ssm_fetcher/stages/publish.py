"""The last stage: the reports become one set, readers are pointed to it, and the rest is removed.

Every step may be repeated, and the stage may be killed anywhere and started again, or run twice at
once: the set is finished once, the pointer names finished sets only, and removal comes last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFile, ReportFormat
from aws_ssm_fetcher.outputs.summary import MissingReport, Stage, Summary, summarise
from aws_ssm_fetcher.report import Report
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import (
    OrchestratorRequest,
    OrchestratorResult,
    StageFailure,
    StageName,
    StageResult,
)
from aws_ssm_fetcher.stages.generate import EXCEL_FORMATS, JSON_CSV_FORMATS, Manifest
from aws_ssm_fetcher.stages.keys import (
    MANIFEST,
    REPORT,
    excel_prefix,
    intermediate_prefixes,
    json_csv_prefix,
    processed_prefix,
    raw_prefix,
    set_prefix,
)
from aws_ssm_fetcher.stages.pointer import Outcome, Pointer, Switch, read_pointer, switch_pointer
from aws_ssm_fetcher.stages.published_set import (
    PublishedSet,
    copy_to_latest,
    find_set,
    finish_set,
)
from aws_ssm_fetcher.stages.stage_run import running
from lambda_core.errors import ProcessingError, ReportError
from lambda_core.observability import count, get_logger, timed_step
from lambda_core.s3 import S3Error

MAX_PAIRS_DROP_PERCENT: Final = 2.0
"""A set with fewer pairs than this below the last is held back: AWS does not shrink like that."""

_COPY_ROUNDS: Final = 5

_logger = get_logger(__name__)


def orchestrate(
    request: OrchestratorRequest,
    store: ArtefactStore,
    *,
    max_pairs_drop_percent: float = MAX_PAIRS_DROP_PERCENT,
) -> OrchestratorResult:
    """Publish what was made, and say what was not.

    Parameters
    ----------
    max_pairs_drop_percent
        By how much the number of combinations may fall before a set is held back, where the
        execution's input does not say it.

    Raises
    ------
    InvalidEventError
        A result is not from where this execution's artefacts must be.
    ProcessingError
        An artefact is missing or damaged, or the files are of different reports.
    ReportError
        No report at all was made, or the pointer is none.
    S3Error
        S3 refused or failed (`TransientStorageError` where it may pass), before the pointer moved.
    """
    with running(StageName.REPORT_ORCHESTRATOR, request.execution_id) as run:
        _require_own_locations(request, store)
        with timed_step("put the set together"):
            published = _finished_set(request, store)
        ours = _pointer_to(published)
        asked = request.input.max_pairs_drop_percent
        most_dropped = max_pairs_drop_percent if asked is None else asked
        with timed_step("switch the pointer"):
            switch = switch_pointer(store.objects, ours, most_dropped)
        held_back = _reason_to_hold_back(switch, ours, most_dropped)
        failures = 0
        if held_back is None:
            failures += _attempted("copy to latest", lambda: _refresh_latest(store))
        if held_back is None and published.complete:
            own = intermediate_prefixes(request.execution_id)
            failures += _attempted("clean up", lambda: store.remove_all(own))
        count("StepsFailedAfterPublishing", failures)
        reports = published.summary.reports_generated.values()
        missing = published.summary.reports_missing
        count("ReportsPublished", 0 if held_back else len(reports))
        count("ReportsMissing", len(missing))
        count("HeldBack", 1 if held_back else 0)
        return OrchestratorResult(
            execution_id=request.execution_id,
            data_location=store.location(ours.prefix),
            statistics=run.statistics(
                regions=ours.regions,
                services=ours.services,
                pairs=ours.pairs,
                complete=published.complete,
                files=len(reports),
                bytes=sum(report.bytes for report in reports),
            ),
            published=held_back is None,
            complete=published.complete,
            held_back=held_back,
            superseded_by=(
                switch.standing.execution_id
                if switch.outcome is Outcome.SUPERSEDED and switch.standing
                else None
            ),
        )


def _require_own_locations(request: OrchestratorRequest, store: ArtefactStore) -> None:
    prefixes = (
        (request.fetch, raw_prefix(request.execution_id)),
        (request.process, processed_prefix(request.execution_id)),
        (request.json_csv, json_csv_prefix(request.execution_id)),
        (request.excel, excel_prefix(request.execution_id)),
    )
    for result, prefix in prefixes:
        if isinstance(result, StageResult):
            store.require_location(result.data_location, prefix)


def _finished_set(request: OrchestratorRequest, store: ArtefactStore) -> PublishedSet:
    """Return the execution's set, finished now or before, read back and found whole."""
    published = find_set(store, request.execution_id)
    if published is not None:
        return published
    try:
        files, summary = _put_together(request, store)
    except ProcessingError:
        # Another run of this execution may have finished the set and cleaned up meanwhile.
        if (published := find_set(store, request.execution_id)) is not None:
            return published
        raise
    finish_set(store, request.execution_id, files, summary)
    published = find_set(store, request.execution_id)
    if published is None:
        raise ProcessingError(f"the set of {request.execution_id} was removed while it was made")
    return published


def _put_together(
    request: OrchestratorRequest, store: ArtefactStore
) -> tuple[dict[str, bytes], Summary]:
    report_key = f"{processed_prefix(request.execution_id)}{REPORT}"
    report, artefact = store.read_model(report_key, Report)
    made: list[ReportFile] = []
    missing: list[MissingReport] = []
    contents: dict[str, bytes] = {}
    branches = (
        (request.json_csv, JSON_CSV_FORMATS, json_csv_prefix(request.execution_id)),
        (request.excel, EXCEL_FORMATS, excel_prefix(request.execution_id)),
    )
    for branch, formats, prefix in branches:
        if isinstance(branch, StageFailure):
            missing += _missing(formats, branch.error.reason)
            continue
        key = f"{prefix}{MANIFEST}"
        manifest, _ = store.read_model(key, Manifest)
        manifest.require_whole(key, formats)
        if manifest.report_sha256 != artefact.sha256:
            raise ProcessingError(
                f"the files of {key!r} were made of another report than {report_key!r}: two runs "
                "of one execution were at work; start a new execution",
                key=key,
            )
        for file in manifest.files:
            contents[file.file] = store.read(f"{prefix}{file.file}", sha256=file.sha256).content
        made += manifest.files
    if not made:
        reasons = "; ".join(sorted({report.reason for report in missing}))
        raise ReportError(f"no report was made, so nothing is published: {reasons}")
    for report_missing in missing:
        _logger.error("A report is missing: %s (%s)", report_missing.file, report_missing.reason)
    now = dt.datetime.now(dt.UTC)
    summary = summarise(
        report,
        made,
        _stages(request),
        execution_id=request.execution_id,
        completed_at=now,
        total_duration_seconds=round(
            max(0.0, (now - request.fetch.statistics.started_at).total_seconds()), 3
        ),
        missing=missing,
    )
    return contents, summary


def _missing(formats: tuple[ReportFormat, ...], reason: str) -> list[MissingReport]:
    return [
        MissingReport(name=name, format=kind, file=file, reason=reason)
        for kind in formats
        for name, file in REPORT_FILES[kind].items()
    ]


def _stages(request: OrchestratorRequest) -> list[Stage]:
    """Return the stages with the durations that they measured themselves."""
    results = (
        (StageName.DATA_FETCHER, request.fetch),
        (StageName.PROCESSOR, request.process),
        (StageName.JSON_CSV_GENERATOR, request.json_csv),
        (StageName.EXCEL_GENERATOR, request.excel),
    )
    return [
        Stage(
            name=name.value,
            status="succeeded" if isinstance(result, StageResult) else "failed",
            duration_seconds=(
                result.statistics.duration_seconds if isinstance(result, StageResult) else None
            ),
        )
        for name, result in results
    ]


def _pointer_to(published: PublishedSet) -> Pointer:
    summary = published.summary
    return Pointer(
        execution_id=summary.execution_id,
        prefix=set_prefix(summary.execution_id),
        generated_at=summary.generated_at,
        pairs=summary.statistics.regional_combinations,
        regions=summary.statistics.regions_processed,
        services=summary.statistics.services_processed,
        complete=published.complete,
    )


def _reason_to_hold_back(
    switch: Switch, ours: Pointer, max_pairs_drop_percent: float
) -> str | None:
    if switch.outcome is not Outcome.HELD_BACK or switch.standing is None:
        return None
    last = switch.standing
    lost = (last.pairs - ours.pairs) / last.pairs
    reason = (
        f"{ours.pairs} combinations are {lost:.1%} fewer than the {last.pairs} of "
        f"{last.execution_id}, and {max_pairs_drop_percent:g} % is the most that is published "
        "unseen"
    )
    _logger.error("The set is held back: %s", reason, extra={"held_back": True})
    return reason


def _attempted(step: str, work: Callable[[], object]) -> int:
    """Do what readers of the published set do not need; returns how many failures there were.

    They have the set, so that an execution which failed here would be a false alarm: the next one
    copies its own set, and the bucket's lifecycle removes what was left.
    """
    try:
        with timed_step(step):
            work()
    except (S3Error, ProcessingError):
        _logger.exception("The set is published, but a step after that failed: %s", step)
        return 1
    return 0


def _refresh_latest(store: ArtefactStore) -> None:
    """Copy the set that the pointer names, until what was copied is still what it names.

    Two executions that copy at once would leave a mixture otherwise, and so would one that was
    overtaken and killed in the midst of it.
    """
    copied: str | None = None
    for _ in range(_COPY_ROUNDS):
        pointer = read_pointer(store.objects)
        if pointer is None or pointer.execution_id == copied:
            return
        standing = find_set(store, pointer.execution_id)
        if standing is None:
            return
        copy_to_latest(store, standing)
        copied = pointer.execution_id
