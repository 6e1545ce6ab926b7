"""The region report in the local cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_ssm_fetcher.cli import finish
from aws_ssm_fetcher.outputs.publish import staging_folder
from aws_ssm_fetcher.pipeline import Options
from command_line.stages import stage_display
from local_cloud.clients import Clients
from run_local.deployer import RegionReport
from run_local.region_report import execute
from run_local.region_report_preparation import local_source

OUTPUT_DIR: Final = Path("dist/region-report")


class RegionReportStack:
    """Makes the report from the parameter tree that moto contains."""

    def variables(self, *, deletable: bool) -> Mapping[str, object]:
        """Return the variables: the source of the data, and no feed of launches."""
        return {"deletable": deletable, "extra_environment": local_source()}

    def run(self, clients: Clients, outputs: Mapping[str, Any]) -> int:
        """Execute the state machine, and download the reports to `dist/region-report`.

        Raises
        ------
        ExecutionError
            The execution failed, or did not publish all reports.
        """
        deployed = RegionReport(
            bucket=outputs["bucket"],
            functions=outputs["functions"],
            state_machine_arn=outputs["state_machine_arn"],
            success_topic_arn=outputs["topics"]["success"],
            failure_topic_arn=outputs["topics"]["failure"],
        )
        options = Options(output_dir=OUTPUT_DIR)
        with staging_folder(options.output_dir) as staging:
            return finish(execute(clients, deployed, options, stage_display(), staging))

    def run_uncommon_paths(self, clients: Clients, outputs: Mapping[str, Any]) -> None:
        """Do nothing: a first run makes all calls."""
        del clients, outputs
