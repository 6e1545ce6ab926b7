"""How the command uses Terraform, which a script replaces here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from deployment.deploy import Deployment
from deployment.errors import DeploymentError
from deployment.stacks import Stack
from deployment.terraform import _wait_for, require_terraform
from lambda_core.errors import UsageError
from lambda_testing.fault_proxy import FaultProxy

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def terraform(folder: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    """Put a program named terraform, with this output, first in PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / "terraform"
    program.write_text(f"#!/bin/sh\necho '{output}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_a_machine_without_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="terraform is not installed; start Docker"):
        require_terraform()


@pytest.mark.parametrize("version", ["1.10.0", "1.11.4", "2.0.0-beta1"])
def test_a_terraform_that_can_lock_states(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform(tmp_path, monkeypatch, json.dumps({"terraform_version": version}))
    require_terraform()


def test_a_terraform_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform(tmp_path, monkeypatch, json.dumps({"terraform_version": "1.9.8"}))
    with pytest.raises(UsageError, match=r"is Terraform 1\.9\.8; install 1\.10 or later"):
        require_terraform()


def test_another_program_named_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform(tmp_path, monkeypatch, "hello")
    with pytest.raises(UsageError, match="does not report its version"):
        require_terraform()


def test_ctrl_c_waits_until_terraform_has_saved_its_state() -> None:
    # `read` ends when the test waits for the process: an earlier signal would end the test itself.
    script = "trap 'sleep 1; exit' INT; read go; kill -INT $PPID; kill -INT $$; sleep 60"
    process = subprocess.Popen(  # noqa: S603 - a script of our own
        ["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with pytest.raises(KeyboardInterrupt):
        _wait_for(process)
    assert process.returncode == 0


CREATED: list[dict[str, Any]] = [
    {
        "address": "aws_sns_topic.this",
        "mode": "managed",
        "type": "aws_sns_topic",
        "change": {"actions": ["create"], "before": None, "after": {"name": "any"}},
    }
]


class Repository:
    """A repository with a single stack, without functions, and a Terraform that logs its calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        stack = root / "terraform/stacks/some"
        for folder in (stack, root / "bin", root / "lambda", root / "terraform/modules/any"):
            folder.mkdir(parents=True)
        (root / "lambda/functions.json").write_text("{}")
        (stack / "main.tf").write_text("# the configuration")
        (stack / "backend.tf").write_text('terraform { backend "s3" {} }')
        script = root / "bin/exec-in-devcontainer.sh"
        script.write_text(
            f"""#!/bin/sh
echo "$@" >>{root}/calls
case "$3" in
  plan) exit 2 ;;
  show)
    # A plan without a state may differ from one with a state.
    case "$2" in
      *-first*) cat {root}/changes.json ;;
      *) cat {root}/later.json 2>/dev/null || cat {root}/changes.json ;;
    esac
    ;;
  output) [ $# -eq 3 ] || echo '{{}}' ;;
esac
"""
        )
        script.chmod(0o755)
        self.will_change(CREATED)

    def will_change(self, changes: list[dict[str, Any]], file: str = "changes.json") -> None:
        (self.root / file).write_text(json.dumps({"resource_changes": changes}))

    def calls(self) -> list[tuple[str, str]]:
        """Return the folder and the verb of each call."""
        lines = (self.root / "calls").read_text().splitlines()
        words = [line.split() for line in lines]
        return [(call[1].removeprefix("-chdir="), call[2]) for call in words]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    terraform(tmp_path / "bin", monkeypatch, json.dumps({"terraform_version": "1.11.4"}))
    return Repository(tmp_path / "repository")


@pytest.fixture
def account(aws_environment: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_environment)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    return aws_environment


def deployment(
    repository: Repository, region: str, environment: str = "dev", answer: str = ""
) -> Deployment:
    stack = Stack(repository.root, "some", environment)
    return Deployment(stack, boto3.Session(region_name=region), "x86_64", lambda _: answer)


def buckets() -> list[str]:
    return [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]


def state_bucket(region: str) -> str:
    return f"terraform-state-123456789012-{region}"


def test_a_first_plan_creates_nothing(repository: Repository, account: str) -> None:
    assert deployment(repository, "eu-west-3").plan()
    assert state_bucket("eu-west-3") not in buckets()
    (folder, _), *_ = repository.calls()
    assert {verb for _, verb in repository.calls()} == {"init", "plan", "show"}
    # It planned links to the stack's files, with a separate state.
    assert (Path(folder) / "main.tf").read_text() == "# the configuration"
    assert 'backend "local"' in (Path(folder) / "backend_override.tf").read_text()
    assert (Path(folder) / "../../modules/any").is_dir()
    assert (Path(folder) / "../../../lambda/functions.json").is_file()


def test_a_first_deployment_creates_the_state_bucket(repository: Repository, account: str) -> None:
    for _ in range(2):
        deployment(repository, "eu-west-2").apply()
    assert state_bucket("eu-west-2") in buckets()
    folders = {folder for folder, verb in repository.calls() if verb == "apply"}
    assert folders == {"terraform/stacks/some"}
    # The second deployment has a state, and plans only once.
    assert [verb for _, verb in repository.calls()].count("plan") == 3


def test_nothing_is_created_without_confirmation(repository: Repository, account: str) -> None:
    with pytest.raises(
        DeploymentError, match="you did not type the environment's name, prod; nothing was changed"
    ):
        deployment(repository, "eu-north-1", "prod").apply()
    assert state_bucket("eu-north-1") not in buckets()
    deployment(repository, "eu-north-1", "prod", "prod").apply()
    assert state_bucket("eu-north-1") in buckets()


def test_nothing_is_created_if_a_bucket_name_is_taken(repository: Repository, account: str) -> None:
    boto3.client("s3").create_bucket(Bucket="somebody-has-it")
    taken = {"actions": ["create"], "before": None, "after": {"bucket": "somebody-has-it"}}
    repository.will_change([{**CREATED[0], "type": "aws_s3_bucket", "change": taken}])
    with pytest.raises(DeploymentError, match="somebody-has-it exists in this account"):
        deployment(repository, "sa-east-1").apply()
    assert state_bucket("sa-east-1") not in buckets()


def test_a_plan_that_was_not_shown_is_not_applied(repository: Repository, account: str) -> None:
    other = {"actions": ["create"], "before": None, "after": {"name": "another"}}
    repository.will_change([{**CREATED[0], "change": other}], "later.json")
    with pytest.raises(
        DeploymentError, match="the plan has changed since you saw it; nothing was applied"
    ):
        deployment(repository, "ca-central-1").apply()
    assert "apply" not in {verb for _, verb in repository.calls()}


@pytest.mark.parametrize("file", ["backend_override.tf", "terraform.tfstate"])
def test_a_local_state_is_left_alone(repository: Repository, account: str, file: str) -> None:
    own = repository.root / "terraform/stacks/some" / file
    own.write_text("# mine")
    deployment(repository, "eu-south-1").plan()
    assert own.read_text() == "# mine"
    (folder, _), *_ = repository.calls()
    mirrored = Path(folder) / file
    assert not mirrored.exists() or mirrored.read_text() != "# mine"


@pytest.mark.parametrize("action", ["destroy", "verify"])
def test_a_stack_that_was_never_deployed(repository: Repository, account: str, action: str) -> None:
    with pytest.raises(DeploymentError, match="nothing has been deployed to ap-south-1 of the"):
        getattr(deployment(repository, "ap-south-1"), action)()
    assert state_bucket("ap-south-1") not in buckets()


def test_a_region_is_required(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(repository.root / "none"))
    stack = Stack(repository.root, "some", "dev")
    with pytest.raises(UsageError, match="no region is set"):
        Deployment(stack, boto3.Session(), "x86_64", lambda _: "").plan()


def test_credentials_are_required(
    repository: Repository, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(repository.root / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with FaultProxy(account) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with pytest.raises(
            DeploymentError, match=r"AWS does not accept your credentials .*credentials"
        ):
            deployment(repository, "us-east-1").apply()
        assert not proxy.calls
    assert not (repository.root / "calls").exists()
