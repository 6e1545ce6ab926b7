"""Report orchestrator: publishes the set of reports; see `aws_ssm_fetcher.stages.publish`."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_ssm_fetcher.stages.contracts import OrchestratorRequest
from aws_ssm_fetcher.stages.publish import PublishStage
from aws_ssm_fetcher.stages.stage_run import METRICS_NAMESPACE
from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented


@instrumented("report_orchestrator", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle an `OrchestratorRequest` and return an `OrchestratorResult`; a failure raises."""
    request = parse_event(OrchestratorRequest, event)
    return _stage().run(request).model_dump(mode="json")


@cache
def _stage() -> PublishStage:
    """Create the stage once; all invocations of a warm function use it."""
    return PublishStage.from_environment()
