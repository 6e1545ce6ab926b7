"""The event log checkpoint in the local cloud."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from command_line.command import COMPLETE
from command_line.stages import stage_display
from local_cloud.clients import Clients
from run_local.event_log.demonstration import Deployed, run_deployed
from run_local.event_log.event_files import generate_rounds
from run_local.event_log.view import show
from triggers.polling import Polling
from triggers.targets import Target, invoke_target

OUTPUT_DIR: Final = Path("dist/event-checkpoint")

EVENT_FILES: Final = 300


class EventLogStack:
    """Reads generated event files."""

    def variables(self, *, deletable: bool) -> Mapping[str, object]:
        """Return the variables."""
        return {"deletable": deletable}

    def run(self, clients: Clients, outputs: Mapping[str, Any]) -> int:
        """Write event files, run the function, and show the checkpoint and its report."""
        deployed = Deployed(
            clients,
            outputs["source_bucket"],
            outputs["checkpoint_bucket"],
            outputs["functions"]["event_log_checkpoint"],
        )
        OUTPUT_DIR.mkdir(parents=True, exist_ok=True)
        result = run_deployed(deployed, generate_rounds(EVENT_FILES), OUTPUT_DIR, stage_display())
        show(result, sys.stdout)
        return COMPLETE

    def run_uncommon_paths(self, clients: Clients, outputs: Mapping[str, Any]) -> None:
        """Run the backfill.

        Raises
        ------
        InvocationError
            The backfill failed.
        """
        with stage_display().stage("Running the backfill"):
            # The state machine limits its own time.
            backfill = Target("this command", outputs["backfill_arn"], "{}")
            invoke_target(backfill, clients, Polling(interval_seconds=0.5))
