"""The state machine's definition follows the rules of Step Functions; it is not run here."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
)

from artefacts.function_settings import read_settings
from artefacts.repository import SETTINGS_FILE
from aws_ssm_fetcher.stages.contracts import FetchRequest, OrchestratorRequest
from run_local.deployer import TASK_MARGIN_SECONDS, MachineSettings, render
from run_local.region_report import DEFINITION_FILE, PIPELINE, TITLES

FUNCTIONS = read_settings(Path(SETTINGS_FILE))[PIPELINE]

ENDS = {"Succeed", "Fail"}

KINDS = {"Task", "Pass", "Choice", "Parallel", *ENDS}

LAMBDA_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}

PATH = re.compile(r"\$\$?(?:$|[.\[])|States\.[A-Z]\w+\(.*\)$", re.DOTALL)

type Machine = dict[str, Any]


@pytest.fixture
def machine() -> Machine:
    values: dict[str, object] = {
        **vars(MachineSettings()),
        **{f"{name}_arn": f"arn:{name}" for name in FUNCTIONS},
        **{
            f"{name}_timeout_seconds": function.timeout_seconds + TASK_MARGIN_SECONDS
            for name, function in FUNCTIONS.items()
        },
        "success_topic_arn": "arn:success",
        "failure_topic_arn": "arn:failure",
    }
    read: Machine = json.loads(render(Path(DEFINITION_FILE).read_text(encoding="utf-8"), values))
    return read


def test_every_state_is_there_and_can_be_reached_and_every_path_ends(machine: Machine) -> None:
    assert list(problems(machine)) == []


def test_invalid_definitions_are_found(machine: Machine) -> None:
    def found(spoil: Callable[[Machine], object]) -> str:
        spoilt = copy.deepcopy(machine)
        spoil(spoilt["States"])
        return "; ".join(problems(spoilt))

    assert "'Nowhere', which is missing" in found(
        lambda states: states["FetchData"].update(Next="Nowhere")
    )
    assert "'Island' cannot be reached" in found(
        lambda states: states.update(Island={"Type": "Succeed"})
    )
    assert "'NotifySuccess' must have either Next or End" in found(
        lambda states: states["NotifySuccess"].pop("Next")
    )
    assert "'IsEverythingPublished' has no Default" in found(
        lambda states: states["IsEverythingPublished"].pop("Default")
    )
    assert "'ReadInput' never ends" in found(
        lambda states: states["ReadInput"].update(Next="ReadInput")
    )
    assert "'ReadInput' has the invalid path 'input'" in found(
        lambda states: states["ReadInput"]["Parameters"].update({"input.$": "input"})
    )
    assert "'IsEverythingPublished' has the invalid path '.published'" in found(
        lambda states: states["IsEverythingPublished"]["Choices"][0]["And"][0].update(
            Variable=".published"
        )
    )
    branch = "GenerateReports"
    assert "'NotifyFailure', which is missing" in found(
        lambda states: states[branch]["Branches"][0]["States"]["GenerateJsonAndCsv"]["Catch"][
            0
        ].update(Next="NotifyFailure")
    ), "a branch cannot leave its own states"


def test_step_functions_knows_every_field(machine: Machine) -> None:
    assert unknown_fields(machine) == []


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda states: states["FetchData"].update(TimeoutSecond=5), "TimeoutSecond"),
        (lambda states: states["FetchData"].update(ResultPath="fetched"), "fetched"),
        (lambda states: states["FetchData"].update(End=True), "End"),
        (lambda states: states["FetchData"].update(Type="Tusk"), "Tusk"),
        (lambda states: states["ReportFailed"].update(Catch=[]), "Catch"),
        (lambda states: states["GenerateReports"].pop("Branches"), "Branches"),
    ],
    ids=["misspelt", "path", "end and next", "kind", "wrong place", "missing"],
)
def test_a_field_that_is_wrong_is_found(
    machine: Machine, spoil: Callable[[Machine], object], expected: str
) -> None:
    spoil(machine["States"])
    assert any(expected in problem for problem in unknown_fields(machine))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda states: states["ReadInput"]["Parameters"].update({"x.$": "States.Nothing($)"}),
        lambda states: states["IsEverythingPublished"]["Choices"][0].update(BooleanEqual=True),
        lambda states: states["FetchData"]["Retry"][0].update(MaxAttempt=1),
    ],
    ids=["function", "comparison", "retry"],
)
def test_what_no_interpreter_reads_is_found(
    machine: Machine, spoil: Callable[[Machine], object]
) -> None:
    AmazonStateLanguageParser.parse(json.dumps(machine))
    spoil(machine["States"])
    with pytest.raises((ASLParserException, ValueError)):
        AmazonStateLanguageParser.parse(json.dumps(machine))


def test_each_function_is_a_task_with_its_time_its_retries_and_its_catch(machine: Machine) -> None:
    called = {}
    for name, state in states_of(machine):
        if state.get("Resource") == "arn:aws:states:::lambda:invoke":
            called[state["Parameters"]["FunctionName"].removeprefix("arn:")] = name, state
    assert called.keys() == FUNCTIONS.keys()
    for function, (name, state) in called.items():
        assert state["TimeoutSeconds"] > FUNCTIONS[function].timeout_seconds, name
        retried = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
        assert retried > LAMBDA_ERRORS, name
        assert retried - LAMBDA_ERRORS == {"TransientDataSourceError", "TransientStorageError"}
        for retry in state["Retry"]:
            assert retry["JitterStrategy"] == "FULL", name
            assert (retry["IntervalSeconds"], retry["BackoffRate"]) == (2, 2), name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        assert state["Parameters"]["Payload"]["execution_id.$"] == "$$.Execution.Name", name


def test_each_failure_sends_a_notification_before_the_end(machine: Machine) -> None:
    states = machine["States"]
    assert {name for name, state in states.items() if "IsErrorOfStepFunctions" in ways(state)} == {
        "FetchData",
        "ProcessData",
        "GenerateReports",
        "PublishReports",
        "NotifySuccess",
    }
    assert {name for name, state in states.items() if "NotifyFailure" in ways(state)} == {
        "IsErrorOfStepFunctions",
        "DescribeErrorOfStepFunctions",
        "DescribeIncompleteReport",
    }
    assert states["NotifyFailure"]["Next"] == "ReportFailed"
    assert states["NotifyFailure"]["Catch"][0]["Next"] == "ReportFailed", "it fails all the same"


def test_an_execution_has_time_for_every_attempt_of_every_state(machine: Machine) -> None:
    assert longest(machine) == 27_468
    assert longest(machine) < machine["TimeoutSeconds"] < 24 * 3600, "within a day comes the next"


def test_what_is_checked_by_the_functions_reaches_them(machine: Machine) -> None:
    for name, function in (("FetchData", FetchRequest), ("PublishReports", OrchestratorRequest)):
        payload = machine["States"][name]["Parameters"]["Payload"]
        assert {key.removesuffix(".$") for key in payload} == function.model_fields.keys()
        assert payload["input.$"] == "$.input"


def test_what_is_shown_of_the_states_is_of_states_that_there_are(machine: Machine) -> None:
    assert TITLES.keys() <= machine["States"].keys()


def unknown_fields(machine: Machine) -> list[str]:
    """Return cfn-lint's complaints about a definition, by its schema of Amazon States Language."""
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": machine},
    }
    template = json.dumps({"Resources": {"Machine": resource}})
    return [str(match) for match in lint(template, regions=["us-east-1"])]


