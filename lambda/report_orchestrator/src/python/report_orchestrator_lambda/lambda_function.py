"""Report orchestrator: publishes the set; see `aws_ssm_fetcher.stages.publish`."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import OrchestratorRequest
from aws_ssm_fetcher.stages.publish import MAX_PAIRS_DROP_PERCENT, orchestrate
from aws_ssm_fetcher.stages.settings import StageSettings
from aws_ssm_fetcher.stages.stage_run import METRICS_NAMESPACE
from lambda_core.contracts import parse_event
from lambda_core.observability import instrumented


class OrchestratorSettings(StageSettings):
    """What the environment sets.

    Attributes
    ----------
    max_pairs_drop_percent
        By how much the number of combinations may fall from one set to the next before a set is
        held back; 100 publishes whatever comes.
    """

    max_pairs_drop_percent: float = Field(
        default=MAX_PAIRS_DROP_PERCENT, ge=0, le=100, description="a percentage from 0 to 100"
    )


@instrumented("report_orchestrator", namespace=METRICS_NAMESPACE)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an `OrchestratorRequest` and answer an `OrchestratorResult`; what fails raises."""
    request = parse_event(OrchestratorRequest, event)
    settings = _settings()
    result = orchestrate(
        request,
        _store(settings.output_s3_bucket),
        max_pairs_drop_percent=settings.max_pairs_drop_percent,
    )
    return result.model_dump(mode="json")


@cache
def _settings() -> OrchestratorSettings:
    return OrchestratorSettings.from_environment()


@cache
def _store(bucket: str) -> ArtefactStore:
    return ArtefactStore.open(bucket)
