"""The patch tracker in the local cloud: servers for its sources, and a first run."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from command_line.command import COMPLETE
from command_line.stages import stage_display
from deployment.proof.async_invocations import POLLING, completed_runs, scheduled_targets
from local_cloud.clients import Clients
from patch_tracker.service import Tracker, TrackerSettings
from run_local.patch_tracker.demonstration import Demonstration, Options, sources
from run_local.patch_tracker.sample_mails import late_mails, message_id
from run_local.patch_tracker.view import board
from triggers.targets import Target, invoke_target

_VARIABLES = {
    "CONTACT": "contact",
    "LORE_LIST": "lore_list",
    "LORE_URL": "lore_url",
    "PATCHWORK_PROJECT": "patchwork_project",
    "PATCHWORK_URL": "patchwork_url",
}
"""Environment variables of the functions that the stack sets from its own variables."""


class PatchTrackerStack:
    """Reads the project's sample mails from servers that run until the block ends."""

    def __init__(self, block: ExitStack) -> None:
        self._sources = sources(Options(), block)

    def variables(self, *, deletable: bool) -> Mapping[str, object]:
        """Return the variables: the addresses of the servers."""
        environment = self._sources.environment
        extra = {name: value for name, value in environment.items() if name not in _VARIABLES}
        named = {variable: environment[name] for name, variable in _VARIABLES.items()}
        return {"deletable": deletable, **named, "extra_environment": extra}

    def run(self, clients: Clients, outputs: Mapping[str, Any]) -> int:
        """Start what the hourly schedule starts, wait for the discussions, and show the board.

        Raises
        ------
        InvocationError
            A function failed, or was not started.
        """
        display = stage_display()
        schedule = outputs["schedules"]["changes"]
        discussions = outputs["functions"]["fetch_discussions"]
        [hourly] = [target for target in scheduled_targets(clients) if target.schedule == schedule]
        with display.stage("Reading Patchwork"):
            invoke_target(hourly, clients, POLLING)
        with display.stage("Reading the archive"):
            POLLING.wait_for(
                lambda: completed_runs(clients, discussions) > 0,
                f"{discussions} did not receive the patches, or did not end",
            )
        tracker = self._tracker(outputs)
        patches = list(tracker.patches.all())
        print(
            board(Demonstration(tracker, {}, self._sources.description), patches), file=sys.stdout
        )
        return COMPLETE

    def run_uncommon_paths(self, clients: Clients, outputs: Mapping[str, Any]) -> None:
        """Receive late mails, which both functions for discussions must put in order.

        Raises
        ------
        InvocationError
            A function failed.
        """
        unknown = json.dumps({"message_ids": [message_id("nobody")]})
        for name, event in (("fetch_discussions", unknown), ("refresh_discussions", "{}")):
            function = outputs["functions"][name]
            arn = clients("lambda").get_alias(FunctionName=function, Name="live")["AliasArn"]
            for mails in late_mails(dt.datetime.now(dt.UTC), name):
                for mail in mails:
                    if self._sources.lore:
                        self._sources.lore.receive(mail)
                with stage_display().stage(f"Reading late mails with {function}"):
                    invoke_target(Target("this command", arn, event), clients, POLLING)

    def _tracker(self, outputs: Mapping[str, Any]) -> Tracker:
        tables = {
            "DISCUSSIONS_TABLE": outputs["tables"]["discussions"],
            "PATCHES_TABLE": outputs["tables"]["patches"],
        }
        return Tracker(TrackerSettings.from_environment({**self._sources.environment, **tables}))
