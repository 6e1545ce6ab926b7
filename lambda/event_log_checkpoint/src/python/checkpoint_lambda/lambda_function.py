"""The function `event_log_checkpoint`; see `event_log.checkpoint_run`."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from event_log.checkpoint_run import CheckpointRun
from event_log.listing import Listing, ReadVersions
from event_log.reader import EventReader, ReadLimits
from event_log.response import Response, failure, success
from event_log.results import RunOptions, RunResult
from event_log.settings import Assignment, CheckpointRequest, CheckpointSettings
from lambda_core import aws
from lambda_core.deadline import deadline
from lambda_core.errors import ApplicationError, ConfigurationError, InvalidEventError
from lambda_core.observability import MetricValue, instrumented, measure_apart
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from event_log.results import GroupResult

METRICS_NAMESPACE: Final = "EventLogCheckpoint"

_SERVICE: Final = "event_log_checkpoint"

_SAVING_SECONDS: Final = 60.0
"""Left for saving when the last object is read, of the time that Lambda gives."""

_logger = logging.getLogger(__name__)


class RunFailedError(ApplicationError):
    """The answer would be 400 or more; the message is that answer, as JSON."""


@instrumented(_SERVICE, namespace=METRICS_NAMESPACE)
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a `CheckpointRequest` and answer a `Response`.

    Raises
    ------
    RunFailedError
        Where `RAISE_ON_ERROR` is set and the answer is 400 or more.
    """
    begun = time.monotonic()
    raise_on_error = False
    try:
        settings = CheckpointSettings.from_environment()
        raise_on_error = settings.raise_on_error
        now = dt.datetime.now(dt.UTC)
        assignment = Assignment.of(CheckpointRequest.parse(event), settings, now.date())
        result = _run(assignment, settings, now, context)
        response = success(assignment, result, _milliseconds_since(begun))
        _report(result, response)
    except (InvalidEventError, ConfigurationError) as error:
        response = failure(error, 400, _milliseconds_since(begun))
        _logger.error("Nothing could be done: %s", error)
    except ApplicationError as error:
        response = failure(error, 500, _milliseconds_since(begun))
        _logger.error("The run failed: %s", error, exc_info=error)
    content = response.content()
    if raise_on_error and response.statusCode >= 400:
        raise RunFailedError(json.dumps(content))
    return content


def _run(
    assignment: Assignment,
    settings: CheckpointSettings,
    now: dt.datetime,
    context: object,
) -> RunResult:
    client = aws.client("s3", user_agent=_SERVICE)
    source = S3Objects(client, assignment.source_bucket)
    versions = settings.read_versions is ReadVersions.AUTO and source.keeps_versions()
    limits = ReadLimits(event_bytes=settings.max_event_bytes, concurrency=settings.read_concurrency)
    run = CheckpointRun(
        Listing(source, assignment.prefix, assignment.since, versions),
        EventReader(client, assignment.source_bucket, limits),
        client,
        assignment.checkpoint_bucket,
        assignment.layout,
        RunOptions(
            rebuild=assignment.rebuild,
            retry_rejected=assignment.retry_rejected,
            most_objects=settings.max_objects_per_run,
            deadline=deadline(context, limits.longest_seconds + _SAVING_SECONDS),
        ),
        now=now,
    )
    return run.run()


def _milliseconds_since(begun: float) -> float:
    return round((time.monotonic() - begun) * 1000, 3)


def _report(result: RunResult, response: Response) -> None:
    content = response.content()
    _logger.info(
        "The run is over",
        extra={
            name: value for name, value in content.items() if isinstance(value, str | int | dict)
        },
    )
    if response.balance and response.balance["deferred"]:
        _logger.warning("%d objects are left to the next run", response.balance["deferred"])
    if not result.listed_all:
        _logger.warning(
            "The time did not suffice to list all objects; LOOK_BACK_DAYS shortens the list"
        )
    whole = {
        "EventsFailed": MetricValue(response.events_failed or 0),
        "EventsFiltered": MetricValue(response.events_filtered or 0),
        "ExecutionTime": MetricValue(response.execution_time_ms / 1000, "Seconds"),
        "GroupsFailed": MetricValue(sum(1 for one in result.groups if one.error)),
        # How many were not listed is not known, but that some were must raise the alarm.
        "ObjectsDeferred": MetricValue(result.balance.deferred + (not result.listed_all)),
    }
    if len(result.groups) == 1 and result.groups[0].group is None:
        whole |= _values(result.groups[0])
    else:
        # An alarm on a share of the new events knows no studies.
        saved = [one for one in result.groups if not one.error]
        whole |= {
            "NewEventsProcessed": MetricValue(sum(one.new_events for one in saved)),
            "TotalEvents": MetricValue(sum(one.total_events for one in saved)),
            "CheckpointFileSize": MetricValue(sum(one.size for one in saved), "Bytes"),
        }
    measure_apart(whole, {})
    for one in result.groups:
        if one.group and not one.error:
            measure_apart(_values(one), {"Study": one.group.study, "Datatype": one.group.datatype})


def _values(one: GroupResult) -> dict[str, MetricValue]:
    return {
        "NewEventsProcessed": MetricValue(one.new_events),
        "TotalEvents": MetricValue(one.total_events),
        "CheckpointFileSize": MetricValue(one.size, "Bytes"),
        "IncrementalRun": MetricValue(0 if one.first else 1),
    }
