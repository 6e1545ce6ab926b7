"""Logs, timings, metrics and traces, the same for every function.

In Lambda, Powertools writes logs as JSON lines and metrics in CloudWatch's embedded metric format,
and the steps of a sampled invocation appear in X-Ray. Elsewhere, logs are readable lines, and
metrics and traces do nothing. Code logs with the standard library:

>>> logger = get_logger(__name__)
>>> logger.info("Regions were read", extra={"regions": 39})

Powertools is imported only in Lambda. The X-Ray SDK, which takes a quarter of a second to import,
is imported only for a sampled invocation. Only this module uses it, so it can be replaced here.
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
"""Their debug logs would hide ours, and contain credentials."""

_NO_FIELDS: Final = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "error"})
"""Attributes of a record that are not fields of the call; `error` has its own format."""

_logger = logging.getLogger(__name__)

_invocation_fields: dict[str, str] = {}
"""Fields of every line of the invocation. All threads share it, because a process handles one
invocation at a time."""


def in_lambda() -> bool:
    """Whether this process runs as a Lambda function."""
    return bool(
        os.environ.get("AWS_LAMBDA_RUNTIME_API") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    )


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module: `get_logger(__name__)`. Pass fields as `extra`."""
    return logging.getLogger(name)


def configure_logging(
    level: str = "INFO", *, service: str | None = None, stream: TextIO | None = None
) -> None:
    """Configure the logs of the process. A second call replaces the first.

    A logged exception (`exc_info`) is shown with its causes and their context. The traceback is
    shown too, unless the exception is an `ApplicationError`, the lines are for people, and the
    level is above DEBUG.

    Parameters
    ----------
    level
        One of `LOG_LEVELS`, case-insensitive. Libraries log at WARNING or above.
    service
        Value of the field `service` in JSON lines; `POWERTOOLS_SERVICE_NAME` by default.
    stream
        Receives the lines; by default standard output in Lambda, and standard error elsewhere.

    Raises
    ------
    ConfigurationError
        The level does not exist.
    """
    name = level.strip().upper()
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"log level {level!r} does not exist; use {', '.join(LOG_LEVELS)}")
    root = logging.getLogger()
    for handler in list(root.handlers):
        # Lambda's runtime adds its own handler, which would repeat each line.
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
    """Writes to the current standard stream, which may have been replaced since the start."""

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
    """Add fields to every following line of this invocation, including the line about a failure.

    The next invocation of an `instrumented` handler removes them.
    """
    _invocation_fields.update(fields)


@functools.cache
def _json_formatter(service: str | None) -> LambdaPowertoolsFormatter:
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    name = service or os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined")
    return LambdaPowertoolsFormatter(use_rfc3339=True, utc=True, service=name)


class _ReadableFormatter(logging.Formatter):
    """Formats a record as one line (time, level, logger, message, fields) and lines for its errors.

    Unprintable characters are escaped, so that an external name can neither start a new line nor
    control the terminal.
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
    """The duration of a step in seconds, and whether it failed."""

    name: str
    seconds: float
    failed: bool


class StepTimings:
    """Collects the durations of steps, for reports."""

    def __init__(self) -> None:
        self._steps: list[StepTiming] = []

    def add(self, timing: StepTiming) -> None:
        """Add the timing of a step."""
        self._steps.append(timing)

    @property
    def steps(self) -> tuple[StepTiming, ...]:
        """All timings, in the order in which the steps ended."""
        return tuple(self._steps)

    def seconds(self) -> dict[str, float]:
        """Return the total seconds of each step by name."""
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
    """Measure the duration of a step, as a context manager or a decorator.

    Logs the duration, and adds it to `timings` if given. In a sampled trace, the step is a
    subsegment, unless it runs in another thread than the handler.

    Parameters
    ----------
    name
        Name of the step for readers.
    timings
        Receives the duration.
    clock
        Returns monotonic seconds.

    Examples
    --------
    >>> timings = StepTimings()
    >>> with timed_step("read the regions", timings):
    ...     pass
    >>> [step.name for step in timings.steps]
    ['read the regions']
    """
    started = clock()
    failed = True
    try:
        with _subsegment(name):
            yield
        failed = False
    finally:
        seconds = clock() - started
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
    """Add to a count metric of the function. Does nothing outside Lambda.

    `instrumented` publishes it when the handler ends.
    """
    measure(name, value, "Count")


def measure(name: str, value: float, unit: Literal["Count", "Seconds", "Bytes"]) -> None:
    """Add a value to a metric of the function. Does nothing outside Lambda.

    `instrumented` publishes it when the handler ends.
    """
    if in_lambda():
        _metrics().add_metric(name=name, unit=unit, value=value)


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A value of a metric and its unit."""

    value: float
    unit: Literal["Count", "Seconds", "Bytes"] = "Count"


def measure_apart(values: Mapping[str, MetricValue], dimensions: Mapping[str, str]) -> None:
    """Publish metric values immediately, with additional dimensions. Does nothing outside Lambda.

    Namespace and service are those of the function. The values that `count` and `measure` collect
    do not change.
    """
    if not in_lambda():
        return
    from aws_lambda_powertools.metrics import EphemeralMetrics

    shared = _metrics().provider
    own = EphemeralMetrics(namespace=shared.namespace, service=shared.service)
    for name, dimension in dimensions.items():
        own.add_dimension(name=name, value=dimension)
    for name, metric in values.items():
        own.add_metric(name=name, unit=metric.unit, value=metric.value)
    own.flush_metrics()


type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def instrumented(service: str, *, namespace: str) -> Callable[[Handler], Handler]:
    """Decorate a Lambda handler with logs that show the request ID, metrics and a trace.

    An error is logged with its causes and raised again, so that alarms and retries notice it.

    Parameters
    ----------
    service
        Name of the function in logs, metrics and traces.
    namespace
        Namespace of the metrics, unless POWERTOOLS_METRICS_NAMESPACE is set.
    """

    def decorate(function: Handler) -> Handler:
        @functools.wraps(function)
        def logged(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
            try:
                return function(event, context)
            except Exception as error:
                _logger.error("The invocation failed: %s", error, exc_info=error)
                raise

        @functools.wraps(function)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
            _invocation_fields.clear()
            if not in_lambda():
                return logged(event, context)
            return _observe(logged, service, namespace)(event, context)

        return handler

    return decorate


def _observe(function: Handler, service: str, namespace: str) -> Handler:
    """Wrap a handler with Powertools for one invocation, because each may be sampled or not."""
    from aws_lambda_powertools import Logger

    level = os.environ.get("LOG_LEVEL", "INFO")
    configure_logging(level, service=service)
    # It adds the fields of the request to the shared formatter.
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
    """Whether Lambda traces this invocation."""
    disabled = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in {"1", "true"}
    return in_lambda() and not disabled and "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")


@functools.cache
def _tracer(service: str | None) -> Tracer:
    from aws_lambda_powertools import Tracer

    # With automatic patching, a thousand AWS calls would become a thousand subsegments.
    return Tracer(service=service, auto_patch=False)


def _subsegment(name: str) -> AbstractContextManager[object]:
    if not _sampled():
        return nullcontext()
    return _tracer(None).provider.in_subsegment(name)
