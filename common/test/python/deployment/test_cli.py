from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import boto3
import pytest

from deployment import cli, command, verify_cli
from deployment.deploy import Deployment
from deployment.errors import DeploymentError
from deployment.proof.stacks import LOCAL_STACKS
from deployment.stacks import ENVIRONMENTS, find_stack, stack_names
from deployment.verify import CheckedKind, Examination
from lambda_core.errors import UsageError

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cli, command, verify_cli):
        monkeypatch.setattr(module, "repository_root", lambda: ROOT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["region_repor", "dev"],
            "no stack 'region_repor'; the stacks are: event_log_checkpoint, ",
        ),
        (["region_report", "test"], "no environment 'test'; the environments are: dev, staging"),
        (["region_report", "dev", "--profile", "nobody"], "--profile: The config profile (nobody)"),
        (["region_report", "dev", "--local", "--destroy"], "--local cannot be combined with"),
        (["region_report", "dev", "--local", "--approved=dev"], "--local cannot be combined with"),
        (["region_report", "dev", "--local", "--verify"], "--local cannot be combined with"),
        (
            ["region_report", "prod", "--approved", "dev"],
            "--approved dev does not match the environment prod",
        ),
        (
            ["region_report", "prod", "--destroy", "--region=eu-west-1"],
            "does not destroy production",
        ),
        (["region_report", "dev", "--prove"], "--prove needs --local"),
        (["region_report", "dev", "--run"], "--run needs --verify"),
    ],
)
def test_wrong_usage_is_explained_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("deploy.sh: ")
    assert message in line


def test_every_stack_has_its_variables_in_each_environment() -> None:
    names = stack_names(ROOT)
    assert names
    for name in names:
        for environment in ENVIRONMENTS:
            assert (ROOT / find_stack(ROOT, name, environment).variables_file).is_file()


def deployment(environment: str, answer: str) -> Deployment:
    stack = find_stack(ROOT, "region_report", environment)
    return Deployment(stack, boto3.Session(), "x86_64", lambda _: answer)


@pytest.mark.parametrize("answer", ["", "yes", "y\n", "production"])
def test_production_needs_its_name_as_confirmation(answer: str) -> None:
    with pytest.raises(
        DeploymentError, match="you did not type the environment's name, prod; nothing was changed"
    ):
        deployment("prod", answer)._require_confirmation("deploy")


def test_with_confirmation_production_continues() -> None:
    deployment("prod", "prod\n")._require_confirmation("deploy")
    deployment("dev", "")._require_confirmation("deploy")


def test_production_is_not_destroyed() -> None:
    with pytest.raises(UsageError, match="nothing was changed"):
        deployment("prod", "prod").destroy()


def test_every_stack_can_be_deployed_locally() -> None:
    assert sorted(LOCAL_STACKS) == stack_names(ROOT)


@pytest.mark.parametrize("program", [cli, verify_cli])
def test_each_command_has_its_own_help(
    program: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {program.PROG} ")
    options = set(re.findall(r"^  (--[a-z]+)", text, re.MULTILINE))
    if program is verify_cli:
        assert options == {"--architecture", "--profile", "--region", "--run"}
    else:
        assert options > {"--destroy", "--local", "--plan", "--prove", "--verify"}
    for stack in stack_names(ROOT):
        assert stack in text
    for code in (0, 1, 2, 130):
        assert re.search(rf"^  {code} ", text, re.MULTILINE), f"exit code {code} is missing"
    # The examples are real commands with options that exist.
    examples = re.findall(r"^  bin/(\S+) (\S+) (\S+)(.*?)(?:   .*)?$", text, re.MULTILINE)
    assert examples
    for name, stack, environment, rest in examples:
        assert name == program.PROG
        assert find_stack(ROOT, stack, environment)
        assert set(re.findall(r"--[a-z]+", rest)) <= options


def test_verify_explains_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_cli.main(["region_repor", "dev"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("verify-deploy.sh: there is no stack 'region_repor'; the stacks are: ")


class Examined(Deployment):
    """A deployment with known results."""

    examination: Examination

    def verify(self, *, run: bool = False) -> Examination:
        return self.examination


def examined(*problems: str) -> Examined:
    stack = find_stack(ROOT, "region_report", "dev")
    deployment = Examined(stack, boto3.Session(), "x86_64", lambda _: "")
    checked = CheckedKind("functions", 3, "active", problems)
    deployment.examination = Examination([checked], ["the schedule daily is disabled"])
    return deployment


def test_verification_prints_a_table_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.verify(examined(), run=False) == 0
    assert capsys.readouterr().out == (
        "Resource   Number  Result\n"
        "---------  ------  ----------\n"
        "functions       3  OK: active\n"
        "Note: the schedule daily is disabled.\n"
        "region_report in dev matches its configuration and works.\n"
    )


def test_verification_prints_each_problem_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    broken = examined("the function a is Failed", "the function b is Failed")
    with pytest.raises(DeploymentError, match=r"^region_report in dev does not work; .* is 2$"):
        command.verify(broken, run=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "functions       3  FAILED: 2 problems"
    assert lines[-2:] == [
        "Problem: the function a is Failed.",
        "Problem: the function b is Failed.",
    ]
