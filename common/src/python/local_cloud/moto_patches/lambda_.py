"""Patches of moto's Lambda; `lambda_runtime.lambda_backend` runs the functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_cloud.moto_patches.replacing import Moto, around

type Settings = dict[str, Any]

_UPDATABLE = {
    "DeadLetterConfig": "dead_letter_config",
    "LoggingConfig": "logging_config",
    "TracingConfig": "tracing_config",
    "KMSKeyArn": "kms_key_arn",
}


def settings_are_kept() -> None:
    """Store all settings of a function, and return them unchanged.

    AWS returns all settings from GetFunctionConfiguration
    (https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html). moto does not
    store DeadLetterConfig and LoggingConfig, and ignores changes of TracingConfig, KMSKeyArn and
    EphemeralStorage. Terraform would therefore change them in every run.
    """
    from moto.awslambda.models import LambdaFunction

    @around(LambdaFunction, "__init__")
    def create(
        original: Callable[..., None],
        self: Moto,
        account_id: str,
        spec: Settings,
        region: str,
        version: str | int = 1,
    ) -> None:
        self.dead_letter_config = spec.get("DeadLetterConfig")
        self.logging_config = spec.get("LoggingConfig")
        original(self, account_id, spec, region, version)

    @around(LambdaFunction, "get_configuration")
    def describe(
        original: Callable[..., Settings], self: Moto, on_create: bool = False
    ) -> Settings:
        settings = original(self, on_create)
        default = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        settings["LoggingConfig"] = {**default, **(self.logging_config or {})}
        if self.dead_letter_config:
            settings["DeadLetterConfig"] = self.dead_letter_config
        return settings

    @around(LambdaFunction, "update_configuration")
    def update(original: Callable[..., Settings], self: Moto, config_updates: Settings) -> Settings:
        for name in _UPDATABLE.keys() & config_updates.keys():
            setattr(self, _UPDATABLE[name], config_updates[name])
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        return original(self, config_updates)


def event_invoke_config_is_replaced() -> None:
    """Let a second PutFunctionEventInvokeConfig replace the first.

    AWS: "If a configuration already exists for a function, version, or alias, this operation
    overwrites it"
    (https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html). moto
    stores both and uses the first.
    """
    from moto.awslambda.models import LambdaBackend

    @around(LambdaBackend, "put_function_event_invoke_config")
    def put(
        original: Callable[..., Settings], self: Moto, function_name: str, config: Settings
    ) -> Settings:
        response = original(self, function_name, config)
        function = self.get_function(function_name)
        function.event_invoke_config = function.event_invoke_config[-1:]
        return response


def event_source_mapping_keeps_its_function() -> None:
    """Return the ARN of the version or alias with which a mapping was created.

    AWS: FunctionName may be a "Version or Alias ARN", and FunctionArn is "the ARN of the Lambda
    function" with that name
    (https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html). moto returns
    the ARN of the version that the alias refers to. Terraform would therefore change it in every
    run.
    """
    from moto.awslambda.models import EventSourceMapping

    @around(EventSourceMapping, "__init__")
    def create(original: Callable[..., None], self: Moto, spec: Settings) -> None:
        original(self, spec)
        name = spec["FunctionName"]
        self.function_as_named = name if name.startswith("arn:") else None

    @around(EventSourceMapping, "get_configuration")
    def describe(original: Callable[..., Settings], self: Moto) -> Settings:
        settings = original(self)
        if self.function_as_named:
            settings["FunctionArn"] = self.function_as_named
        return settings
