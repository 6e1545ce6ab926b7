"""What the function `event_log_checkpoint` does: update checkpoints.

It takes a validated request and a deadline on the clock of `time.monotonic` (None if there is no
limit). Settings come from the environment.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from typing import TYPE_CHECKING

from event_log.checkpoint_bucket import CheckpointBucket
from event_log.checkpoint_run import run_checkpoints
from event_log.errors import RunFailedError
from event_log.listing import Listing, ReadVersions
from event_log.reader import EventReader
from event_log.response import Response, failure, success
from event_log.results import RunOptions
from event_log.settings import CheckpointRequest, CheckpointSettings, ResolvedRequest
from lambda_core import aws
from lambda_core.errors import ApplicationError, ConfigurationError, InvalidEventError
from lambda_core.observability import MetricValue, measure_apart
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from event_log.results import GroupResult, RunResult

_logger = logging.getLogger(__name__)


def update_checkpoints(request: CheckpointRequest, *, deadline: float | None = None) -> Response:
    """Add all new events to the checkpoints.

    Failures are part of the response, unless the setting `raise_on_error` is true.

    Raises
    ------
    RunFailedError
        The status is 400 or more, and `raise_on_error` is true.
    """
    started = time.monotonic()
    raise_on_error = False
    try:
        settings = CheckpointSettings.from_environment()
        raise_on_error = settings.raise_on_error
        now = dt.datetime.now(dt.UTC)
        resolved = ResolvedRequest.resolve(request, settings, now.date())
        result = _run(resolved, settings, now, deadline)
        response = success(resolved, result, _milliseconds_since(started))
        _report(result, response)
    except (InvalidEventError, ConfigurationError) as error:
        response = _rejected(error, _milliseconds_since(started))
    except ApplicationError as error:
        _logger.error("The run failed: %s", error, exc_info=error)
        response = failure(error, 500, _milliseconds_since(started))
    return _checked(response, raise_on_error=raise_on_error)


def reject_event(error: InvalidEventError) -> Response:
    """Return the response to an event that is not a `CheckpointRequest`.

    Raises
    ------
    RunFailedError
        The setting `raise_on_error` is true.
    """
    try:
        raise_on_error = CheckpointSettings.from_environment().raise_on_error
    except ConfigurationError as configuration_error:
        return _rejected(configuration_error, 0.0)
    return _checked(_rejected(error, 0.0), raise_on_error=raise_on_error)


def _run(
    resolved: ResolvedRequest,
    settings: CheckpointSettings,
    now: dt.datetime,
    deadline: float | None,
) -> RunResult:
    client = aws.client("s3", user_agent="event_log_checkpoint")
    source = S3Objects(client, resolved.source_bucket)
    versions = settings.read_versions is ReadVersions.AUTO and source.keeps_versions()
    return run_checkpoints(
        Listing(source, resolved.prefix, resolved.since, versions),
        EventReader(client, resolved.source_bucket, settings.read_limits()),
        CheckpointBucket(client, resolved.checkpoint_bucket, resolved.layout),
        RunOptions(
            rebuild=resolved.rebuild,
            retry_rejected=resolved.retry_rejected,
            max_objects=settings.max_objects_per_run,
            deadline=deadline,
        ),
        now=now,
    )


def _milliseconds_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 3)


def _rejected(error: InvalidEventError | ConfigurationError, milliseconds: float) -> Response:
    _logger.error("The run did not start: %s", error)
    return failure(error, 400, milliseconds)


def _checked(response: Response, *, raise_on_error: bool) -> Response:
    if raise_on_error and response.statusCode >= 400:
        raise RunFailedError(json.dumps(response.content()))
    return response


def _report(result: RunResult, response: Response) -> None:
    """Log a run and publish its metrics."""
    content = response.content()
    _logger.info(
        "The run finished",
        extra={
            name: value for name, value in content.items() if isinstance(value, str | int | dict)
        },
    )
    if result.balance.deferred:
        _logger.warning("%d objects were deferred to the next run", result.balance.deferred)
    if not result.listed_all:
        _logger.warning(
            "There was not enough time to list all objects; set LOOK_BACK_DAYS to list fewer"
        )
    totals = {
        "EventsFailed": MetricValue(response.events_failed or 0),
        "EventsFiltered": MetricValue(response.events_filtered or 0),
        "ExecutionTime": MetricValue(response.execution_time_ms / 1000, "Seconds"),
        "GroupsFailed": MetricValue(sum(1 for group in result.groups if group.error)),
        # If the listing ended early, the number is unknown, but it must trigger the alarm.
        "ObjectsDeferred": MetricValue(result.balance.deferred + (not result.listed_all)),
    }
    if len(result.groups) == 1 and result.groups[0].group is None:
        totals |= _group_metrics(result.groups[0])
    else:
        # The alarms have no dimensions for study and datatype, so they need sums.
        saved = [group for group in result.groups if not group.error]
        totals |= {
            "NewEventsProcessed": MetricValue(sum(group.new_events for group in saved)),
            "TotalEvents": MetricValue(sum(group.total_events for group in saved)),
            "CheckpointFileSize": MetricValue(sum(group.size for group in saved), "Bytes"),
        }
    measure_apart(totals, {})
    for result_of_group in result.groups:
        group = result_of_group.group
        if group and not result_of_group.error:
            dimensions = {"Study": group.study, "Datatype": group.datatype}
            measure_apart(_group_metrics(result_of_group), dimensions)


def _group_metrics(group: GroupResult) -> dict[str, MetricValue]:
    return {
        "NewEventsProcessed": MetricValue(group.new_events),
        "TotalEvents": MetricValue(group.total_events),
        "CheckpointFileSize": MetricValue(group.size, "Bytes"),
        "IncrementalRun": MetricValue(0 if group.first else 1),
    }
