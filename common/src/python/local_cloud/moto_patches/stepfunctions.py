"""Patches of moto's Step Functions and of its interpreter of state machines."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, added, around

MAX_EVENTS = 1000
"""The largest number of events in a response.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""


_INDEFINITE = re.compile(r"\.\.|[*?:,]")
"""Operators with which a JSONPath can select several values."""


def paths_to_single_values() -> None:
    """Return the value itself, not a list, for a path through a list: `$.branches[1].error`.

    AWS: a path is "definite" unless it contains an operator that can select several values
    (https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html). moto
    returns a list if the second-to-last part of the path is an index.
    """
    from moto.stepfunctions.parser.asl.utils import json_path

    @around(json_path, "_is_singleton_array_access")
    def is_definite(_: Callable[..., bool], path: str) -> bool:
        return not _INDEFINITE.search(path)


def execution_names() -> None:
    """Check the names of executions, keep them unique, and create missing names.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html.
    moto names all unnamed executions "None", so only the first of them starts. It accepts any name.
    If two requests with the same name arrive at the same time, it starts two executions.
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


def error_and_cause_of_stop() -> None:
    """Store the error and the cause of StopExecution.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html.
    moto ignores both. If the execution has already ended, its error and cause do not change.
    """
    from moto.stepfunctions.responses import StepFunctionResponse

    @around(StepFunctionResponse, "stop_execution")
    def stop(original: Callable[..., object], self: Moto) -> object:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        running = execution.status == "RUNNING"
        answer = original(self)
        # The execution is in state RUNNING until the interpreter stops it.
        if running and execution.status in ("RUNNING", "ABORTED"):
            execution.error = self._get_param("error")
            execution.cause = self._get_param("cause")
        return answer


def stopped_executions_are_aborted() -> None:
    """Set the status of a stopped execution to ABORTED, never to FAILED.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html.
    moto skips the rest of the running state, and then sometimes fails the execution because the
    state has no result.
    """
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped

    @around(Environment, "set_error")
    def set_error(original: Callable[..., object], self: Moto, error: object) -> None:
        with self._state_mutex:
            if not isinstance(self.program_state(), ProgramStopped):
                original(self, error)


def stop_date_after_timeout() -> None:
    """Return the stop date of executions that timed out.

    AWS returns stopDate "if the execution already ended"
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html).
    moto omits it if the status is TIMED_OUT.
    """
    from moto.stepfunctions.responses import StepFunctionResponse

    def add_stop_date(self: Moto, described: Moto) -> None:
        execution = self.stepfunction_backend.describe_execution(described["executionArn"])
        if execution.stop_date:
            described["stopDate"] = execution.stop_date

    @around(StepFunctionResponse, "describe_execution")
    def describe(original: Callable[..., Moto], self: Moto) -> Moto:
        answer = original(self)
        add_stop_date(self, answer.result)
        return answer

    @around(StepFunctionResponse, "list_executions")
    def listing(original: Callable[..., Moto], self: Moto) -> Moto:
        answer = original(self)
        for described in answer.result["executions"]:
            add_stop_date(self, described)
        return answer


def history_pages() -> None:
    """Return the history of an execution in pages, and in reverse order if requested.

    AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
    has maxResults, nextToken and reverseOrder. moto always returns all events, oldest first.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions.responses import StepFunctionResponse

    @around(StepFunctionResponse, "get_execution_history")
    def history(original: Callable[..., Moto], self: Moto) -> object:
        events = list(original(self).result["events"])
        if self._get_param("reverseOrder"):
            events.reverse()
        begin = int(self._get_param("nextToken") or 0)
        end = begin + (int(self._get_param("maxResults") or 0) or MAX_EVENTS)
        more = {"nextToken": str(end)} if end < len(events) else {}
        return ActionResult({"events": events[begin:end], **more})


def validate_definition() -> None:
    """Support ValidateStateMachineDefinition, which Terraform calls.

    AWS:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html.
    moto does not support it.
    """
    from moto.core.responses import ActionResult
    from moto.stepfunctions.parser.api import InvalidDefinition
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    @added(StepFunctionResponse, "validate_state_machine_definition")
    def validate(self: Moto) -> object:
        diagnostics = []
        try:
            StepFunctionsParserBackend._validate_definition(self._get_param("definition"))
        except InvalidDefinition as error:
            message = str(error.message)[:500]
            code = "SCHEMA_VALIDATION_FAILED"
            diagnostics = [{"severity": "ERROR", "code": code, "message": message}]
        result = "FAIL" if diagnostics else "OK"
        return ActionResult({"result": result, "diagnostics": diagnostics, "truncated": False})


def versions() -> None:
    """Support ListStateMachineVersions, newest version first.

    AWS:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html.
    moto does not support it.
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
