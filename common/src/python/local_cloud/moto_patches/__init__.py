"""Where moto 5.2.5 departs from AWS in what this project uses, and how it is mended.

Each mend is a function that replaces parts of moto, once for a process. Its docstring says what AWS
does, with a link, and what moto does instead; a test shows that it is still needed.
"""

from __future__ import annotations

from collections.abc import Callable

from local_cloud.moto_patches import (
    athena,
    cloudwatch,
    distributed_map,
    dynamodb,
    events,
    lambda_,
    s3,
    sqs,
    ssm,
    stepfunctions,
)

MENDS: tuple[Callable[[], None], ...] = (
    athena.delete_named_query,
    cloudwatch.alarms_tell_their_topics,
    # In this order: each is put around those before it, and so comes before them.
    distributed_map.failure_thresholds,
    distributed_map.batches_of_items,
    distributed_map.express_children,
    distributed_map.whole_listings,
    distributed_map.whole_percentages,
    dynamodb.transactions_leave_others_alone,
    events.run_targets,
    lambda_.event_invoke_config_is_replaced,
    lambda_.event_source_mapping_keeps_its_function,
    lambda_.settings_are_kept,
    s3.conditions_of_bucket_policies,
    s3.delete_markers_can_be_removed,
    s3.one_request_for_a_key_at_a_time,
    s3.versions_after_a_key_are_listed,
    sqs.policies_are_kept,
    ssm.public_parameters_are_whole,
    stepfunctions.end_of_a_timed_out_execution,
    stepfunctions.history_in_pages,
    stepfunctions.names_of_executions,
    stepfunctions.paths_of_one_value,
    stepfunctions.reason_of_a_stop,
    stepfunctions.stopped_stays_stopped,
    stepfunctions.validate_definition,
    stepfunctions.versions,
)

_applied: set[Callable[[], None]] = set()


def apply() -> None:
    """Mend moto in this process."""
    for mend in MENDS:
        if mend not in _applied:
            mend()
            _applied.add(mend)
