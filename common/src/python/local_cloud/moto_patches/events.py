"""Patches of moto's EventBridge."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local_cloud.moto_patches.replacing import Moto, around


def run_targets() -> None:
    """Support functions and state machines as targets of rules.

    AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html. moto answers
    PutEvents with an internal error if a rule has such a target.
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
        ours = [target for target in targets if _service(target) in ("lambda", "states")]
        self.targets = [target for target in targets if target not in ours]
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
    from moto.events import notifications

    target_input, arn = _input(target, event), str(target["Arn"])
    if _service(target) == "lambda":
        notifications._invoke_lambda(account, fn_arn=arn, event=target_input)
    else:
        notifications._start_sfn_execution(account, arn.split(":")[3], arn, target_input)


def _input(target: dict[str, Any], event: dict[str, Any]) -> object:
    """Return the input of a target.

    Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
    """
    from moto.core.utils import iso_8601_datetime_without_milliseconds, utcfromtimestamp
    from moto.events.utils import EventTemplateParser
    from moto.stepfunctions.parser.asl.utils.json_path import extract_json

    message: Moto = dict(event)
    message["time"] = iso_8601_datetime_without_milliseconds(utcfromtimestamp(event["time"]))
    if constant := target.get("Input"):
        return json.loads(constant)
    if path := target.get("InputPath"):
        part: object = extract_json(path, message)
        return part
    if transformer := target.get("InputTransformer"):
        return EventTemplateParser.parse(
            transformer["InputTemplate"], transformer.get("InputPathsMap", {}), message
        )
    del message["ingestion-time"]
    return message
