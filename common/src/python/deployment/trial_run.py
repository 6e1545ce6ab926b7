"""The targets of a deployed stack's schedules, for `bin/verify-deploy.sh --run`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from triggers.targets import Target


def scheduled_targets(changes: Iterable[Mapping[str, Any]]) -> list[Target]:
    """Return the targets of all enabled schedules.

    If several schedules start the same target, only the first by name counts.

    Parameters
    ----------
    changes
        `resource_changes` of a plan that changes nothing.
    """
    found: dict[str, Target] = {}
    schedules = [
        change["change"]["before"]
        for change in changes
        if change["type"] == "aws_scheduler_schedule"
    ]
    enabled = [schedule for schedule in schedules if schedule["state"] == "ENABLED"]
    for schedule in sorted(enabled, key=lambda schedule: str(schedule["name"])):
        (target,) = schedule["target"]
        found.setdefault(
            target["arn"], Target(schedule["name"], target["arn"], target["input"] or "{}")
        )
    return list(found.values())
