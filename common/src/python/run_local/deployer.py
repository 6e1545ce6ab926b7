"""Deploys functions, layers and state machines through AWS's API, as Terraform would.

Missing resources are created and existing ones are updated, so a deployment can be repeated.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artefacts.function_settings import FunctionSettings
from artefacts.repository import Artefacts
from lambda_core.errors import UsageError
from local_cloud.clients import Clients

HANDLER = "lambda_function.handler"

RUNTIME = "python3.12"

PROJECT = "aws-ssm-fetcher"

TASK_MARGIN_SECONDS = 60
"""How much longer a state may take than its function, to allow for the function's start."""


@dataclass(frozen=True)
class MachineSettings:
    """Settings of a state machine.

    Attributes
    ----------
    retry_interval_seconds
        Pause before the first retry of a state; it doubles with each retry.
    max_cache_age_hours
        Maximum age of cached data, unless the execution's input sets another one.
    """

    retry_interval_seconds: int = 2
    max_cache_age_hours: float = 1


@dataclass(frozen=True)
class RegionReport:
    """The deployed region report."""

    bucket: str
    functions: Mapping[str, str]
    state_machine_arn: str
    success_topic_arn: str
    failure_topic_arn: str


@dataclass
class Deployer:
    """Deploys packaged functions to an account.

    Parameters
    ----------
    clients
        Creates clients of the account.
    artefacts
        The packaged functions and layers.
    environment
        Part of every name, such as `local`.
    """

    clients: Clients
    artefacts: Artefacts
    environment: str = "local"
    _layers: dict[str, str] = field(default_factory=dict)

    def region_report(
        self,
        functions: Mapping[str, FunctionSettings],
        definition: Path,
        *,
        variables: Mapping[str, str] | None = None,
        machine: MachineSettings | None = None,
    ) -> RegionReport:
        """Deploy the region report: bucket, topics, functions and state machine.

        Parameters
        ----------
        functions
            Settings of its functions, by name.
        definition
            File with the definition of the state machine, with `${…}` for values of the deployment.
        variables
            Environment variables of every function; they override its settings.
        machine
            Settings of the state machine.
        """
        bucket = self.bucket("data")
        topics = {kind: self.topic(kind) for kind in ("success", "failure")}
        shared = {"OUTPUT_S3_BUCKET": bucket, "S3_CACHE_BUCKET": bucket, **(variables or {})}
        arns = {name: self.function(name, function, shared) for name, function in functions.items()}
        chosen = machine or MachineSettings()
        values: dict[str, object] = {
            **vars(chosen),
            **{f"{name}_arn": arn for name, arn in arns.items()},
            **{
                f"{name}_timeout_seconds": function.timeout_seconds + TASK_MARGIN_SECONDS
                for name, function in functions.items()
            },
            **{f"{kind}_topic_arn": arn for kind, arn in topics.items()},
        }
        text = render(definition.read_text(encoding="utf-8"), values)
        return RegionReport(
            bucket=bucket,
            functions=arns,
            state_machine_arn=self.state_machine("region-report", text),
            success_topic_arn=topics["success"],
            failure_topic_arn=topics["failure"],
        )

    def bucket(self, purpose: str) -> str:
        """Create a bucket unless it exists; returns its name."""
        name = self.bucket_name(purpose)
        self.clients("s3").create_bucket(Bucket=name)
        return name

    def bucket_name(self, purpose: str) -> str:
        """Return the name of a bucket, which contains the account because names are global."""
        account = self.clients("sts").get_caller_identity()["Account"]
        return f"aws-ssm-{purpose}-{self.environment}-{account}"

    def topic(self, kind: str) -> str:
        """Create a topic unless it exists; returns its ARN."""
        arn: str = self.clients("sns").create_topic(Name=self._name(f"region-report-{kind}"))[
            "TopicArn"
        ]
        return arn

    def function(self, name: str, settings: FunctionSettings, variables: Mapping[str, str]) -> str:
        """Create or update a function with its layers; returns its ARN."""
        code = self.artefacts.function(name)
        configuration: dict[str, Any] = {
            "FunctionName": self.function_name(name),
            "Handler": HANDLER,
            "Runtime": RUNTIME,
            "Role": self._role(name, "lambda"),
            "MemorySize": settings.memory_mb,
            "Timeout": settings.timeout_seconds,
            "EphemeralStorage": {"Size": settings.ephemeral_storage_mb},
            "Layers": [self.layer(layer) for layer in settings.layers],
            "Environment": {"Variables": {**settings.environment, **variables}},
        }
        functions = self.clients("lambda")
        try:
            functions.get_function(FunctionName=configuration["FunctionName"])
        except functions.exceptions.ResourceNotFoundException:
            made = functions.create_function(
                **configuration,
                Code={"ZipFile": code},
                Architectures=[self.artefacts.architecture],
            )
        else:
            functions.update_function_code(FunctionName=configuration["FunctionName"], ZipFile=code)
            made = functions.update_function_configuration(**configuration)
        return str(made["FunctionArn"])

    def layer(self, name: str) -> str:
        """Publish a layer unless a version has the same content; returns the version's ARN."""
        if name in self._layers:
            return self._layers[name]
        content = self.artefacts.layer(name)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        functions = self.clients("lambda")
        layer = self._name(f"{name}-{self.artefacts.architecture}".replace("_", "-"))
        for listed in functions.list_layer_versions(LayerName=layer)["LayerVersions"]:
            version = functions.get_layer_version(LayerName=layer, VersionNumber=listed["Version"])
            if version["Content"]["CodeSha256"] == digest:
                self._layers[name] = listed["LayerVersionArn"]
                return self._layers[name]
        # Through S3, because a direct upload is limited to 50 MB.
        bucket, key = self.bucket("code"), f"layers/{layer}.zip"
        self.clients("s3").put_object(Bucket=bucket, Key=key, Body=content)
        made = functions.publish_layer_version(
            LayerName=layer,
            Content={"S3Bucket": bucket, "S3Key": key},
            CompatibleRuntimes=[RUNTIME],
            CompatibleArchitectures=[self.artefacts.architecture],
        )
        self._layers[name] = made["LayerVersionArn"]
        return self._layers[name]

    def state_machine(self, name: str, definition: str) -> str:
        """Create or update a state machine; returns its ARN."""
        machines, full_name = self.clients("stepfunctions"), self._name(name)
        role = self._role(name, "states")
        pages = machines.get_paginator("list_state_machines").paginate()
        for machine in (listed for page in pages for listed in page["stateMachines"]):
            if machine["name"] == full_name:
                arn = machine["stateMachineArn"]
                machines.update_state_machine(
                    stateMachineArn=arn, definition=definition, roleArn=role
                )
                return str(arn)
        made = machines.create_state_machine(name=full_name, definition=definition, roleArn=role)
        return str(made["stateMachineArn"])

    def function_name(self, name: str) -> str:
        """Return a function's name in the account."""
        return self._name(name.replace("_", "-"))

    def _name(self, name: str) -> str:
        return f"{PROJECT}-{self.environment}-{name}"

    def _role(self, name: str, service: str) -> str:
        roles, full_name = self.clients("iam"), self._name(name)[:64]
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        try:
            role = roles.get_role(RoleName=full_name)
        except roles.exceptions.NoSuchEntityException:
            role = roles.create_role(RoleName=full_name, AssumeRolePolicyDocument=json.dumps(trust))
        return str(role["Role"]["Arn"])


def render(template: str, values: Mapping[str, object]) -> str:
    """Replace each `${name}`, as Terraform's `templatefile` does.

    Raises
    ------
    UsageError
        If a value is missing.
    """
    needed = set(re.findall(r"\$\{(\w+)\}", template))
    if missing := needed - values.keys():
        raise UsageError(f"the definition needs values for {', '.join(sorted(missing))}")
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
