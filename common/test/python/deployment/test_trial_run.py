from __future__ import annotations

from typing import Any

from deployment.trial_run import scheduled_targets
from triggers.targets import Target

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:fetch:live"


def schedule(name: str, arn: str, event: str | None = "{}") -> dict[str, Any]:
    state = "DISABLED" if name == "off" else "ENABLED"
    before = {"name": name, "state": state, "target": [{"arn": arn, "input": event}]}
    return {"type": "aws_scheduler_schedule", "change": {"actions": ["no-op"], "before": before}}


def test_each_target_is_started_once() -> None:
    changes = [
        schedule("refresh", FUNCTION, '{"mode": "refresh"}'),
        schedule("changes", FUNCTION, '{"mode": "changes"}'),
        schedule("daily", f"{MACHINE}report", None),
        schedule("off", f"{MACHINE}other"),
        {"type": "aws_sns_topic", "change": {"actions": ["no-op"], "before": {"name": "any"}}},
    ]
    assert scheduled_targets(changes) == [
        Target("changes", FUNCTION, '{"mode": "changes"}'),
        Target("daily", f"{MACHINE}report", "{}"),
    ]
