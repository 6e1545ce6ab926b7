"""An execution environment of a function, whose process stays warm between invocations.

It behaves like Lambda's
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html): it runs one
invocation at a time. If the process exits, times out or exceeds its memory, it ends with all its
state, and the next invocation starts cold.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import signal
import threading
import time
import uuid
from dataclasses import dataclass

from local_cloud.lambda_runtime.function_process import (
    FunctionProcess,
    FunctionSpec,
    Host,
    NoMessage,
)
from local_cloud.lambda_runtime.runtime_api import Answered, InitFailed, Invocation, Message, Ready


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation.

    Attributes
    ----------
    payload
        The response as JSON; or the error as JSON with `errorType` and `errorMessage`.
    error_type
        None if the handler returned.
    log
        The log lines in order, including Lambda's START, END and REPORT lines.
    duration_ms, init_ms
        Duration of the handler, and of loading its modules before; None for a warm start.
    peak_mb
        Highest memory use of the process so far.
    """

    request_id: str
    payload: bytes
    error_type: str | None
    log: tuple[str, ...]
    duration_ms: float
    init_ms: float | None
    peak_mb: int


@dataclass(frozen=True)
class _Ending:
    """How an invocation ended; `line` is what Lambda adds to the log."""

    payload: bytes
    error_type: str | None = None
    process_lost: bool = False
    line: str = ""


class Sandbox:
    """Runs invocations of a function, one after the other."""

    def __init__(self, spec: FunctionSpec, host: Host) -> None:
        self.spec = spec
        self.log_stream = f"{dt.datetime.now(dt.UTC):%Y/%m/%d}/[{spec.version}]{uuid.uuid4().hex}"
        self._host = host
        self._lock = threading.Lock()
        self._closed = False
        self._process: FunctionProcess | None = None

    def invoke(self, payload: bytes, request_id: str | None = None) -> Outcome:
        """Run the handler once; start its process if it does not run."""
        request_id = request_id or str(uuid.uuid4())
        with self._lock:
            if self._process and self._process.exit_code is not None:
                self._end()
            init_ms, ending = self._initialize(request_id)
            begin = time.monotonic()
            ending = ending or self._run(payload, request_id)
            duration = (time.monotonic() - begin) * 1000
            if ending.error_type == "Sandbox.Timedout":
                duration = self.spec.timeout_seconds * 1000
            return self._outcome(request_id, ending, duration, init_ms)

    def close(self) -> None:
        """End the process, even during an invocation. The sandbox cannot be used again."""
        # A thread that is starting a process now checks this afterwards.
        self._closed = True
        if process := self._process:
            process.kill()
        with self._lock:
            self._end()

    def _initialize(self, request_id: str) -> tuple[float | None, _Ending | None]:
        """Start the process and load the function's modules, unless it runs already.

        Returns
        -------
        tuple
            Duration in milliseconds, if modules were loaded; and the failure, if any.
        """
        if self._process:
            return None, None
        begin = time.monotonic()
        process = self._start()
        message = process.wait(begin + self._host.init_seconds)
        init_ms = (time.monotonic() - begin) * 1000
        if isinstance(message, Ready):
            return init_ms, None
        if message is NoMessage.TIMEOUT:
            # As on AWS, start again; loading is then part of the invocation.
            self._end()
            self._start()
            return None, None
        return init_ms, self._ending(process, message, request_id)

    def _run(self, payload: bytes, request_id: str) -> _Ending:
        process = self._process
        if process is None:
            raise RuntimeError("invoked without a process")
        limit = self.spec.timeout_seconds
        deadline_ms = int((time.time() + limit) * 1000)
        deadline = time.monotonic() + limit
        process.api.send_invocation(Invocation(request_id, payload, deadline_ms, self.spec.arn))
        message = process.wait(deadline)
        while isinstance(message, Ready):
            message = process.wait(deadline)
        if process.exceeds_memory():
            message = NoMessage.MEMORY
        return self._ending(process, message, request_id)

    def _ending(
        self, process: FunctionProcess, message: Message | NoMessage, request_id: str
    ) -> _Ending:
        match message:
            case Answered(payload=payload, failed=False):
                return _Ending(payload)
            case Answered(payload=payload):
                return _Ending(payload, _error_type(payload))
            case InitFailed(error=error):
                return _Ending(error, _error_type(error), process_lost=True)
            case NoMessage.TIMEOUT:
                text = f"Task timed out after {self.spec.timeout_seconds:.2f} seconds"
                return _lost(request_id, "Sandbox.Timedout", text)
            case NoMessage.MEMORY:
                text = "Runtime exited with error: signal: killed"
                return _lost(request_id, "Runtime.OutOfMemory", text)
            case _:
                return _lost(request_id, "Runtime.ExitError", _exit_text(process.exit_code or 0))

    def _outcome(
        self, request_id: str, ending: _Ending, duration: float, init_ms: float | None
    ) -> Outcome:
        process = self._process
        if process is None:
            raise RuntimeError("invoked without a process")
        if ending.process_lost:
            process.kill()
        peak = process.peak_mb
        lines = process.new_lines()
        if ending.line:
            now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            lines.append(f"{now.replace('+00:00', 'Z')} {request_id} {ending.line}")
        if ending.process_lost:
            self._end()
        return Outcome(
            request_id=request_id,
            payload=ending.payload,
            error_type=ending.error_type,
            log=(
                f"START RequestId: {request_id} Version: {self.spec.version}",
                *lines,
                f"END RequestId: {request_id}",
                self._report(request_id, ending, duration, init_ms, peak),
            ),
            duration_ms=duration,
            init_ms=init_ms,
            peak_mb=peak,
        )

    def _report(
        self, request_id: str, ending: _Ending, duration: float, init_ms: float | None, peak: int
    ) -> str:
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration:.2f} ms",
            f"Billed Duration: {math.ceil(duration + (init_ms or 0))} ms",
            f"Memory Size: {self.spec.memory_mb} MB",
            # Lambda kills the process at the limit, so it cannot report more.
            f"Max Memory Used: {min(peak, self.spec.memory_mb)} MB",
        ]
        if init_ms is not None:
            fields.append(f"Init Duration: {init_ms:.2f} ms")
        if ending.error_type == "Sandbox.Timedout":
            fields.append("Status: timeout")
        elif ending.process_lost:
            fields += ["Status: error", f"Error Type: {ending.error_type}"]
        return "\t".join(fields)

    def _start(self) -> FunctionProcess:
        process = self._process = FunctionProcess(self.spec, self._host, self.log_stream)
        if self._closed:
            process.kill()
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.close()


def _lost(request_id: str, error_type: str, text: str) -> _Ending:
    error = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {text}"}
    return _Ending(json.dumps(error).encode(), error_type, process_lost=True, line=text)


def _error_type(payload: bytes) -> str:
    return str(json.loads(payload).get("errorType", "Unknown"))


def _exit_text(code: int) -> str:
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    reason = signal.strsignal(-code) or str(-code)
    return f"Runtime exited with error: signal: {reason.lower()}"
