"""The patch tracker, deployed to the local cloud: its stand-ins, and a first reading."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from command_line.stages import stage_display
from deployment.proof.async_invocations import Target, fire, reports, targets, wait_for
from local_cloud.clients import Clients
from patch_tracker.service import Tracker, TrackerSettings
from run_local.patch_tracker.demonstration import Demonstration, Options, Sources, sources
from run_local.patch_tracker.sample_mails import late_mails, message_id
from run_local.patch_tracker.view import board

_VARIABLES = {
    "CONTACT": "contact",
    "LORE_LIST": "lore_list",
    "LORE_URL": "lore_url",
    "PATCHWORK_PROJECT": "patchwork_project",
    "PATCHWORK_URL": "patchwork_url",
}
"""Variables of the stack, by those of the functions that they set."""


@dataclass(frozen=True)
class LocalTracker:
    """The servers that a tracker reads here."""

    sources: Sources

    @classmethod
    def serve(cls, block: ExitStack) -> LocalTracker:
        """Serve mails that the project brings until a block ends."""
        return cls(sources(Options(), block))

    def variables(self) -> dict[str, object]:
        """Return the variables of the stack."""
        environment = self.sources.environment
        extra = {name: value for name, value in environment.items() if name not in _VARIABLES}
        named = {variable: environment[name] for name, variable in _VARIABLES.items()}
        return {**named, "extra_environment": extra}

    def read_and_show(self, clients: Clients, outputs: Mapping[str, Any]) -> None:
        """Start what the hourly schedule starts, wait for what it hands on to, show the board.

        Raises
        ------
        ExecutionError
            A function failed, or was not started.
        """
        display = stage_display()
        name, discussions = (
            outputs["schedules"]["changes"],
            outputs["functions"]["fetch_discussions"],
        )
        [hourly] = [one for one in targets(clients) if one.schedule == name]
        with display.stage("Patchwork is read"):
            fire(clients, hourly)
        with display.stage("The archive is read"):
            wait_for(
                lambda: bool(reports(clients, discussions)),
                f"nothing was handed on to {discussions}",
            )
        tracker = self._tracker(outputs)
        patches = list(tracker.patches.all())
        print(board(Demonstration(tracker, {}, self.sources.description), patches), file=sys.stdout)

    def go_rare_ways(self, clients: Clients, outputs: Mapping[str, Any]) -> None:
        """Let mails come that both functions of discussions have to think about.

        Raises
        ------
        ExecutionError
            A function failed.
        """
        unknown = json.dumps({"message_ids": [message_id("nobody")]})
        for name, event in (("fetch_discussions", unknown), ("refresh_discussions", "{}")):
            function = outputs["functions"][name]
            arn = clients("lambda").get_alias(FunctionName=function, Name="live")["AliasArn"]
            for mails in late_mails(dt.datetime.now(dt.UTC), name):
                for mail in mails:
                    if self.sources.lore:
                        self.sources.lore.receive(mail)
                with stage_display().stage(f"Late mails are read by {function}"):
                    fire(clients, Target("by hand", arn, event))

    def _tracker(self, outputs: Mapping[str, Any]) -> Tracker:
        tables = {
            "DISCUSSIONS_TABLE": outputs["tables"]["discussions"],
            "PATCHES_TABLE": outputs["tables"]["patches"],
        }
        return Tracker(TrackerSettings.from_environment({**self.sources.environment, **tables}))
