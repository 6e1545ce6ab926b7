"""Deploys functions, layers and state machines through AWS's API, as Terraform would.

Everything is created where it is missing and brought up to date where it is there, so that a
deployment can be repeated.
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
"""How much longer than its function a state may take, for the function's start."""


@dataclass(frozen=True)
class MachineSettings:
    """What a definition of a state machine is told beside its ARNs.

    Attributes
    ----------
    retry_interval_seconds
        Before the first retry of a state; it doubles with each.
    max_cache_age_hours
        Nothing older is taken from the cache by an execution whose input does not say it.
    """

    retry_interval_seconds: int = 2
    max_cache_age_hours: float = 1


@dataclass(frozen=True)
class RegionReport:
    """What was deployed of the region report, by which it can be used."""

    bucket: str
    functions: Mapping[str, str]
    state_machine_arn: str
    success_topic_arn: str
    failure_topic_arn: str


@dataclass
class Deployer:
    """Brings packaged functions into an account.

    Parameters
    ----------
    clients
        Makes clients of the account.
    artefacts
        The packaged functions and layers.
    environment
        Part of all names, such as `local`.
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
            File of the state machine's definition, with `${…}` for what is known only now.
        variables
            Set for every function, over those of its settings.
        machine
            Settings of the state machine.
        """
        bucket = self.bucket("data")
        topics = {kind: self.topic(kind) for kind in ("success", "failure")}
        shared = {"OUTPUT_S3_BUCKET": bucket, "S3_CACHE_BUCKET": bucket, **(variables or {})}
        arns = {name: self.function(name, one, shared) for name, one in functions.items()}
        chosen = machine or MachineSettings()
        values: dict[str, object] = {
            **vars(chosen),
            **{f"{name}_arn": arn for name, arn in arns.items()},
            **{
                f"{name}_timeout_seconds": one.timeout_seconds + TASK_MARGIN_SECONDS
                for name, one in functions.items()
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
        """Make a bucket; returns its name."""
        account = self.clients("sts").get_caller_identity()["Account"]
        # Names of buckets are unique over all accounts.
        name = f"aws-ssm-{purpose}-{self.environment}-{account}"
        self.clients("s3").create_bucket(Bucket=name)
        return name

    def topic(self, kind: str) -> str:
        """Make a topic; returns its ARN."""
        arn: str = self.clients("sns").create_topic(Name=self._name(f"region-report-{kind}"))[
            "TopicArn"
        ]
        return arn

    def function(self, name: str, settings: FunctionSettings, variables: Mapping[str, str]) -> str:
        """Make or update a function with its layers; returns its ARN."""
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
        """Publish a layer unless it was published before; returns the version's ARN."""
        if name in self._layers:
            return self._layers[name]
        content = self.artefacts.layer(name)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        functions = self.clients("lambda")
        layer = self._name(f"{name}-{self.artefacts.architecture}".replace("_", "-"))
        for one in functions.list_layer_versions(LayerName=layer)["LayerVersions"]:
            version = functions.get_layer_version(LayerName=layer, VersionNumber=one["Version"])
            if version["Content"]["CodeSha256"] == digest:
                self._layers[name] = one["LayerVersionArn"]
                return self._layers[name]
        # By way of S3: what is larger than 50 MB can come no other way.
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
        """Make or update a state machine; returns its ARN."""
        machines, full_name = self.clients("stepfunctions"), self._name(name)
        role = self._role(name, "states")
        pages = machines.get_paginator("list_state_machines").paginate()
        for one in (one for page in pages for one in page["stateMachines"]):
            if one["name"] == full_name:
                arn = one["stateMachineArn"]
                machines.update_state_machine(
                    stateMachineArn=arn, definition=definition, roleArn=role
                )
                return str(arn)
        made = machines.create_state_machine(name=full_name, definition=definition, roleArn=role)
        return str(made["stateMachineArn"])

    def function_name(self, name: str) -> str:
        """Return the name that a function has in the account."""
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
    """Fill in a definition's `${name}`, as Terraform's `templatefile` does.

    Raises
    ------
    UsageError
        If the template needs a value that is not there.
    """
    needed = set(re.findall(r"\$\{(\w+)\}", template))
    if missing := needed - values.keys():
        raise UsageError(f"the definition needs values for {', '.join(sorted(missing))}")
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
