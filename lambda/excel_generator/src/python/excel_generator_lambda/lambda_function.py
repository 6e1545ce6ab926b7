"""Excel generator: writes the report as a workbook; see `aws_ssm_fetcher.stages.generate`."""

from __future__ import annotations

from functools import cache
from typing import Any

# `generate_excel` imports this only when it is called. Importing it here makes a missing layer fail
# at the cold start.
from aws_ssm_fetcher.outputs import excel_writer  # noqa: F401
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import StageRequest
from aws_ssm_fetcher.stages.generate import generate_excel
from aws_ssm_fetcher.stages.settings import StageSettings
from aws_ssm_fetcher.stages.stage_run import METRICS_NAMESPACE
from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented


@instrumented("excel_generator", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle a `StageRequest` and return a `StageResult`; a failure raises."""
    request = parse_event(StageRequest, event)
    return generate_excel(request, _store()).model_dump(mode="json")


@cache
def _store() -> ArtefactStore:
    """Open the store once; all invocations of a warm function use it."""
    return ArtefactStore.open(StageSettings.from_environment().output_s3_bucket)
