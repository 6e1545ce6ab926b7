"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_ssm_fetcher.outputs.summary import Summary
from aws_ssm_fetcher.report import Findings


@dataclass(frozen=True)
class RunResult:
    """The report that a run published, its summary, and the folder that contains the files."""

    report: Findings
    summary: Summary
    output_dir: Path

    @property
    def complete(self) -> bool:
        """Whether all stages succeeded and the source supplied everything that the report needs."""
        return self.summary.pipeline_summary.status == "succeeded"

    @property
    def stage_seconds(self) -> dict[str, float]:
        """The duration of each stage in seconds, by name."""
        stages = self.summary.pipeline_summary.stages
        return {stage.name: stage.duration_seconds or 0.0 for stage in stages}
