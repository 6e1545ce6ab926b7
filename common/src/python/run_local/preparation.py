"""Creates what an event needs in the local cloud before a function is invoked with it.

Each pipeline has a module that knows what its functions need: `region_report_preparation`,
`event_log.preparation` and `patch_tracker.preparation`. Existing resources are used unchanged.
Every created resource is reported in one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from artefacts.function_settings import FunctionSettings
from lambda_core.errors import UsageError
from local_cloud.clients import Clients
from run_local.deployer import Deployer
from run_local.invocation import invoke, response_of


@dataclass(frozen=True)
class Preparation:
    """An invocation that is being prepared.

    Attributes
    ----------
    function
        Name of the function to be invoked.
    event
        The event's top-level fields; empty if the event is not a JSON object.
    functions
        Settings of all functions of the pipeline, by name.
    chosen
        Environment variables that the user set with `--env`. They take precedence.
    report
        Receives one line for every created resource.
    stack
        Ends servers that the invocation needs.
    """

    deployer: Deployer
    function: str
    event: Mapping[str, Any]
    functions: Mapping[str, FunctionSettings]
    chosen: Mapping[str, str]
    report: Callable[[str], None]
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def clients(self) -> Clients:
        """Creates clients of the local cloud."""
        return self.deployer.clients

    def text(self, field_name: str) -> str:
        """Return a field of the event; an empty text if it is missing or not a text.

        The function itself reports what is wrong with its event.
        """
        value = self.event.get(field_name)
        return value if isinstance(value, str) else ""

    def create_bucket(self, name: str, *, versioned: bool = False) -> None:
        """Create a bucket unless it exists.

        Raises
        ------
        UsageError
            If S3 does not accept the name.
        """
        from botocore.exceptions import ClientError, ParamValidationError

        s3 = self.clients("s3")
        try:
            if any(bucket["Name"] == name for bucket in s3.list_buckets()["Buckets"]):
                return
            s3.create_bucket(Bucket=name)
        except (ClientError, ParamValidationError) as error:
            raise UsageError(f"the bucket {name!r} cannot be created: {error}") from error
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.report(f"created bucket {name}")

    def has_objects(self, bucket: str, prefix: str) -> bool:
        """Return whether a bucket has an object below a prefix."""
        found = self.clients("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return bool(found["KeyCount"])

    def run(
        self, function: str, event: Mapping[str, Any], variables: Mapping[str, str]
    ) -> dict[str, Any]:
        """Deploy and invoke another function of the pipeline, and return its response.

        Raises
        ------
        ExecutionError
            If it failed.
        ArtefactMissingError
            If it has not been packaged.
        """
        self.deployer.function(function, self.functions[function], {**variables, **self.chosen})
        name = self.deployer.function_name(function)
        result = invoke(self.clients, name, json.dumps(event).encode())
        response = response_of(function, result)
        self.report(f"ran {function} in {result.duration_ms / 1000:.1f} s")
        return response


def prepare(pipeline: str, preparation: Preparation) -> dict[str, str]:
    """Create what the event needs; returns the function's environment variables.

    A function of an unknown pipeline needs nothing.
    """
    prepare_pipeline: Callable[[Preparation], dict[str, str]]
    # Each pipeline is imported only when it is used, because importing takes time.
    match pipeline:
        case "region_report":
            from run_local.region_report_preparation import prepare as prepare_pipeline
        case "event_log_checkpoint":
            from run_local.event_log.preparation import prepare as prepare_pipeline
        case "patch_tracker":
            from run_local.patch_tracker.preparation import prepare as prepare_pipeline
        case _:
            return {}
    return prepare_pipeline(preparation)
