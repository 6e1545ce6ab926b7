"""Logs, timings, metrics and traces, set up once and the same for every function.

In Lambda, logs are JSON lines by Powertools, metrics go to CloudWatch in its embedded format and
steps show in X-Ray where the invocation is sampled. Elsewhere, logs are lines for a reader, and
metrics and traces cost nothing. Code logs through the standard library alone:

>>> logger = get_logger(__name__)
>>> logger.info("Regions were read", extra={"regions": 39})

Powertools is imported in Lambda only, and the X-Ray SDK (a quarter of a second) only where a
trace is really taken. This module alone knows of tracing, so that another SDK can take its place.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from lambda_core.errors import ApplicationError, ConfigurationError, describe_error

if TYPE_CHECKING:
    from aws_lambda_powertools import Metrics, Tracer
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_LIBRARIES: Final = ("boto3", "botocore", "s3transfer", "urllib3")
"""Their debug logs would bury ours and hold credentials."""

_NO_FIELDS: Final = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "error"})
"""What a record has beside the fields that a call gave it; `error` is told in its own way."""

_logger = logging.getLogger(__name__)

_invocation_fields: dict[str, str] = {}
"""What every line of the invocation says; threads share it, as they work for one invocation."""


def in_lambda() -> bool:
    """Whether this process runs as a Lambda function."""
    return bool(
        os.environ.get("AWS_LAMBDA_RUNTIME_API") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    )


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module, `get_logger(__name__)`; fields go into `extra`."""
    return logging.getLogger(name)


def configure_logging(
    level: str = "INFO", *, service: str | None = None, stream: TextIO | None = None
) -> None:
    """Set up the logs of the process; a second call replaces the first.

    An exception that is logged (`exc_info`) is told with its causes and their context; its
    traceback too, unless it is an `ApplicationError` read by a person above level DEBUG.

    Parameters
    ----------
    level
        One of `LOG_LEVELS`, in any case. Libraries are never more talkative than WARNING.
    service
        Name in the field `service` of JSON lines; `POWERTOOLS_SERVICE_NAME` by default.
    stream
        Where lines go: standard output in Lambda and standard error elsewhere by default.

    Raises
    ------
    ConfigurationError
        The level is none.
    """
    name = level.strip().upper()
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"log level {level!r} is none of {', '.join(LOG_LEVELS)}")
    root = logging.getLogger()
    for handler in list(root.handlers):
        # Lambda's runtime brings a handler of its own: each line would come twice.
        if isinstance(handler, _LineHandler) or in_lambda():
            root.removeHandler(handler)
    line_handler = _LineHandler(stream)
    line_handler.addFilter(_add_causes)
    line_handler.addFilter(_add_invocation_fields)
    line_handler.setFormatter(
        _json_formatter(service) if in_lambda() else _ReadableFormatter(debug=name == "DEBUG")
    )
    root.addHandler(line_handler)
    root.setLevel(name)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


class _LineHandler(logging.StreamHandler[TextIO]):
    """Writes to the standard stream of the moment, which may have been replaced meanwhile."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._fixed = stream is not None

    def emit(self, record: logging.LogRecord) -> None:
        if not self._fixed:
            self.stream = sys.stdout if in_lambda() else sys.stderr
        super().emit(record)


def _add_causes(record: logging.LogRecord) -> bool:
    """Describe a logged exception in the field `error`."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.__dict__["error"] = describe_error(error)
    return True


def _add_invocation_fields(record: logging.LogRecord) -> bool:
    for name, value in _invocation_fields.items():
        record.__dict__.setdefault(name, value)
    return True


def log_in_every_line(**fields: str) -> None:
    """Add fields to every line of this invocation from now on, that of its failure included.

    Ended by the next invocation of a handler that is `instrumented`.
    """
    _invocation_fields.update(fields)


@functools.cache
def _json_formatter(service: str | None) -> LambdaPowertoolsFormatter:
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    name = service or os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined")
    return LambdaPowertoolsFormatter(use_rfc3339=True, utc=True, service=name)


