"""Patches that correct differences between moto 5.2.5 and AWS that matter to this project.

Each patch is a function that replaces parts of moto, once per process. Its docstring says what AWS
does, with a link to the documentation, and what moto does instead. A test shows that the patch is
still needed.

The patches of a service are applied when the service is first used, because importing all of these
services takes a second of processor time.
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
    "cloudwatch": (cloudwatch.alarms_publish_to_topics,),
    "dynamodb": (dynamodb.failed_transactions_undo_only_their_writes,),
    "events": (events.run_targets,),
    "s3": (
        s3.conditions_of_bucket_policies,
        s3.delete_markers_can_be_removed,
        s3.requests_for_a_key_run_in_sequence,
        s3.versions_after_key_marker,
    ),
    "sqs": (sqs.policies_are_kept,),
    "ssm": (ssm.public_parameters_are_complete,),
    "stepfunctions": (
        # Each of these wraps the ones before it, so the last one runs first.
        distributed_map.failure_thresholds,
        distributed_map.item_batches,
        distributed_map.express_children,
        distributed_map.complete_listings,
        distributed_map.integer_percentages,
        stepfunctions.stop_date_after_timeout,
        stepfunctions.history_pages,
        stepfunctions.execution_names,
        stepfunctions.paths_to_single_values,
        stepfunctions.error_and_cause_of_stop,
        stepfunctions.stopped_executions_are_aborted,
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
    """Apply the patches of a service to moto in this process, unless they are already applied.

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
