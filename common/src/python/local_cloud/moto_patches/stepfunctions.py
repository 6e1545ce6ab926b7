"""Mends of moto's Step Functions, with its interpreter of state machines."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, added, around

PAGE = 1000
"""Events in one answer at most.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""


_MANY = re.compile(r"\.\.|[*?:,]")
"""What makes a JSONPath stand for any number of values."""


def paths_of_one_value() -> None:
    """Let a path through an element of a list stand for that one value: `$.branches[1].error`.

    AWS: a path is "definite" unless it has one of the operators for many values
    (https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html). moto
    wraps the value into a list where the last but one step is an index.
    """
    from moto.stepfunctions.parser.asl.utils import json_path

    @around(json_path, "_is_singleton_array_access")
    def stands_for_one(_: Callable[..., bool], path: str) -> bool:
        return not _MANY.search(path)


def names_of_executions() -> None:
    """Name an execution that has no name, check the others, and start each name once.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html.
    moto's interpreter calls an unnamed execution "None", so that a second one does not start;
    takes any name; and starts two executions of one name where two requests come at once.
    """
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend

    lock = threading.Lock()

    @around(StepFunctionsParserBackend, "start_execution")
    def start(
        original: Callable[..., object],
        self: Moto,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> object:
        if name:
            self._validate_name(name)
        name = name or str(uuid.uuid4())
        with lock:
            return original(self, state_machine_arn, name, execution_input, trace_header)


def reason_of_a_stop() -> None:
    """Keep the error and the cause with which an execution was stopped.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html.
    moto's interpreter drops both. An execution that has ended keeps what it ended with.
    """
    from moto.stepfunctions.responses import StepFunctionResponse

    @around(StepFunctionResponse, "stop_execution")
    def stop(original: Callable[..., object], self: Moto) -> object:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        running = execution.status == "RUNNING"
        answer = original(self)
        # It is still running until the interpreter has noticed.
        if running and execution.status in ("RUNNING", "ABORTED"):
            execution.error = self._get_param("error")
            execution.cause = self._get_param("cause")
        return answer


def stopped_stays_stopped() -> None:
    """Let an execution that was stopped end as ABORTED, whatever its states come to.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html.
    moto's interpreter skips what is left of the state that runs, misses its result, and sometimes
    fails the execution for that.
    """
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped

    @around(Environment, "set_error")
    def set_error(original: Callable[..., object], self: Moto, error: object) -> None:
        with self._state_mutex:
            if not isinstance(self.program_state(), ProgramStopped):
                original(self, error)


def end_of_a_timed_out_execution() -> None:
    """Say when an execution ended that ran out of its time.

    AWS: stopDate is there "if the execution already ended"
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html).
    moto leaves it out for TIMED_OUT.
    """
    from moto.stepfunctions.responses import StepFunctionResponse

    def add_end(self: Moto, described: Moto) -> None:
        execution = self.stepfunction_backend.describe_execution(described["executionArn"])
        if execution.stop_date:
            described["stopDate"] = execution.stop_date

    @around(StepFunctionResponse, "describe_execution")
    def describe(original: Callable[..., Moto], self: Moto) -> Moto:
        answer = original(self)
        add_end(self, answer.result)
        return answer

    @around(StepFunctionResponse, "list_executions")
    def listing(original: Callable[..., Moto], self: Moto) -> Moto:
        answer = original(self)
        for one in answer.result["executions"]:
            add_end(self, one)
        return answer


def history_in_pages() -> None:
    """Return the events of an execution from either end, as many as are asked for.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
    knows maxResults, nextToken and reverseOrder. moto returns all events, always the oldest first.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions.responses import StepFunctionResponse

    @around(StepFunctionResponse, "get_execution_history")
    def history(original: Callable[..., Moto], self: Moto) -> object:
        events = list(original(self).result["events"])
        if self._get_param("reverseOrder"):
            events.reverse()
        begin = int(self._get_param("nextToken") or 0)
        end = begin + (int(self._get_param("maxResults") or 0) or PAGE)
        more = {"nextToken": str(end)} if end < len(events) else {}
        return ActionResult({"events": events[begin:end], **more})


def validate_definition() -> None:
    """Answer ValidateStateMachineDefinition, which Terraform calls.

    AWS:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html.
    moto lacks it.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions.parser.api import InvalidDefinition
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    @added(StepFunctionResponse, "validate_state_machine_definition")
    def validate(self: Moto) -> object:
        found = []
        try:
            StepFunctionsParserBackend._validate_definition(self._get_param("definition"))
        except InvalidDefinition as error:
            message = str(error.message)[:500]
            code = "SCHEMA_VALIDATION_FAILED"
            found = [{"severity": "ERROR", "code": code, "message": message}]
        result = "FAIL" if found else "OK"
        return ActionResult({"result": result, "diagnostics": found, "truncated": False})


def versions() -> None:
    """List the published versions of a state machine, the newest first.

    AWS:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html.
    moto lacks it.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions.responses import StepFunctionResponse

    @added(StepFunctionResponse, "list_state_machine_versions")
    def listing(self: Moto) -> object:
        arn = self._get_param("stateMachineArn")
        machine = self.stepfunction_backend.describe_state_machine(arn)
        found = [
            {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
            for _, version in sorted(machine.versions.items(), reverse=True)
        ]
        return ActionResult({"stateMachineVersions": found})
