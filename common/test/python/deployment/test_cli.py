from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from deployment import cli
from deployment.deploy import Deployment
from deployment.errors import DeploymentError, UsageError
from deployment.stacks import ENVIRONMENTS, find_stack

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "repository_root", lambda: ROOT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["region_repor", "dev"],
            "no stack 'region_repor'; the stacks are: event_log_checkpoint, ",
        ),
        (["region_report", "test"], "no environment 'test'; the environments are: dev, staging"),
        (["region_report", "dev", "--profile", "nobody"], "--profile: The config profile (nobody)"),
        (["region_report", "dev", "--local", "--destroy"], "--local has no use for"),
        (["region_report", "dev", "--local", "--approved=dev"], "--local has no use for"),
        (["region_report", "dev", "--local", "--verify"], "--local has no use for"),
        (["region_report", "prod", "--approved", "dev"], "--approved dev is for another"),
        (["region_report", "prod", "--destroy", "--region=eu-west-1"], "production is not destroy"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("deploy.sh: ")
    assert message in line


def test_every_stack_has_its_variables_in_each_environment() -> None:
    names = [file.parent.name for file in (ROOT / "terraform/stacks").glob("*/main.tf")]
    assert names
    for name in names:
        for environment in ENVIRONMENTS:
            assert (ROOT / find_stack(ROOT, name, environment).variables_file).is_file()


def deployment(environment: str, answer: str) -> Deployment:
    stack = find_stack(ROOT, "region_report", environment)
    return Deployment(stack, boto3.Session(), "x86_64", lambda _: answer)


@pytest.mark.parametrize("answer", ["", "yes", "y\n", "production"])
def test_production_wants_its_name(answer: str) -> None:
    with pytest.raises(DeploymentError, match="nobody agreed to it; nothing was changed"):
        deployment("prod", answer)._require_consent("deploy")


def test_with_its_name_production_goes_on() -> None:
    deployment("prod", "prod\n")._require_consent("deploy")
    deployment("dev", "")._require_consent("deploy")


def test_production_is_not_destroyed() -> None:
    with pytest.raises(UsageError, match="nothing was changed"):
        deployment("prod", "prod").destroy()
