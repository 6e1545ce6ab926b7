"""Excel generator: writes the report as a workbook; see `aws_ssm_fetcher.stages.generate`."""

from __future__ import annotations

from functools import cache
from typing import Any

# Loaded with the function, although it is needed later only: a missing layer shows at once.
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
    """Take a `StageRequest` and answer a `StageResult`; what fails raises."""
    request = parse_event(StageRequest, event)
    return generate_excel(request, _store()).model_dump(mode="json")


@cache
def _store() -> ArtefactStore:
    """Made once for all invocations of a warm function, as its settings do not change."""
    return ArtefactStore.open(StageSettings.from_environment().output_s3_bucket)