def states_of(machine: Machine) -> Iterator[tuple[str, Machine]]:
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from states_of(branch)


def ways(state: Machine) -> list[str]:
    """Names of the states that may follow a state."""
    choices = [choice["Next"] for choice in state.get("Choices", ())]
    caught = [catch["Next"] for catch in state.get("Catch", ())]
    return [*choices, *caught, *(state[key] for key in ("Next", "Default") if key in state)]


def paths(part: object) -> Iterator[str]:
    """Yield each value that must be a path into the data, or an intrinsic function."""
    match part:
        case dict():
            for key, value in part.items():
                if isinstance(value, str) and (key.endswith((".$", "Path")) or key == "Variable"):
                    yield value
                else:
                    yield from paths(value)
        case list():
            for item in part:
                yield from paths(item)


def longest(machine: Machine) -> int:
    """Return the maximum duration of an execution in seconds, with all states and attempts.

    A path contains each state only once. Of parallel branches, the slowest counts.
    """

    def seconds(state: Machine) -> int:
        branches = max((longest(branch) for branch in state.get("Branches", ())), default=0)
        retries = state.get("Retry", ())
        attempts: int = 1 + sum(retry["MaxAttempts"] for retry in retries)
        waits: int = sum(
            retry["IntervalSeconds"] * retry["BackoffRate"] ** number
            for retry in retries
            for number in range(retry["MaxAttempts"])
        )
        limit: int = state.get("TimeoutSeconds", 0)
        return branches + attempts * limit + waits

    def after(name: str) -> int:
        state = machine["States"][name]
        if state["Type"] == "Task":
            assert "TimeoutSeconds" in state, name
        return seconds(state) + max((after(way) for way in ways(state)), default=0)

    return after(machine["StartAt"])


def problems(machine: Machine) -> Iterator[str]:
    """Yield everything that Step Functions would reject, never run or never finish."""
    states = machine["States"]
    for name, state in states.items():
        if state["Type"] not in KINDS:
            yield f"{name!r} is of the unknown kind {state['Type']}"
        if state["Type"] == "Choice":
            if "Default" not in state:
                yield f"{name!r} has no Default"
        elif state["Type"] not in ENDS and ("Next" in state) == (state.get("End") is True):
            yield f"{name!r} must have either Next or End"
        for path in paths({key: value for key, value in state.items() if key != "Branches"}):
            if not PATH.match(path):
                yield f"{name!r} has the invalid path {path!r}"
        for branch in state.get("Branches", ()):
            yield from problems(branch)
        for catch in state.get("Catch", ())[:-1]:
            if "States.ALL" in catch["ErrorEquals"]:
                yield f"{name!r} catches all errors before another Catch"
    for origin, target in [
        ("the machine", machine["StartAt"]),
        *((repr(name), way) for name, state in states.items() for way in ways(state)),
    ]:
        if target not in states:
            yield f"{origin} leads to {target!r}, which is missing"
    reached = closure({machine["StartAt"]}, lambda name: ways(states.get(name, {})))
    yield from (f"{name!r} cannot be reached" for name in states.keys() - reached)
    ending = {n for n, state in states.items() if state["Type"] in ENDS or state.get("End")}
    before = {name: {n for n, other in states.items() if name in ways(other)} for name in states}
    can_end = closure(ending, lambda name: before[name])
    yield from (f"{name!r} never ends" for name in states.keys() - can_end)


def closure(first: set[str], more: Callable[[str], Any]) -> set[str]:
    found: set[str] = set()
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(more(name))
    return found
