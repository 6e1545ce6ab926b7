"""What the command does around Terraform, which a script stands in for here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from deployment.deploy import Deployment
from deployment.errors import DeploymentError, UsageError
from deployment.stacks import Stack
from deployment.terraform import _ended, require_terraform
from lambda_testing.fault_proxy import FaultProxy

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def terraform(folder: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """Put a Terraform that tells a version first among the programs."""
    folder.mkdir(exist_ok=True)
    program = folder / "terraform"
    program.write_text(f"#!/bin/sh\necho '{told}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_a_machine_without_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="terraform is not installed: start Docker"):
        require_terraform()


@pytest.mark.parametrize("version", ["1.10.0", "1.11.4", "2.0.0-beta1"])
def test_a_terraform_that_locks_states(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform(tmp_path, monkeypatch, json.dumps({"terraform_version": version}))
    require_terraform()


def test_a_terraform_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform(tmp_path, monkeypatch, json.dumps({"terraform_version": "1.9.8"}))
    with pytest.raises(UsageError, match=r"is Terraform 1\.9\.8; 1\.10 or later is needed"):
        require_terraform()


def test_a_program_of_that_name_that_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform(tmp_path, monkeypatch, "hello")
    with pytest.raises(UsageError, match="does not tell its version"):
        require_terraform()


def test_ctrl_c_leaves_terraform_the_time_to_write_its_state() -> None:
    ends = "trap 'sleep 1; echo written; exit' INT; kill -INT $PPID; kill -INT $$; sleep 60"
    process = subprocess.Popen(["/bin/sh", "-c", ends], stdout=subprocess.PIPE, text=True)  # noqa: S603
    with pytest.raises(KeyboardInterrupt):
        _ended(process)
    assert process.returncode == 0


CREATED: list[dict[str, Any]] = [
    {
        "address": "aws_sns_topic.this",
        "mode": "managed",
        "type": "aws_sns_topic",
        "change": {"actions": ["create"], "before": None, "after": {"name": "any"}},
    }
]


class Clone:
    """A clone with one stack and without functions, where Terraform only writes down its calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        stack = root / "terraform/stacks/some"
        for folder in (stack, root / "bin", root / "lambda", root / "terraform/modules/any"):
            folder.mkdir(parents=True)
        (root / "lambda/functions.json").write_text("{}")
        (stack / "main.tf").write_text("# what is deployed")
        (stack / "backend.tf").write_text('terraform { backend "s3" {} }')
        script = root / "bin/exec-in-devcontainer.sh"
        script.write_text(
            f"""#!/bin/sh
echo "$@" >>{root}/calls
case "$3" in
  plan) exit 2 ;;
  show)
    # Without a state it may plan something else than with one.
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
        return [(one[1].removeprefix("-chdir="), one[2]) for one in words]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    terraform(tmp_path / "bin", monkeypatch, json.dumps({"terraform_version": "1.11.4"}))
    return Clone(tmp_path / "clone")


@pytest.fixture
def account(aws_environment: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_environment)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    return aws_environment


def deployment(clone: Clone, region: str, environment: str = "dev", answer: str = "") -> Deployment:
    stack = Stack(clone.root, "some", environment)
    return Deployment(stack, boto3.Session(region_name=region), "x86_64", lambda _: answer)


def buckets() -> list[str]:
    return [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]


def state_bucket(region: str) -> str:
    return f"terraform-state-123456789012-{region}"


def test_a_first_plan_makes_nothing(clone: Clone, account: str) -> None:
    assert deployment(clone, "eu-west-3").plan()
    assert state_bucket("eu-west-3") not in buckets()
    (folder, _), *_ = clone.calls()
    assert {verb for _, verb in clone.calls()} == {"init", "plan", "show"}
    # It planned the stack's own files, with a state of its own.
    assert (Path(folder) / "main.tf").read_text() == "# what is deployed"
    assert 'backend "local"' in (Path(folder) / "backend_override.tf").read_text()
    assert (Path(folder) / "../../modules/any").is_dir()
    assert (Path(folder) / "../../../lambda/functions.json").is_file()


def test_a_first_deployment_makes_the_bucket_of_states(clone: Clone, account: str) -> None:
    for _ in range(2):
        deployment(clone, "eu-west-2").apply()
    assert state_bucket("eu-west-2") in buckets()
    folders = {folder for folder, verb in clone.calls() if verb == "apply"}
    assert folders == {"terraform/stacks/some"}
    # The second time, there is a state to plan with.
    assert [verb for _, verb in clone.calls()].count("plan") == 3


def test_nothing_is_made_where_nobody_agrees(clone: Clone, account: str) -> None:
    with pytest.raises(DeploymentError, match="nobody agreed"):
        deployment(clone, "eu-north-1", "prod").apply()
    assert state_bucket("eu-north-1") not in buckets()
    deployment(clone, "eu-north-1", "prod", "prod").apply()
    assert state_bucket("eu-north-1") in buckets()


def test_nothing_is_made_where_a_bucket_is_taken(clone: Clone, account: str) -> None:
    boto3.client("s3").create_bucket(Bucket="somebody-has-it")
    taken = {"actions": ["create"], "before": None, "after": {"bucket": "somebody-has-it"}}
    clone.will_change([{**CREATED[0], "type": "aws_s3_bucket", "change": taken}])
    with pytest.raises(DeploymentError, match="somebody-has-it exists in this account"):
        deployment(clone, "sa-east-1").apply()
    assert state_bucket("sa-east-1") not in buckets()


def test_what_was_not_shown_is_not_carried_out(clone: Clone, account: str) -> None:
    other = {"actions": ["create"], "before": None, "after": {"name": "another"}}
    clone.will_change([{**CREATED[0], "change": other}], "later.json")
    with pytest.raises(DeploymentError, match="the plan is another one by now"):
        deployment(clone, "ca-central-1").apply()
    assert "apply" not in {verb for _, verb in clone.calls()}


@pytest.mark.parametrize("file", ["backend_override.tf", "terraform.tfstate"])
def test_a_state_of_ones_own_is_left_alone(clone: Clone, account: str, file: str) -> None:
    own = clone.root / "terraform/stacks/some" / file
    own.write_text("# my own")
    deployment(clone, "eu-south-1").plan()
    assert own.read_text() == "# my own"
    (folder, _), *_ = clone.calls()
    mirrored = Path(folder) / file
    assert not mirrored.exists() or mirrored.read_text() != "# my own"


@pytest.mark.parametrize("what", ["destroy", "verify"])
def test_what_was_never_deployed(clone: Clone, account: str, what: str) -> None:
    with pytest.raises(DeploymentError, match="nothing was ever deployed to ap-south-1 of the"):
        getattr(deployment(clone, "ap-south-1"), what)()
    assert state_bucket("ap-south-1") not in buckets()


def test_a_region_is_needed(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(clone.root / "none"))
    stack = Stack(clone.root, "some", "dev")
    with pytest.raises(UsageError, match="no region is set"):
        Deployment(stack, boto3.Session(), "x86_64", lambda _: "").plan()


def test_nobody_is_not_deployed_for(
    clone: Clone, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(clone.root / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with FaultProxy(account) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with pytest.raises(DeploymentError, match=r"AWS does not know who you are .*credentials"):
            deployment(clone, "us-east-1").apply()
        assert not proxy.calls
    assert not (clone.root / "calls").exists()
