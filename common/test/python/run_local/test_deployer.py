"""Packaged functions are deployed with their settings, and updated when deployed again."""

from __future__ import annotations

import json
import platform
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from artefacts.errors import ArtefactMissingError
from artefacts.function_settings import FunctionSettings, read_settings, settings_of
from artefacts.repository import ARCHITECTURES, Artefacts, architecture, repository_root
from lambda_core.errors import UsageError
from local_cloud.clients import clients_of
from run_local.deployer import Deployer, MachineSettings, render

type Archive = Callable[[Mapping[str, str]], bytes]

type Clients = Callable[[str], Any]

DEFINITION = """
{
  "StartAt": "Make",
  "TimeoutSeconds": 30,
  "States": {
    "Make": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": {
        "FunctionName": "${maker_arn}",
        "Payload": {"execution_id.$": "$$.Execution.Name"}
      },
      "TimeoutSeconds": ${maker_timeout_seconds},
      "OutputPath": "$.Payload",
      "End": true
    }
  }
}
"""


@pytest.fixture
def dist(archive: Archive, tmp_path: Path) -> Path:
    """Packages as Pants builds them: a function with a layer."""
    files = {
        "functions/maker.zip": {
            "lambda_function.py": """
                import os, shared
                def handler(event, context):
                    return {
                        **event,
                        "shared": shared.VALUE,
                        "memory": context.memory_limit_in_mb,
                        "variables": {k: v for k, v in os.environ.items() if k.isupper()},
                    }
                """
        },
        f"layers/{architecture()}/common_code.zip": {"python/shared.py": "VALUE = 1"},
    }
    for name, content in files.items():
        path = tmp_path / "dist" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(archive(content))
    return tmp_path / "dist"


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "state_machine.asl.json"
    path.write_text(DEFINITION)
    return path


SETTINGS = {
    "maker": FunctionSettings(
        memory_mb=256,
        timeout_seconds=20,
        layers=("common_code",),
        environment={"LOG_LEVEL": "INFO"},
    )
}


def execute(clients: Clients, machine: str) -> dict[str, Any]:
    sfn = clients("stepfunctions")
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    deadline = time.monotonic() + 60
    while (described := sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert described["status"] == "SUCCEEDED", described
    output: dict[str, Any] = json.loads(described["output"])
    return {**output, "name": described["name"]}


def test_deployed_functions_run_with_their_settings(
    cloud: str, dist: Path, definition: Path
) -> None:
    clients = clients_of(cloud)
    environment = f"test-{uuid.uuid4().hex[:8]}"
    artefacts = Artefacts(dist, architecture())
    deployed = Deployer(clients, artefacts, environment).region_report(
        SETTINGS, definition, variables={"LOG_LEVEL": "DEBUG"}
    )
    output = execute(clients, deployed.state_machine_arn)
    assert output["execution_id"] == output["name"]
    assert output["shared"] == 1
    assert output["memory"] == "256"
    assert output["variables"]["LOG_LEVEL"] == "DEBUG"
    assert output["variables"]["OUTPUT_S3_BUCKET"] == deployed.bucket
    assert deployed.bucket == f"aws-ssm-data-{environment}-123456789012"
    name = deployed.functions["maker"].rpartition(":")[2]
    assert name == f"aws-ssm-fetcher-{environment}-maker"
    clients("sns").get_topic_attributes(TopicArn=deployed.failure_topic_arn)


def test_a_slow_function_runs_to_its_end_and_only_once(cloud: str, archive: Archive) -> None:
    config = clients_of(cloud)("lambda").meta.config
    assert config.read_timeout > 900, "the most that a function may take"
    clients = clients_of(cloud, invocation_seconds=1)
    name = f"slow-{uuid.uuid4().hex[:8]}"
    functions, storage = clients("lambda"), clients("s3")
    storage.create_bucket(Bucket=name)
    role = clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = f"""
        import boto3, time
        def handler(event, context):
            boto3.client("s3").put_object(Bucket="{name}", Key=context.aws_request_id)
            time.sleep(3)
    """
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="function.handler",
        Role=role,
        Timeout=60,
        Code={"ZipFile": archive({"function.py": code})},
    )
    with pytest.raises(ReadTimeoutError):
        functions.invoke(FunctionName=name)
    # The next invocation is synchronous, so it ends after any retry of the first one.
    clients_of(cloud)("lambda").invoke(FunctionName=name)
    assert storage.list_objects_v2(Bucket=name)["KeyCount"] == 2


