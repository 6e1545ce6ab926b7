"""What a run of the report made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_ssm_fetcher.outputs.summary import Summary
from aws_ssm_fetcher.report import Findings

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class RunResult:
    """What a run made and published."""

    report: Findings
    summary: Summary
    output_dir: Path

    @property
    def complete(self) -> bool:
        """Whether the source gave everything that the report needs."""
        return self.summary.pipeline_summary.status == "succeeded"

    @property
    def stage_seconds(self) -> dict[str, float]:
        """How long each stage took."""
        stages = self.summary.pipeline_summary.stages
        return {stage.name: stage.duration_seconds or 0.0 for stage in stages}
