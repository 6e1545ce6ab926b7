"""Creates the region report with its state machine and packaged functions in the local cloud."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from artefacts.function_settings import read_settings
from artefacts.packaging import packaged
from artefacts.repository import CODE_FOLDER, SETTINGS_FILE, architecture, repository_root
from aws_ssm_fetcher.models import CrossCheck
from aws_ssm_fetcher.outputs.files import REPORT_FILES, ReportFormat
from aws_ssm_fetcher.outputs.publish import publish, staging_folder
from aws_ssm_fetcher.outputs.run_result import RunResult
from aws_ssm_fetcher.outputs.summary import Summary
from aws_ssm_fetcher.pipeline import Options
from aws_ssm_fetcher.report import Findings, ReportMetadata
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import OrchestratorResult
from aws_ssm_fetcher.stages.published_set import PublishedSet, find_set
from command_line.output_folder import writing_into
from command_line.progress import Progress
from command_line.stages import StageDisplay
from lambda_core.s3 import S3Objects
from local_cloud.clients import Clients, clients_of
from local_cloud.errors import ExecutionError
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from run_local.deployer import Deployer, RegionReport
from run_local.region_report_preparation import local_source
from triggers.executions import (
    RUNNING,
    SUCCEEDED,
    Execution,
    describe_execution,
    start_execution,
)

PIPELINE: Final = "region_report"

DEFINITION_FILE: Final = Path("terraform/stacks/region_report/state_machine.asl.json")

TITLES: Final = {
    "FetchData": "Reading the parameters",
    "ProcessData": "Computing the tables",
    "GenerateReports": "Writing the reports",
    "PublishReports": "Publishing the reports",
}
"""How states are shown. The other states take no time and are not shown."""

INCOMPLETE: Final = "IncompleteReportError"
"""Error of an execution whose reports are incomplete; its cause is the last stage's response."""

SECONDS_BETWEEN_POLLS: Final = 0.2


def make_report(
    options: Options, display: StageDisplay, *, rss_url: str | None, log_level: str
) -> RunResult:
    """Package and deploy the functions, run the state machine, and publish its reports.

    Parameters
    ----------
    rss_url
        Feed of region launches; None uses the launch dates that are part of the project.
    log_level
        Log level of the functions.

    Raises
    ------
    ArtefactError, LocalCloudError
        If the functions cannot be packaged or run, or the execution failed.
    ReportError
        If the output folder is not writable.
    """
    root = repository_root()
    functions = read_settings(root / SETTINGS_FILE)[PIPELINE]
    variables = {**local_source(), "LOG_LEVEL": log_level, "RSS_URL": rss_url or ""}
    with staging_folder(options.output_dir) as staging, ExitStack() as stack:
        python = lambda_runtime_python()
        with display.stage("Packaging the functions"):
            artefacts = packaged(root, architecture(), functions)
        with display.stage("Deploying the functions"):
            cloud = stack.enter_context(
                moto_server(functions=FunctionOptions(python, root / CODE_FOLDER))
            )
            clients = clients_of(cloud)
            deployed = Deployer(clients, artefacts).region_report(
                functions, root / DEFINITION_FILE, variables=variables
            )
        return execute(clients, deployed, options, display, staging)


def execute(
    clients: Clients,
    deployed: RegionReport,
    options: Options,
    display: StageDisplay,
    staging: Path,
) -> RunResult:
    """Run the deployed state machine and publish its reports; see `make_report`."""
    request = {"zones": options.zones, "cross_check": options.cross_check}
    execution_id = f"local-{uuid.uuid4()}"
    arn = start(clients, deployed, execution_id, request)
    show(clients, arn, display)
    made = published_set(clients, deployed, execution_id, describe_execution(clients, arn))
    summary = _download(made, options.formats, staging)
    publish(staging, options.output_dir, summary)
    return RunResult(findings(made), summary, options.output_dir)


def start(
    clients: Clients,
    deployed: RegionReport,
    execution_id: str,
    request: Any,  # noqa: ANN401 - JSON
) -> str:
    """Start an execution; returns its ARN."""
    return start_execution(
        clients, deployed.state_machine_arn, json.dumps(request), name=execution_id
    )


