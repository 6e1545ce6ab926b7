"""Processor: computes the tables and statistics; see `aws_ssm_fetcher.stages.process`."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import StageRequest
from aws_ssm_fetcher.stages.process import process
from aws_ssm_fetcher.stages.settings import StageSettings
from aws_ssm_fetcher.stages.stage_run import METRICS_NAMESPACE
from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented


@instrumented("processor", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle a `StageRequest` and return a `StageResult`; a failure raises."""
    request = parse_event(StageRequest, event)
    return process(request, _store()).model_dump(mode="json")


@cache
def _store() -> ArtefactStore:
    """Open the store once; all invocations of a warm function use it."""
    return ArtefactStore.open(StageSettings.from_environment().output_s3_bucket)
