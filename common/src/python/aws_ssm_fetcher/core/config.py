"""The settings of a run: from the command line, the environment, or the defaults."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from lambda_core.errors import ConfigurationError
from lambda_core.settings import GivenValue, build_settings, read_environment

type LambdaKind = Literal["data_fetcher", "processor", "report_generator"]
"""What a function of the pipeline does; it sets the number of workers."""

_LAMBDA_WORKERS: Final[Mapping[str, int]] = {
    "data_fetcher": 20,
    "processor": 10,
    "report_generator": 5,
}
_SECONDS_VARIABLE: Final = "CACHE_TTL"
_OPTIONS: Final[Mapping[str, str]] = {
    "aws_region": "--region",
    "aws_profile": "--profile",
    "cache_dir": "--cache-dir",
    "cache_hours": "--cache-hours",
    "output_dir": "--output-dir",
    "ssm_regions": "--ssm-regions",
}

_MAX_HOURS: Final = 1_000_000  # more than a century; much longer times overflow a datetime
_SECONDS_PER_HOUR: Final = 3600

# A region code becomes a label of a host name. SSM decides which regions exist, not this pattern.
_REGION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET: Final = re.compile(
    r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII
)


def _require_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("not a region code")
    return text


def _split_at_commas(given: object) -> object:
    return tuple(part.strip() for part in given.split(",")) if isinstance(given, str) else given


def _require_distinct(codes: tuple[str, ...]) -> tuple[str, ...]:
    # Each region has its own quota: a region listed twice would be called at twice the rate.
    if len(set(codes)) < len(codes):
        raise ValueError("a region code appears twice")
    return codes


def _require_bucket(name: str) -> str:
    if not _BUCKET.fullmatch(name):
        raise ValueError("not a bucket name")
    return name


def _to_folder(given: object) -> object:
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if isinstance(path, str):
        if not path or "\0" in path:
            raise ValueError("not a path")
        # Raises a ValueError if the operating system gave bytes that are not UTF-8.
        path.encode()
    return path


type _Region = Annotated[str, AfterValidator(_require_region)]
type _Folder = Annotated[str, BeforeValidator(_to_folder)]


@dataclass(
    config=ConfigDict(
        strict=True,
        extra="forbid",
        validate_assignment=True,
        validate_by_name=True,
        validate_by_alias=True,
    )
)
class Config:
    """The settings of a run. `Config()` holds the defaults and does not read the environment.

    Assigning to an attribute checks the value, as the constructor does.

    Attributes
    ----------
    aws_region
        Region of the S3 bucket and of the SSM endpoint (`AWS_DEFAULT_REGION`).
    aws_profile
        Profile in the AWS configuration files, or None to let boto3 choose (`AWS_PROFILE`).
    cache_dir
        Folder of the cache (`CACHE_DIR`). A `pathlib.Path` is converted to text.
    cache_hours
        How long cached data is used, in hours; 0 turns the cache off (`CACHE_HOURS`, or
        `CACHE_TTL` in seconds, which overrides it).
    cache_enabled
        Whether the cache is used at all (`CACHE_ENABLED`).
    output_dir
        Folder of the reports (`OUTPUT_DIR`). A `pathlib.Path` is converted to text.
    max_retries
        How many times a failed call is repeated (`MAX_RETRIES`).
    max_workers
        Number of concurrent calls to one region (`MAX_WORKERS`).
    s3_cache_bucket
        Bucket of the cache's third tier, or None for two tiers (`S3_CACHE_BUCKET`).
    ssm_regions
        Regions to query concurrently instead of `aws_region` (`SSM_REGIONS`, separated by
        commas).

    Raises
    ------
    pydantic.ValidationError
        From the constructor and from an assignment, if a value is not allowed. The class methods
        raise `lambda_core.errors.ConfigurationError`, which names the variables and options.

    Examples
    --------
    >>> config = Config("eu-west-3", cache_hours=1)
    >>> config.output_dir = "reports"
    >>> config.aws_region, config.cache_dir, config.output_dir
    ('eu-west-3', '.cache', 'reports')
    """

    aws_region: _Region = Field(
        default="us-east-1",
        validation_alias="AWS_DEFAULT_REGION",
        description="a region code such as us-east-1",
    )
    aws_profile: str | None = Field(
        default=None, min_length=1, description="the name of an AWS profile"
    )
    cache_dir: _Folder = Field(default=".cache", description="the path of a folder")
    cache_hours: float = Field(
        default=24,
        ge=0,
        le=_MAX_HOURS,
        allow_inf_nan=False,
        description=f"a number of hours from 0 to {_MAX_HOURS}",
    )
    cache_enabled: bool = Field(default=True, description="true or false")
    output_dir: _Folder = Field(default="output", description="the path of a folder")
    max_retries: int = Field(default=3, ge=0, le=20, description="a whole number from 0 to 20")
    max_workers: int = Field(default=10, ge=1, le=64, description="a whole number from 1 to 64")
    s3_cache_bucket: Annotated[str, AfterValidator(_require_bucket)] | None = Field(
        default=None,
        description="the name of an S3 bucket, 3 to 63 lower-case letters, digits, dots, dashes",
    )
    ssm_regions: Annotated[
        tuple[_Region, ...],
        BeforeValidator(_split_at_commas),
        AfterValidator(_require_distinct),
    ] = Field(default=(), description="different region codes such as us-east-1,eu-west-1")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the environment; a blank variable counts as not set.

        Parameters
        ----------
        environ
            Variables to read instead of those of the process.

        Raises
        ------
        ConfigurationError
            Names every variable that is wrong, its value, and what is expected.
        """
        return build_settings(cls, _read_environment(cls, environ))

    @classmethod
    def from_args(cls, args: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the command line, and of the environment for the rest.

        Parameters
        ----------
        args
            May have `region`, `profile`, `cache_dir`, `cache_hours`, `no_cache`, `output_dir` and
            `ssm_regions`. The environment decides the settings that are missing or None.
        environ
            Variables to read instead of those of the process.

        Raises
        ------
        ConfigurationError
            Names every option and variable that is wrong. A wrong variable is ignored if an
            option overrides it.
        """
        given = _read_environment(cls, environ)
        for field, option in _OPTIONS.items():
            value = getattr(args, option.removeprefix("--").replace("-", "_"), None)
            if value is not None:
                given[field] = GivenValue(option, value)
        if getattr(args, "no_cache", None):
            given["cache_enabled"] = GivenValue("--no-cache", False)
        return build_settings(cls, given)

    @classmethod
    def for_lambda(
        cls, function_type: LambdaKind = "data_fetcher", environ: Mapping[str, str] | None = None
    ) -> Self:
        """Return the settings of a Lambda function, which can write below `/tmp` only.

        `function_type` decides the folders and the number of workers; the environment decides the
        rest. If `TMPDIR` is set, as it is in the local cloud, it replaces `/tmp`.

        Raises
        ------
        ConfigurationError
            Names every variable that is wrong, or the function type that does not exist.
        """
        if function_type not in _LAMBDA_WORKERS:
            raise ConfigurationError(
                f"unknown function type {function_type!r}; use one of {', '.join(_LAMBDA_WORKERS)}"
            )
        fixed = {
            "cache_dir": f"{tempfile.gettempdir()}/cache",
            "output_dir": f"{tempfile.gettempdir()}/output",
            "max_workers": _LAMBDA_WORKERS[function_type],
        }
        given = _read_environment(cls, environ)
        given |= {field: GivenValue(function_type, value) for field, value in fixed.items()}
        return build_settings(cls, given)


def _read_environment(
    settings: type[Config], environ: Mapping[str, str] | None
) -> dict[str, GivenValue]:
    variables = os.environ if environ is None else environ
    given = read_environment(settings, variables)
    if (seconds := variables.get(_SECONDS_VARIABLE, "")).strip():
        given["cache_hours"] = GivenValue(
            _SECONDS_VARIABLE,
            _to_hours(seconds),
            shown=seconds,
            expected=f"a number of seconds from 0 to {_MAX_HOURS * _SECONDS_PER_HOUR}",
        )
    return given


def _to_hours(seconds: str) -> float | str:
    try:
        return float(seconds) / _SECONDS_PER_HOUR
    except ValueError:
        return seconds  # not a number of hours either, so the check of the field rejects it