def show(
    clients: Clients,
    arn: str,
    display: StageDisplay,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show the states of an execution until it ends."""
    seen = 0
    with ExitStack() as shown:
        progress: Progress | None = None
        branches = 0
        while True:
            # Read the status before the history, so that the history is complete when it has ended.
            status = describe_execution(clients, arn).status
            events = list(history(clients, arn))
            for event in events[seen:]:
                match event["type"], _state(event):
                    case ("TaskStateEntered" | "ParallelStateEntered", name) if name in TITLES:
                        shown.close()
                        progress = shown.enter_context(display.stage(TITLES[name]))
                        branches = 0
                    case "TaskStateExited", name if name not in TITLES and progress:
                        branches += 1
                        progress(branches, max(branches, 2))
                    case "ChoiceStateEntered", _:
                        shown.close()
                        progress = None
            seen = len(events)
            if status != RUNNING:
                return
            sleep(SECONDS_BETWEEN_POLLS)


def history(clients: Clients, arn: str) -> Iterator[dict[str, Any]]:
    """Yield the events of an execution so far."""
    pages = clients("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(executionArn=arn):
        yield from page["events"]


def published_set(
    clients: Clients, deployed: RegionReport, execution_id: str, execution: Execution
) -> PublishedSet:
    """Return the set of reports of an execution.

    A set based on incomplete data is accepted, as it is without the state machine.

    Raises
    ------
    ExecutionError
        If it published no set, or if reports are missing.
    """
    if execution.status != SUCCEEDED and execution.error != INCOMPLETE:
        raise ExecutionError(f"the execution {execution_id} {_reason(execution)}")
    response = execution.output if execution.status == SUCCEEDED else execution.cause
    result = OrchestratorResult.model_validate_json(response)
    made = find_set(ArtefactStore(S3Objects(clients("s3"), deployed.bucket)), execution_id)
    if made is None or not result.published:
        reason = result.held_back or "reason unknown"
        raise ExecutionError(f"the execution {execution_id} published nothing: {reason}")
    if missing := made.summary.reports_missing:
        reasons = "; ".join(f"{report.file}: {report.reason}" for report in missing)
        raise ExecutionError(f"reports of the execution {execution_id} are missing: {reasons}")
    return made


def findings(made: PublishedSet) -> Findings:
    """Return a set's metadata, analyses and checks, from its summary and its JSON report."""
    summary = made.summary
    source, counts = summary.source_data, summary.statistics
    content = json.loads(made.contents[REPORT_FILES[ReportFormat.JSON]["json_compact"]])
    cross_check = content["cross_check"]
    return Findings(
        metadata=ReportMetadata(
            generated_at=summary.generated_at,
            source=source.provenance,
            launch_source=source.launch_source,
            complete=source.complete,
            completeness=source.completeness,
            warnings=summary.warnings,
            total_combinations=counts.regional_combinations,
            unique_regions=counts.regions_processed,
            unique_services=counts.services_processed,
        ),
        analyses=content["statistics"],
        validation=content["validation"],
        cross_check=(
            CrossCheck.model_validate_json(json.dumps(cross_check)) if cross_check else None
        ),
    )


def _download(made: PublishedSet, formats: tuple[ReportFormat, ...], staging: Path) -> Summary:
    """Write the files in the requested formats; returns their summary."""
    files = {
        name: file
        for name, file in made.summary.reports_generated.items()
        if file.format in formats
    }
    with writing_into(staging):
        for file in files.values():
            (staging / file.file).write_bytes(made.contents[file.file])
    statistics = made.summary.statistics.model_copy(update={"report_formats": formats})
    return made.summary.model_copy(update={"reports_generated": files, "statistics": statistics})


def _state(event: dict[str, Any]) -> str:
    details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    return str(details.get("name", ""))


def _reason(execution: Execution) -> str:
    """Return how an execution ended, with the message of the function that failed."""
    try:
        cause = json.loads(execution.cause)
    except ValueError:
        cause = None
    message = cause.get("errorMessage") if isinstance(cause, dict) else execution.cause
    return f"ended with {execution.status}: {execution.error or 'no error'}: {message or ''}"
