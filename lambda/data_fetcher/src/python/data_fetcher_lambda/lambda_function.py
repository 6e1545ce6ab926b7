"""Data fetcher: reads the parameters and the launch dates; see `aws_ssm_fetcher.stages.fetch`."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_ssm_fetcher.stages.contracts import FetchRequest
from aws_ssm_fetcher.stages.fetch import FetchStage
from aws_ssm_fetcher.stages.stage_run import METRICS_NAMESPACE
from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented


@instrumented("data_fetcher", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle a `FetchRequest` and return a `StageResult`; a failure raises."""
    request = parse_event(FetchRequest, event)
    return _stage().run(request).model_dump(mode="json")


@cache
def _stage() -> FetchStage:
    """Create the stage once; all invocations of a warm function use it."""
    return FetchStage.from_environment()
