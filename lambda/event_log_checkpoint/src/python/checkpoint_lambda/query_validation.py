"""Query a checkpoint. Re-exports `event_log.query_validation`."""

from __future__ import annotations

from event_log.query_validation import (
    DATE_FORMAT,
    calculate_qc_timing_metrics,
    calculate_submission_timing_metrics,
    count_by_center_and_action,
    count_events_by_action,
    count_not_pass_qc_events,
    days_from_visit,
    filter_by_center_and_action,
    filter_by_center_label,
    filter_by_date_range,
    filter_by_packet_type,
    filter_by_timestamp_range,
    get_action_counts,
    get_actions_list,
    get_centers_list,
    get_packet_types_list,
    group_and_count_by_multiple_fields,
    group_by_packet_type,
    validate_parquet_schema_supports_filtering,
)

__all__ = [
    "DATE_FORMAT",
    "calculate_qc_timing_metrics",
    "calculate_submission_timing_metrics",
    "count_by_center_and_action",
    "count_events_by_action",
    "count_not_pass_qc_events",
    "days_from_visit",
    "filter_by_center_and_action",
    "filter_by_center_label",
    "filter_by_date_range",
    "filter_by_packet_type",
    "filter_by_timestamp_range",
    "get_action_counts",
    "get_actions_list",
    "get_centers_list",
    "get_packet_types_list",
    "group_and_count_by_multiple_fields",
    "group_by_packet_type",
    "validate_parquet_schema_supports_filtering",
]
