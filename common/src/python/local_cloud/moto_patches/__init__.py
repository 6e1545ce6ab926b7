"""Where moto 5.2.5 differs from AWS in what this project uses, and the patches that correct it.

Each patch is a function that replaces parts of moto, once per process. Its docstring says what AWS
does, with a link, and what moto does instead. A test shows that the patch is still needed.

The patches of a service are applied when the service is used for the first time, because importing
all of these services takes a second of processor time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from local_cloud.moto_patches import (
    athena,
    cloudwatch,
    distributed_map,
    dynamodb,
    events,
    lambda_,
    s3,
    speedups,
    sqs,
    ssm,
    stepfunctions,
)

type Patch = Callable[[], None]

PATCHES: Final[Mapping[str, tuple[Patch, ...]]] = {
    "athena": (athena.delete_named_query,),
    "awslambda": (
        lambda_.event_invoke_config_is_replaced,
        lambda_.event_source_mapping_keeps_its_function,
        lambda_.settings_are_kept,
    ),
    "cloudwatch": (cloudwatch.alarms_tell_their_topics,),
    "dynamodb": (dynamodb.transactions_leave_others_alone,),
    "events": (events.run_targets,),
    "s3": (
        s3.conditions_of_bucket_policies,
        s3.delete_markers_can_be_removed,
        s3.one_request_for_a_key_at_a_time,
        s3.versions_after_a_key_are_listed,
    ),
    "sqs": (sqs.policies_are_kept,),
    "ssm": (ssm.public_parameters_are_whole,),
    "stepfunctions": (
        # Each of these wraps the ones before it, so the last one runs first.
        distributed_map.failure_thresholds,
        distributed_map.batches_of_items,
        distributed_map.express_children,
        distributed_map.whole_listings,
        distributed_map.whole_percentages,
        stepfunctions.end_of_a_timed_out_execution,
        stepfunctions.history_in_pages,
        stepfunctions.names_of_executions,
        stepfunctions.paths_of_one_value,
        stepfunctions.reason_of_a_stop,
        stepfunctions.stopped_stays_stopped,
        stepfunctions.validate_definition,
        stepfunctions.versions,
    ),
}
"""The patches by the name of moto's package for the service."""

_SPEEDUPS: Final[Mapping[str, tuple[Patch, ...]]] = {
    "dynamodb": (speedups.attribute_values, speedups.update_expressions),
    "ssm": (speedups.public_parameters_by_path,),
}

_applied: set[Patch] = set()

_lock = threading.RLock()


def apply(service: str) -> None:
    """Apply the patches of a service to moto in this process, unless that was done already.

    Parameters
    ----------
    service
        The name of moto's package, such as `s3` or `awslambda`.
    """
    with _lock:
        for patch in (*PATCHES.get(service, ()), *_SPEEDUPS.get(service, ())):
            if patch not in _applied:
                patch()
                _applied.add(patch)


def apply_all() -> None:
    """Apply every patch to moto in this process."""
    for service in PATCHES:
        apply(service)
