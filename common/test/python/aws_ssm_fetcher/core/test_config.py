from __future__ import annotations

import dataclasses
import os
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aws_ssm_fetcher.core.config import Config, LambdaKind
from lambda_core.errors import ConfigurationError

EVERYTHING = {
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_PROFILE": "audit",
    "CACHE_DIR": "/var/cache/ssm",
    "CACHE_HOURS": "1.5",
    "CACHE_ENABLED": "false",
    "OUTPUT_DIR": "reports",
    "MAX_RETRIES": "0",
    "MAX_WORKERS": "64",
    "S3_CACHE_BUCKET": "aws-ssm-data-dev-123456789012",
    "SSM_REGIONS": "us-east-1, eu-west-3",
}
EVERYTHING_READ = Config(
    aws_region="eu-west-3",
    aws_profile="audit",
    cache_dir="/var/cache/ssm",
    cache_hours=1.5,
    cache_enabled=False,
    output_dir="reports",
    max_retries=0,
    max_workers=64,
    s3_cache_bucket="aws-ssm-data-dev-123456789012",
    ssm_regions=("us-east-1", "eu-west-3"),
)


def test_plain_defaults_are_those_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYTHING.items():
        monkeypatch.setenv(name, value)

    assert dataclasses.asdict(Config()) == {
        "aws_region": "us-east-1",
        "aws_profile": None,
        "cache_dir": ".cache",
        "cache_hours": 24,
        "cache_enabled": True,
        "output_dir": "output",
        "max_retries": 3,
        "max_workers": 10,
        "s3_cache_bucket": None,
        "ssm_regions": (),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"cache_hours": -1},
        {"cache_hours": float("nan")},
        {"cache_hours": float("inf")},
        {"cache_hours": "24"},
        {"max_workers": 0},
        {"max_workers": 65},
        {"max_retries": -1},
        {"max_retries": 21},
        {"max_retries": True},
        {"aws_profile": ""},
        {"output_dir": ""},
        {"output_dir": os.fsdecode(b"a\xff")},
        {"cache_dirs": "x"},
        {"ssm_regions": ("us-east-1", "us-east-1")},
        {"ssm_regions": ("",)},
        {"ssm_regions": None},
    ],
)
def test_direct_construction_is_strict(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(**wrong)


def test_paths_become_text() -> None:
    given: dict[str, Any] = {"cache_dir": Path("a"), "output_dir": Path("b")}
    config = Config(**given)

    assert config == Config(cache_dir="a", output_dir="b")
    assert (config.cache_dir, config.output_dir) == ("a", "b")


@pytest.mark.parametrize("wrong", [{"cache_dir": b"bytes"}, {"output_dir": 1}, {"cache_dir": None}])
def test_a_folder_is_text_or_a_path(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(**wrong)


def test_the_environment_sets_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYTHING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CACHE_TTL", raising=False)

    assert Config.from_env() == EVERYTHING_READ


def test_an_empty_environment_is_the_defaults() -> None:
    assert Config.from_env({}) == Config()


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_blank_variables_count_as_not_set(blank: str) -> None:
    assert Config.from_env(dict.fromkeys([*EVERYTHING, "CACHE_TTL"], blank)) == Config()


@pytest.mark.parametrize(
    ("text", "enabled"),
    [("0", False), ("no", False), ("OFF", False), ("1", True), ("yes", True), ("True", True)],
)
def test_cache_enabled_takes_the_usual_words(text: str, *, enabled: bool) -> None:
    assert Config.from_env({"CACHE_ENABLED": text}).cache_enabled is enabled


def test_cache_ttl_in_seconds_overrides_cache_hours() -> None:
    assert Config.from_env({"CACHE_TTL": "5400", "CACHE_HOURS": "abc"}).cache_hours == 1.5


def test_an_empty_cache_ttl_leaves_cache_hours() -> None:
    assert Config.from_env({"CACHE_TTL": "", "CACHE_HOURS": "2"}).cache_hours == 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CACHE_HOURS", "abc"),
        ("CACHE_HOURS", "-1"),
        ("CACHE_HOURS", "nan"),
        ("CACHE_HOURS", "inf"),
        ("CACHE_HOURS", "1e300"),
        ("CACHE_TTL", "a day"),
        ("CACHE_TTL", "-3600"),
        ("CACHE_TTL", "inf"),
        ("CACHE_ENABLED", "maybe"),
        ("CACHE_DIR", "nul\0inside"),
        ("MAX_RETRIES", "21"),
        ("MAX_RETRIES", "2.5"),
        ("MAX_WORKERS", "0"),
        ("MAX_WORKERS", "65"),
        ("MAX_WORKERS", "many\nlines"),
        ("AWS_DEFAULT_REGION", "evil.example/"),
        ("AWS_DEFAULT_REGION", "us-east-1\n"),
        ("SSM_REGIONS", "us-east-1,evil.example/"),
        ("SSM_REGIONS", "us-east-1,,eu-west-3"),
        ("SSM_REGIONS", "us-east-1,us-east-1"),
        ("SSM_REGIONS", "us-east-1 eu-west-3"),
        ("S3_CACHE_BUCKET", "s3://bucket"),
        ("S3_CACHE_BUCKET", "Capitals"),
        ("S3_CACHE_BUCKET", "ab"),
        ("S3_CACHE_BUCKET", "a..b"),
        ("S3_CACHE_BUCKET", "192.168.1.1"),
        ("S3_CACHE_BUCKET", "b" * 64),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_env({variable: value})

    message = str(caught.value)
    assert message.startswith(f"{variable} is {value!r} (expected: ")
    assert message.isprintable()
    assert caught.value.context["settings"] == [variable]


def test_the_message_says_what_is_expected() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_env({"CACHE_HOURS": "abc"})

    assert str(caught.value) == (
        "CACHE_HOURS is 'abc' (expected: a number of hours from 0 to 1000000)"
    )


def test_a_wrong_time_to_live_is_reported_in_seconds() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_env({"CACHE_TTL": "-7"})

    assert str(caught.value) == (
        "CACHE_TTL is '-7' (expected: a number of seconds from 0 to 3600000000)"
    )


def test_all_wrong_variables_are_named_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_env({"MAX_WORKERS": "x" * 5000, "CACHE_ENABLED": "x", "MAX_RETRIES": "3"})

    assert caught.value.context["settings"] == ["CACHE_ENABLED", "MAX_WORKERS"]
    assert len(str(caught.value)) < 400


def test_options_override_the_environment() -> None:
    args = Namespace(
        region="sa-east-1",
        profile="other",
        cache_dir="c",
        cache_hours=0.0,
        no_cache=False,
        output_dir=Path("o"),
        ssm_regions="eu-central-1",
    )

    assert Config.from_args(args, EVERYTHING) == dataclasses.replace(
        EVERYTHING_READ,
        aws_region="sa-east-1",
        aws_profile="other",
        cache_dir="c",
        cache_hours=0.0,
        output_dir="o",
        ssm_regions=("eu-central-1",),
    )


@pytest.mark.parametrize(
    "args",
    [
        Namespace(),
        Namespace(
            region=None,
            profile=None,
            cache_dir=None,
            cache_hours=None,
            no_cache=None,
            output_dir=None,
            ssm_regions=None,
        ),
    ],
)
def test_options_that_are_not_given_leave_the_environment(args: Namespace) -> None:
    assert Config.from_args(args, EVERYTHING) == EVERYTHING_READ
    assert Config.from_args(args, {}) == Config()


def test_options_read_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_WORKERS", "7")

    assert Config.from_args(Namespace()).max_workers == 7


def test_no_cache_turns_the_cache_off() -> None:
    assert not Config.from_args(Namespace(no_cache=True), {"CACHE_ENABLED": "1"}).cache_enabled


def test_no_cache_that_is_not_given_leaves_the_environment() -> None:
    args = Namespace(no_cache=False)

    assert not Config.from_args(args, {"CACHE_ENABLED": "0"}).cache_enabled
    assert Config.from_args(args, {"CACHE_ENABLED": "1"}).cache_enabled


def test_an_option_overrides_a_wrong_variable() -> None:
    environment = {"CACHE_HOURS": "abc", "CACHE_TTL": "abc", "CACHE_ENABLED": "abc"}

    config = Config.from_args(Namespace(cache_hours=3, no_cache=True), environment)

    assert config == Config(cache_hours=3, cache_enabled=False)


@pytest.mark.parametrize(
    ("attribute", "option", "value"),
    [
        ("cache_hours", "--cache-hours", -1),
        ("cache_dir", "--cache-dir", ""),
        ("output_dir", "--output-dir", "a\0b"),
        ("region", "--region", "no region"),
        ("ssm_regions", "--ssm-regions", "us-east-1,no region"),
        ("profile", "--profile", ""),
    ],
)
def test_a_wrong_option_is_named(attribute: str, option: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_args(Namespace(**{attribute: value}), EVERYTHING)

    assert str(caught.value).startswith(f"{option} is {str(value)!r} (expected: ")


@pytest.mark.parametrize(
    ("kind", "workers"), [("data_fetcher", 20), ("processor", 10), ("report_generator", 5)]
)
def test_a_function_writes_below_tmp_with_the_workers_of_its_type(
    kind: LambdaKind, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lambda does not set TMPDIR, but this environment may.
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")  # noqa: S108 - Lambda's
    assert Config.for_lambda(kind, EVERYTHING) == dataclasses.replace(
        EVERYTHING_READ,
        cache_dir="/tmp/cache",  # noqa: S108 - the documented folder
        output_dir="/tmp/output",  # noqa: S108 - the documented folder
        max_workers=workers,
    )


def test_a_function_reads_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_TTL", "7200")

    assert Config.for_lambda("processor").cache_hours == 2


def test_an_unknown_function_type_is_refused() -> None:
    kind: Any = "excel"

    with pytest.raises(ConfigurationError, match="data_fetcher, processor, report_generator"):
        Config.for_lambda(kind, {})


_TEXTS = st.text("-.019abezAB_/ \n\0é✓\udc80", max_size=20) | st.sampled_from(
    ["1", "0", "24", "true", "us-east-1", "1e400"]
)


@given(
    environment=st.dictionaries(
        st.sampled_from([*EVERYTHING, "CACHE_TTL"]), _TEXTS, max_size=len(EVERYTHING)
    )
)
def test_any_environment_gives_valid_settings_or_an_error_of_one_line(
    environment: dict[str, str],
) -> None:
    try:
        config = Config.from_env(environment)
    except ConfigurationError as error:
        message = str(error)
        assert any(message.startswith(f"{variable} is ") for variable in environment)
        assert "\n" not in message
    else:
        assert 0 <= config.cache_hours <= 1_000_000
        assert 1 <= config.max_workers <= 64
        assert 0 <= config.max_retries <= 20