def test_a_second_deployment_updates_the_first(
    cloud: str, dist: Path, definition: Path, archive: Archive
) -> None:
    clients = clients_of(cloud)
    environment = f"test-{uuid.uuid4().hex[:8]}"

    def deploy() -> Any:  # noqa: ANN401  # only compared
        deployer = Deployer(clients, Artefacts(dist, architecture()), environment)
        return deployer.region_report(SETTINGS, definition, machine=MachineSettings(1, 2))

    first = deploy()
    assert deploy() == first
    layer = f"aws-ssm-fetcher-{environment}-common-code-{architecture()}".replace("_", "-")
    versions = clients("lambda").list_layer_versions(LayerName=layer)["LayerVersions"]
    assert len(versions) == 1, "what did not change is not published again"

    changed = archive({"python/shared.py": "VALUE = 2"})
    (dist / "layers" / architecture() / "common_code.zip").write_bytes(changed)
    assert deploy() == first
    assert execute(clients, first.state_machine_arn)["shared"] == 2


def test_a_missing_package_says_how_to_build_it(tmp_path: Path) -> None:
    artefacts = Artefacts(tmp_path, "arm64")
    with pytest.raises(ArtefactMissingError, match=r"functions/x\.zip.*bin/pants package ::"):
        artefacts.function("x")
    with pytest.raises(ArtefactMissingError, match=r"layers/arm64/x\.zip.*bin/pants package ::"):
        artefacts.layer("x")


def test_missing_values_of_a_definition_are_named() -> None:
    text = '{"a": "${x}", "b": ${y}, "c": "$$.Execution.Name $.z $${x}"}'
    assert render(text, {"x": 1, "y": 2}) == '{"a": "1", "b": 2, "c": "$$.Execution.Name $.z $1"}'
    with pytest.raises(UsageError, match="y, z"):
        render("${z} ${x} ${y}", {"x": 1})


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "functions.json"
    with pytest.raises(UsageError, match=r"functions\.json is missing"):
        read_settings(path)
    path.write_text('{"p": {"f": {"memory_mb": 1, "timeout_seconds": 1}}}')
    with pytest.raises(UsageError, match=r"functions\.json: p\.f\.memory_mb: .*128"):
        read_settings(path)
    path.write_text('{"p": {"f": {"memory_mb": 128, "timeout_seconds": 1, "memori": 1}}}')
    with pytest.raises(UsageError, match=r"p\.f\.memori"):
        read_settings(path)
    path.write_text("{")
    with pytest.raises(UsageError, match="JSON"):
        read_settings(path)


def test_an_unknown_function_is_named(tmp_path: Path) -> None:
    path = tmp_path / "functions.json"
    path.write_text('{"p": {"f": {"memory_mb": 128, "timeout_seconds": 1}}}')
    pipelines = read_settings(path)
    assert settings_of("f", pipelines).memory_mb == 128
    with pytest.raises(UsageError, match="no function 'g'; the functions are: f"):
        settings_of("g", pipelines)


def test_architectures_have_the_names_that_lambda_uses() -> None:
    assert architecture() == ARCHITECTURES[platform.machine().lower()]
    assert set(ARCHITECTURES.values()) == {"x86_64", "arm64"}


def test_the_repository_root_is_found_if_there_is_one() -> None:
    try:
        root = repository_root()
    except UsageError:
        pytest.skip("the tests run outside of a clone")
    assert (root / "pants.toml").is_file()
