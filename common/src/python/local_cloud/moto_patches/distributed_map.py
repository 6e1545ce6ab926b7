"""Patches of moto's interpreter of state machines: the Map state in distributed mode.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from local_cloud.moto_patches.replacing import Moto, around

_batchers: ContextVar[dict[str, Any]] = ContextVar("batchers")
"""Item batchers by name of the state while a definition is parsed; moto does not support them."""


def express_children() -> None:
    """Allow express workflows as children of a distributed map.

    AWS: ExecutionType is STANDARD or EXPRESS
    (https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html). moto only
    accepts STANDARD. With this patch, it runs both in the same way.
    """

    def change(state: dict[str, Any]) -> bool:
        config = state["ItemProcessor"]["ProcessorConfig"]
        if config.get("ExecutionType") != "EXPRESS":
            return False
        config["ExecutionType"] = "STANDARD"
        return True

    _before_parsing(change)


def integer_percentages() -> None:
    """Accept an integer as the tolerated percentage of failures.

    AWS: "0 to 100"
    (https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold).
    moto requires a decimal point.
    """

    def change(state: dict[str, Any]) -> bool:
        percentage = state.get("ToleratedFailurePercentage")
        if not isinstance(percentage, int):
            return False
        state["ToleratedFailurePercentage"] = float(percentage)
        return True

    _before_parsing(change)


def item_batches() -> None:
    """Give each child a batch of items if the map has an ItemBatcher.

    AWS: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html. moto
    does not support it. This patch does not support an ItemBatcher together with an ItemSelector.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component as distributed,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    @around(AmazonStateLanguageParser, "parse", static=True)
    def parse(original: Callable[[str], object], definition: str) -> object:
        batchers = {}
        for name, state in _distributed_maps(machine := _read(definition)):
            if "ItemBatcher" in state:
                batchers[name] = state.pop("ItemBatcher")
        token = _batchers.set(batchers)
        try:
            return original(json.dumps(machine) if batchers else definition)
        finally:
            _batchers.reset(token)

    @around(StateMap, "from_state_props")
    def from_state_props(original: Callable[..., None], self: Moto, properties: Moto) -> None:
        original(self, properties)
        self.iteration_component.item_batcher = _batchers.get({}).get(self.name)

    @around(distributed.DistributedIterationComponent, "_map_run")
    def map_run(original: Callable[..., None], self: Moto, env: Moto, eval_input: Moto) -> None:
        if batcher := self.item_batcher:
            if eval_input.item_selector or eval_input.parameters:
                raise NotImplementedError(
                    "the local cloud does not support ItemSelector together with ItemBatcher"
                )
            head = {}
            if "BatchInput" in batcher:
                head["BatchInput"] = _fill_in(batcher["BatchInput"], env)
            items = env.stack.pop()
            env.stack.append([{**head, "Items": batch} for batch in _batches(items, batcher)])
        original(self, env, eval_input)


def failure_thresholds() -> None:
    """Fail a distributed map if more children fail than it tolerates.

    AWS: the map fails if the tolerated count or percentage is exceeded; both are zero by default
    (https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold).
    In moto, the map always succeeds.
    """
    from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name import (
        failure_event,
        states_error_name,
        states_error_name_type,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component as distributed,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    @around(distributed.DistributedIterationComponent, "_map_run")
    def map_run(original: Callable[..., None], self: Moto, env: Moto, eval_input: Moto) -> None:
        original(self, env, eval_input)
        counter = eval_input.map_run_record.item_counter
        failed = counter.failed.get() + counter.timed_out.get()
        count = eval_input.tolerated_failure_count
        percentage = eval_input.tolerated_failure_percentage
        exceeded = [
            *([failed > count] if count or not percentage else []),
            *([100 * failed > percentage * counter.total.get()] if percentage else []),
        ]
        if any(exceeded):
            name = states_error_name.StatesErrorName(
                typ=states_error_name_type.StatesErrorNameType.StatesExceedToleratedFailureThreshold
            )
            details = MapRunFailedEventDetails(
                error=name.error_name,
                cause="The specified tolerated failure threshold was exceeded",
            )
            raise failure_event.FailureEventException(
                failure_event.FailureEvent(
                    env=env,
                    error_name=name,
                    event_type=HistoryEventType.MapRunFailed,
                    event_details=EventDetails(mapRunFailedEventDetails=details),  # type: ignore[typeddict-item]  # moto omits the other fields, too
                )
            )


def complete_listings() -> None:
    """Read all pages of a list of S3 objects, with the attributes that Step Functions returns.

    AWS: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html; an item
    has Etag, Key, LastModified (seconds), Size and StorageClass. moto reads only the first page,
    fails if there are no objects, and returns the attributes that S3 returns.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import (
        resource_eval_s3,
    )

    reader = resource_eval_s3.ResourceEvalS3

    @around(reader, "_handle_list_objects_v2", static=True)
    def listing(_: object, env: Moto, resource: Moto, credentials: Moto) -> None:
        s3 = reader._get_s3_client(resource_runtime_part=resource, state_credentials=credentials)
        pages = s3.get_paginator("list_objects_v2").paginate(**env.stack.pop())
        env.stack.append(
            [listed_item(found) for page in pages for found in page.get("Contents", ())]
        )


def listed_item(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object that S3 listed as the item that a distributed map gets for it.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """
    return {
        "Etag": found["ETag"],
        "Key": found["Key"],
        "LastModified": int(found["LastModified"].timestamp()),
        "Size": found["Size"],
        "StorageClass": found["StorageClass"],
    }


def _before_parsing(change: Callable[[dict[str, Any]], bool]) -> None:
    """Change each distributed map before moto parses a definition.

    Parameters
    ----------
    change
        Changes the definition of a state, and returns whether it did.
    """
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    @around(AmazonStateLanguageParser, "parse", static=True)
    def parse(original: Callable[[str], object], definition: str) -> object:
        machine = _read(definition)
        changed = [change(state) for _, state in _distributed_maps(machine)]
        return original(json.dumps(machine) if any(changed) else definition)


def _read(definition: str) -> object:
    try:
        return json.loads(definition)
    except ValueError:
        # moto reports the error.
        return None


def _distributed_maps(node: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the definition of each distributed map, at any depth."""
    if isinstance(node, list):
        for element in node:
            yield from _distributed_maps(element)
    elif isinstance(node, dict):
        for name, value in node.items():
            match value:
                case {
                    "Type": "Map",
                    "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}},
                }:
                    yield name, value
            yield from _distributed_maps(value)


def _batches(items: list[object], batcher: dict[str, Any]) -> Iterator[list[object]]:
    max_items = int(batcher.get("MaxItemsPerBatch") or len(items) or 1)
    max_bytes = int(batcher.get("MaxInputBytesPerBatch") or 262_144)
    batch: list[object] = []
    size = 0
    for item in items:
        length = len(json.dumps(item).encode())
        if batch and (len(batch) == max_items or size + length > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _fill_in(template: object, env: Moto) -> object:
    """Return a payload template with its paths replaced by values of the state's input."""
    from moto.stepfunctions.parser.asl.utils import json_path

    if isinstance(template, list):
        return [_fill_in(element, env) for element in template]
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): json_path.extract_json(value, env.states.get_input())
        if name.endswith(".$")
        else _fill_in(value, env)
        for name, value in template.items()
    }
