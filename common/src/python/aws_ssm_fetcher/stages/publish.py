"""The last stage: assemble the set of reports, switch the pointer to it, and delete the artefacts.

Every step can be repeated. The stage may be killed at any point and started again, or run twice
concurrently: a set is finished only once, the pointer names finished sets only, and the artefacts
are deleted last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from pydantic import Field

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
from aws_ssm_fetcher.stages.settings import StageSettings
from aws_ssm_fetcher.stages.stage_run import running
from lambda_core.errors import ProcessingError, ReportError
from lambda_core.observability import count, get_logger, timed_step
from lambda_core.s3 import S3Error

MAX_PAIRS_DROP_PERCENT: Final = 2.0
"""A set that lost more pairs than this since the last set is held back: AWS never removes so many.
"""

_COPY_ROUNDS: Final = 5

_logger = get_logger(__name__)


class PublishSettings(StageSettings):
    """Settings of the last stage.

    Attributes
    ----------
    max_pairs_drop_percent
        A set is held back if it has fewer pairs than the last set by more than this percentage;
        100 publishes every set.
    """

    max_pairs_drop_percent: float = Field(
        default=MAX_PAIRS_DROP_PERCENT, ge=0, le=100, description="a percentage from 0 to 100"
    )


@dataclass(frozen=True)
class PublishStage:
    """The settings and the store of the last stage, which several executions can share."""

    settings: PublishSettings
    store: ArtefactStore

    @classmethod
    def from_environment(cls) -> Self:
        """Create the stage of a Lambda function from its environment variables.

        Raises
        ------
        lambda_core.errors.ConfigurationError
            Names every variable that is missing or wrong.
        """
        settings = PublishSettings.from_environment()
        return cls(settings, ArtefactStore.open(settings.output_s3_bucket))

    def run(self, request: OrchestratorRequest) -> OrchestratorResult:
        """Publish the reports of one execution; see `publish`."""
        return publish(
            request,
            self.store,
            max_pairs_drop_percent=self.settings.max_pairs_drop_percent,
        )


def publish(
    request: OrchestratorRequest,
    store: ArtefactStore,
    *,
    max_pairs_drop_percent: float = MAX_PAIRS_DROP_PERCENT,
) -> OrchestratorResult:
    """Publish the reports that the generators created; the result names those that are missing.

    Parameters
    ----------
    max_pairs_drop_percent
        Used if the execution's input does not set it. The set is held back if it has fewer pairs
        than the last set by more than this percentage.

    Raises
    ------
    InvalidEventError
        If the location of a result is not the one of this execution's artefacts.
    ProcessingError
        If an artefact is missing or damaged, or the files were generated from different reports.
    ReportError
        If no report was created, or the pointer is not valid.
    S3Error
        If S3 rejected a request or failed before the pointer was switched; `TransientStorageError`
        if a retry may help.
    """
    with running(StageName.REPORT_ORCHESTRATOR, request.execution_id) as run:
        _require_own_locations(request, store)
        with timed_step("assemble the set"):
            published = _finished_set(request, store)
        ours = _pointer_to(published)
        requested = request.input.max_pairs_drop_percent
        limit = max_pairs_drop_percent if requested is None else requested
        with timed_step("switch the pointer"):
            switch = switch_pointer(store.objects, ours, limit)
        held_back = _reason_to_hold_back(switch, ours, limit)
        failures = 0
        if held_back is None:
            failures += _try_step("copy to latest", lambda: _refresh_latest(store))
        if held_back is None and published.complete:
            own = intermediate_prefixes(request.execution_id)
            failures += _try_step("clean up", lambda: store.remove_all(own))
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
                switch.current.execution_id
                if switch.outcome is Outcome.SUPERSEDED and switch.current
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
    """Finish the execution's set, unless that was done before, then read it back and check it."""
    published = find_set(store, request.execution_id)
    if published is not None:
        return published
    try:
        files, summary = _assemble(request, store)
    except ProcessingError:
        # Meanwhile, another run of this execution may have finished the set and cleaned up.
        if (published := find_set(store, request.execution_id)) is not None:
            return published
        raise
    finish_set(store, request.execution_id, files, summary)
    published = find_set(store, request.execution_id)
    if published is None:
        raise ProcessingError(
            f"the set of {request.execution_id} was removed while it was being written; start a "
            "new execution"
        )
    return published


def _assemble(
    request: OrchestratorRequest, store: ArtefactStore
) -> tuple[dict[str, bytes], Summary]:
    """Return the files of the set by name, and its summary."""
    report_key = f"{processed_prefix(request.execution_id)}{REPORT}"
    report, artefact = store.read_model(report_key, Report)
    created: list[ReportFile] = []
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
                f"the files of {key!r} were generated from another report than {report_key!r}, "
                "because two runs of the execution overlapped; start a new execution",
                key=key,
            )
        for file in manifest.files:
            contents[file.file] = store.read(f"{prefix}{file.file}", sha256=file.sha256).content
        created += manifest.files
    if not created:
        reasons = "; ".join(sorted({report.reason for report in missing}))
        raise ReportError(f"no report was created, so nothing is published: {reasons}")
    for report_missing in missing:
        _logger.error("A report is missing: %s (%s)", report_missing.file, report_missing.reason)
    now = dt.datetime.now(dt.UTC)
    summary = summarise(
        report,
        created,
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
    """Return the stages with the durations that they measured."""
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
    if switch.outcome is not Outcome.HELD_BACK or switch.current is None:
        return None
    last = switch.current
    lost = (last.pairs - ours.pairs) / last.pairs
    reason = (
        f"{ours.pairs} pairs are {lost:.1%} fewer than the {last.pairs} of "
        f"{last.execution_id}; a set that loses more than {max_pairs_drop_percent:g} % is not "
        "published automatically"
    )
    _logger.error("The set is held back: %s", reason, extra={"held_back": True})
    return reason


def _try_step(step: str, work: Callable[[], object]) -> int:
    """Run a step that readers do not depend on, and return the number of failures (0 or 1).

    The set is already published, so failing the execution would be a false alarm: the next
    execution copies its own set, and the bucket's lifecycle rules delete the artefacts.
    """
    try:
        with timed_step(step):
            work()
    except (S3Error, ProcessingError):
        _logger.exception("The set is published, but a later step failed: %s", step)
        return 1
    return 0


def _refresh_latest(store: ArtefactStore) -> None:
    """Copy the set that the pointer names, and repeat that if the pointer changed meanwhile.

    Otherwise two executions that copy at the same time would leave a mixture of their sets, and so
    would an execution that was overtaken and killed while copying.
    """
    copied: str | None = None
    for _ in range(_COPY_ROUNDS):
        pointer = read_pointer(store.objects)
        if pointer is None or pointer.execution_id == copied:
            return
        current = find_set(store, pointer.execution_id)
        if current is None:
            return
        copy_to_latest(store, current)
        copied = pointer.execution_id
