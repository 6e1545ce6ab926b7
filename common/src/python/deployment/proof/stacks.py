"""What differs between the stacks when they are deployed to the local cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final, Protocol

from command_line.command import COMPLETE
from deployment.proof.event_log_stack import EventLogStack
from deployment.proof.patch_tracker_stack import PatchTrackerStack
from deployment.proof.region_report_stack import RegionReportStack
from local_cloud.clients import Clients

type Outputs = Mapping[str, Any]
"""Outputs of a stack, as Terraform returns them."""


class LocalStack(Protocol):
    """A stack in the local cloud. An instance starts the servers that the stack reads from."""

    def variables(self, *, deletable: bool) -> Mapping[str, object]:
        """Return values for the stack's Terraform variables.

        Parameters
        ----------
        deletable
            Whether the stack may be deleted with its data. False in production.
        """

    def run(self, clients: Clients, outputs: Outputs) -> int:
        """Run the pipeline, and show the result; returns the exit code.

        Raises
        ------
        ApplicationError
            The pipeline failed.
        """

    def run_uncommon_paths(self, clients: Clients, outputs: Outputs) -> None:
        """Run code that a first run does not use, so that the proof sees the calls it makes.

        Raises
        ------
        ApplicationError
            The pipeline failed.
        """


class GithubOidcStack:
    """The roles for GitHub. They have no pipeline."""

    def variables(self, *, deletable: bool) -> Mapping[str, object]:
        """Return a repository that does not exist."""
        del deletable
        return {"repository": "some-owner/some-name"}

    def run(self, clients: Clients, outputs: Outputs) -> int:
        """Do nothing."""
        del clients, outputs
        return COMPLETE

    def run_uncommon_paths(self, clients: Clients, outputs: Outputs) -> None:
        """Do nothing."""
        del clients, outputs


LOCAL_STACKS: Final[Mapping[str, Callable[[ExitStack], LocalStack]]] = {
    "event_log_checkpoint": lambda _: EventLogStack(),
    "github_oidc": lambda _: GithubOidcStack(),
    "patch_tracker": PatchTrackerStack,
    "region_report": lambda _: RegionReportStack(),
}
"""Creates a stack, by its name. Its servers run until the block ends."""