class _ReadableFormatter(logging.Formatter):
    """One line a record: time, level, logger, message, fields; then the causes of an error.

    What cannot be printed is escaped: a name from outside may neither begin a line of its own nor
    command the terminal.
    """

    def __init__(self, *, debug: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s", "%H:%M:%S")
        self._debug = debug

    def format(self, record: logging.LogRecord) -> str:
        fields = [
            f"{name}={json.dumps(value, default=str, ensure_ascii=False)}"
            for name, value in record.__dict__.items()
            if name not in _NO_FIELDS
        ]
        record.message = record.getMessage()
        record.asctime = self.formatTime(record, self.datefmt)
        lines = [_printable(" ".join([self.formatMessage(record), *fields]))]
        described: list[dict[str, Any]] = record.__dict__.get("error", [])
        lines += [f"    {_describe_line(entry)}" for entry in described]
        error = record.exc_info[1] if record.exc_info else None
        if record.exc_info and (self._debug or not isinstance(error, ApplicationError)):
            lines.append(self.formatException(record.exc_info))
        return "\n".join(lines)


def _describe_line(entry: dict[str, Any]) -> str:
    parts = [f"{entry['type']}: {entry['message']}"]
    if context := entry.get("context"):
        parts.append(json.dumps(context, ensure_ascii=False))
    parts += entry.get("notes", [])
    return _printable("; ".join(parts))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


@dataclass(frozen=True, slots=True)
class StepTiming:
    """How long one run of a step took, in seconds, and whether it ended in an error."""

    name: str
    seconds: float
    failed: bool


class StepTimings:
    """Collects how long steps took, for reports."""

    def __init__(self) -> None:
        self._steps: list[StepTiming] = []

    def add(self, timing: StepTiming) -> None:
        """Keep one more."""
        self._steps.append(timing)

    @property
    def steps(self) -> tuple[StepTiming, ...]:
        """Every run of every step, in the order in which they ended."""
        return tuple(self._steps)

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each step by name; those of a step that ran often are summed."""
        sums: defaultdict[str, float] = defaultdict(float)
        for step in self._steps:
            sums[step.name] += step.seconds
        return dict(sums)


@contextmanager
def timed_step(
    name: str,
    timings: StepTimings | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Time a named step, as a context manager or as a decorator.

    Its duration is logged and kept in `timings`, where given; in a sampled trace it is a
    subsegment. Steps in other threads than the handler's are no part of a trace.

    Parameters
    ----------
    name
        What is done, for readers.
    timings
        Keeps the duration.
    clock
        Monotonic seconds.
    """
    begun = clock()
    failed = True
    try:
        with _subsegment(name):
            yield
        failed = False
    finally:
        seconds = clock() - begun
        if timings is not None:
            timings.add(StepTiming(name, seconds, failed))
        _logger.info(
            "%s %s %.3f s",
            name,
            "failed after" if failed else "took",
            seconds,
            extra={"step": name, "seconds": round(seconds, 6), "failed": failed},
        )


def count(name: str, value: float = 1) -> None:
    """Add to a metric of the function; outside Lambda nothing happens.

    It is published when the handler ends, see `instrumented`.
    """
    measure(name, value, "Count")


def measure(name: str, value: float, unit: Literal["Count", "Seconds", "Bytes"]) -> None:
    """Note a value of a metric of the function; outside Lambda nothing happens.

    It is published when the handler ends, as `count` is.
    """
    if in_lambda():
        _metrics().add_metric(name=name, unit=unit, value=value)


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A value of a metric, with its unit."""

    value: float
    unit: Literal["Count", "Seconds", "Bytes"] = "Count"


def measure_apart(values: Mapping[str, MetricValue], dimensions: Mapping[str, str]) -> None:
    """Publish values of metrics at once, under dimensions of their own.

    Outside Lambda nothing happens. Within, namespace and service are those of the function, and
    what `count` and `measure` collect is left as it is.
    """
    if not in_lambda():
        return
    from aws_lambda_powertools.metrics import EphemeralMetrics

    shared = _metrics().provider
    own = EphemeralMetrics(namespace=shared.namespace, service=shared.service)
    for name, dimension in dimensions.items():
        own.add_dimension(name=name, value=dimension)
    for name, one in values.items():
        own.add_metric(name=name, unit=one.unit, value=one.value)
    own.flush_metrics()


type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def instrumented(service: str, *, namespace: str) -> Callable[[Handler], Handler]:
    """Decorate a Lambda handler: logs with the request's id, metrics, a trace, errors told.

    An error is logged with its causes and raised again: a function that fails must fail, or
    neither alarms nor retries would notice.

    Parameters
    ----------
    service
        The function's name in logs, metrics and traces.
    namespace
        CloudWatch's namespace for its metrics, where POWERTOOLS_METRICS_NAMESPACE names no other.
    """

    def decorate(function: Handler) -> Handler:
        @functools.wraps(function)
        def told(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
            try:
                return function(event, context)
            except Exception as error:
                _logger.error("The invocation failed: %s", error, exc_info=error)
                raise

        @functools.wraps(function)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
            _invocation_fields.clear()
            if not in_lambda():
                return told(event, context)
            return _observe(told, service, namespace)(event, context)

        return handler

    return decorate


def _observe(function: Handler, service: str, namespace: str) -> Handler:
    """Wrap a handler with Powertools; for one invocation, as each may be sampled or not."""
    from aws_lambda_powertools import Logger

    level = os.environ.get("LOG_LEVEL", "INFO")
    configure_logging(level, service=service)
    # It shares the formatter of all lines, to which it adds the request's fields.
    logger = Logger(service=service, level=level, logger_formatter=_json_formatter(service))
    metrics = _metrics()
    metrics.provider.namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or namespace
    metrics.provider.service = service
    if _sampled():
        function = _tracer(service).capture_lambda_handler(function, capture_response=False)

    def run(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
        try:
            return function(event, context)
        finally:
            if metrics.provider.metric_set:
                metrics.flush_metrics()

    return logger.inject_lambda_context(run)


@functools.cache
def _metrics() -> Metrics:
    from aws_lambda_powertools import Metrics

    return Metrics()


def _sampled() -> bool:
    """Whether this invocation is traced, as Lambda's runtime states for each."""
    disabled = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in {"1", "true"}
    return in_lambda() and not disabled and "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")


@functools.cache
def _tracer(service: str | None) -> Tracer:
    from aws_lambda_powertools import Tracer

    # Patching every library it knows would make a thousand calls of AWS a thousand subsegments.
    return Tracer(service=service, auto_patch=False)


def _subsegment(name: str) -> AbstractContextManager[object]:
    if not _sampled():
        return nullcontext()
    return _tracer(None).provider.in_subsegment(name)
