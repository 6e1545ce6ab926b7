"""Mends of moto's EventBridge."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local_cloud.mends.replacing import Moto, around


def run_targets() -> None:
    """Let an event invoke the functions and start the state machines that are a rule's targets.

    AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html. moto answers
    PutEvents with an internal error where a rule has such a target.
    """
    from moto.events.models import Rule

    @around(Rule, "send_to_targets")
    def send_to_targets(
        original: Callable[..., None],
        self: Moto,
        original_event: dict[str, Any],
        transform_input: bool = True,
    ) -> None:
        targets = self.targets
        ours = [one for one in targets if _service(one) in ("lambda", "states")]
        self.targets = [one for one in targets if one not in ours]
        try:
            original(self, original_event, transform_input)
        finally:
            self.targets = targets
        if self.event_pattern.matches_event(original_event):
            for target in ours:
                _send(self.account_id, target, original_event)


def _service(target: dict[str, Any]) -> str:
    return str(target["Arn"]).split(":")[2]


def _send(account: str, target: dict[str, Any], event: dict[str, Any]) -> None:
    from moto.core.utils import iso_8601_datetime_without_milliseconds, utcfromtimestamp
    from moto.events import notifications
    from moto.events.utils import EventTemplateParser

    arn: str = target["Arn"]
    message: Moto = dict(event)
    if isinstance(message.get("time"), int | float):
        message["time"] = iso_8601_datetime_without_milliseconds(utcfromtimestamp(message["time"]))
    transformer = target.get("InputTransformer", {})
    given = (
        json.loads(target["Input"])
        if target.get("Input")
        else EventTemplateParser.parse(
            input_template=transformer.get("InputTemplate"),
            input_paths_map=transformer.get("InputPathsMap", {}),
            event=message,
        )
    )
    if _service(target) == "lambda":
        notifications._invoke_lambda(account, fn_arn=arn, event=given)
    else:
        notifications._start_sfn_execution(account, arn.split(":")[3], arn, given)
