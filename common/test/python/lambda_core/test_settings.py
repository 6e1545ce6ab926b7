from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from lambda_core.errors import ConfigurationError, describe_error
from lambda_core.settings import EnvironmentSettings


class Settings(EnvironmentSettings):
    aws_region: Annotated[str, Field(validation_alias="AWS_DEFAULT_REGION")] = "us-east-1"
    cache_hours: Annotated[float, Field(ge=0, description="hours, at least 0")] = 24.0
    cache_enabled: bool = True
    cache_dir: Path = Path(".cache")
    log_level: Literal["INFO", "DEBUG"] = "INFO"
    bucket: Annotated[str, Field(description="name of the bucket")]


class Secrets(EnvironmentSettings):
    api_token: Annotated[str, Field(min_length=20, description="20 characters or more")]
    webhook: SecretStr = SecretStr("")
    db_password: str = ""

    @field_validator("db_password")
    @classmethod
    def _strong(cls, value: str) -> str:
        if value == "hunter2":
            raise ValueError(f"{value} is too weak")
        return value


class Pair(EnvironmentSettings):
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _ordered(self) -> Pair:
        if self.low > self.high:
            raise ValueError("LOW must not be above HIGH")
        return self


def test_each_variable_is_converted_to_its_type() -> None:
    settings = Settings.from_environment(
        {
            "AWS_DEFAULT_REGION": "eu-west-3",
            "CACHE_HOURS": "1.5",
            "CACHE_ENABLED": "false",
            "CACHE_DIR": "/tmp/cache",  # noqa: S108 - never touched
            "LOG_LEVEL": "DEBUG",
            "BUCKET": "data",
            "UNKNOWN": "ignored",
        }
    )
    assert settings.model_dump() == {
        "aws_region": "eu-west-3",
        "cache_hours": 1.5,
        "cache_enabled": False,
        "cache_dir": Path("/tmp/cache"),  # noqa: S108 - never touched
        "log_level": "DEBUG",
        "bucket": "data",
    }


def test_a_blank_variable_is_not_set() -> None:
    settings = Settings.from_environment({"BUCKET": "data", "CACHE_HOURS": "", "LOG_LEVEL": " "})
    assert (settings.cache_hours, settings.log_level) == (24.0, "INFO")


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "from-the-process")
    assert Settings.from_environment().bucket == "from-the-process"


def test_settings_are_immutable() -> None:
    settings = Settings(bucket="data", aws_region="eu-west-3")
    assert settings.aws_region == "eu-west-3"
    with pytest.raises(ValidationError):
        settings.bucket = "other"  # type: ignore[misc]  # the test expects an error


def test_one_error_names_every_problem() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(
            {"CACHE_HOURS": "-3", "LOG_LEVEL": "LOUD", "AWS_DEFAULT_REGION": "x"}
        )
    assert str(caught.value) == (
        "CACHE_HOURS is '-3' (expected: hours, at least 0); "
        "LOG_LEVEL is 'LOUD': Input should be 'INFO' or 'DEBUG'; "
        "BUCKET is not set (expected: name of the bucket)"
    )
    assert caught.value.context == {"settings": ["CACHE_HOURS", "LOG_LEVEL", "BUCKET"]}


def test_a_variable_is_named_by_its_alias() -> None:
    class Strict(EnvironmentSettings):
        aws_region: Annotated[
            str, Field(validation_alias="AWS_DEFAULT_REGION", pattern="^[a-z-]+[0-9]$")
        ]

    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION is 'Mars'"):
        Strict.from_environment({"AWS_DEFAULT_REGION": "Mars"})


def test_contradictory_settings() -> None:
    with pytest.raises(ConfigurationError, match="LOW must not be above HIGH"):
        Pair.from_environment({"LOW": "3", "HIGH": "2"})


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Pair.from_environment({"LOW": "x" * 5000})
    assert len(str(caught.value)) < 300


@given(st.from_regex(r"[A-Z]{8,19}", fullmatch=True))
def test_a_secret_is_never_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Secrets.from_environment({"API_TOKEN": secret})
    assert "API_TOKEN is ***" in str(caught.value)
    assert "20 characters or more" in str(caught.value)
    assert secret not in repr(describe_error(caught.value))


def test_a_validator_cannot_reveal_a_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Secrets.from_environment({"API_TOKEN": "t" * 20, "DB_PASSWORD": "hunter2"})
    assert "DB_PASSWORD is ***: the value is not valid" in str(caught.value)
    assert "hunter2" not in repr(describe_error(caught.value))


def test_a_field_of_a_secret_type_is_secret_whatever_its_name() -> None:
    class Hook(EnvironmentSettings):
        webhook: Annotated[SecretStr | None, Field(min_length=99)] = None

    with pytest.raises(ConfigurationError) as caught:
        Hook.from_environment({"WEBHOOK": "https://hooks.example/T0P"})
    assert "T0P" not in str(caught.value)
