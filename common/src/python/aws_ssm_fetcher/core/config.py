"""The settings of a run: from the command line, from the environment, or the defaults."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lambda_core.errors import ConfigurationError

type LambdaKind = Literal["data_fetcher", "processor", "report_generator"]
"""What a function of the pipeline does, which decides how many workers it gets."""

_LAMBDA_WORKERS: Final[Mapping[str, int]] = {
    "data_fetcher": 20,
    "processor": 10,
    "report_generator": 5,
}
_VARIABLES: Final[Mapping[str, str]] = {
    "aws_region": "AWS_DEFAULT_REGION",
    "aws_profile": "AWS_PROFILE",
    "cache_dir": "CACHE_DIR",
    "cache_hours": "CACHE_HOURS",
    "cache_enabled": "CACHE_ENABLED",
    "output_dir": "OUTPUT_DIR",
    "max_retries": "MAX_RETRIES",
    "max_workers": "MAX_WORKERS",
    "s3_cache_bucket": "S3_CACHE_BUCKET",
    "ssm_regions": "SSM_REGIONS",
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

_MAX_HOURS: Final = 1_000_000  # more than a century; dates end before much longer times do
_SECONDS_PER_HOUR: Final = 3600
_LONGEST_QUOTE: Final = 100

# A code is put into host names, so it is one label of a host name; what it says is not our matter.
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


def _require_each_once(codes: tuple[str, ...]) -> tuple[str, ...]:
    # The quota is the region's: named twice, it would be asked at twice the rate.
    if len(set(codes)) < len(codes):
        raise ValueError("a region code stands there twice")
    return codes


def _require_bucket(name: str) -> str:
    if not _BUCKET.fullmatch(name):
        raise ValueError("not a bucket name")
    return name


def _require_folder(given: object) -> object:
    if not str(given) or "\0" in str(given):
        raise ValueError("not a path")
    # Raises a ValueError where the operating system gave bytes that are no text.
    str(given).encode()
    return given


type _Region = Annotated[str, AfterValidator(_require_region)]
type _Folder = Annotated[Path, Field(strict=False), BeforeValidator(_require_folder)]


@dataclass(frozen=True, slots=True)
class _Given:
    """A setting that somebody made: where, and what."""

    source: str
    value: object
    text: object
    allowed: str | None


class Config(BaseModel):
    """The settings of a run. `Config()` is the defaults, whatever the environment says.

    Attributes
    ----------
    aws_region
        Region of the S3 bucket, and of the SSM that is asked (`AWS_DEFAULT_REGION`).
    aws_profile
        Profile of AWS's configuration files, or None for what boto3 finds (`AWS_PROFILE`).
    cache_dir
        Folder of the cache (`CACHE_DIR`).
    cache_hours
        How long cached data is used, in hours; 0 uses none (`CACHE_HOURS`, or `CACHE_TTL` in
        seconds, which wins).
    cache_enabled
        Whether the cache is used at all (`CACHE_ENABLED`).
    output_dir
        Folder of the reports (`OUTPUT_DIR`).
    max_retries
        How often a failed call is tried again (`MAX_RETRIES`).
    max_workers
        Number of calls at the same time to one region (`MAX_WORKERS`).
    s3_cache_bucket
        Bucket of the cache's third tier, or None for two tiers (`S3_CACHE_BUCKET`).
    ssm_regions
        Regions whose SSM is asked side by side, instead of that of `aws_region` (`SSM_REGIONS`,
        separated by commas).

    Raises
    ------
    pydantic.ValidationError
        From `Config(...)` with a value that is not allowed. The other ways to make one raise
        `lambda_core.errors.ConfigurationError`, which names the variables and options.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    aws_region: _Region = Field(default="us-east-1", description="a region code such as us-east-1")
    aws_profile: str | None = Field(
        default=None, min_length=1, description="the name of an AWS profile"
    )
    cache_dir: _Folder = Field(default=Path(".cache"), description="the path of a folder")
    cache_hours: float = Field(
        default=24,
        ge=0,
        le=_MAX_HOURS,
        allow_inf_nan=False,
        description=f"a number of hours from 0 to {_MAX_HOURS}",
    )
    cache_enabled: bool = Field(default=True, description="true or false")
    output_dir: _Folder = Field(default=Path("output"), description="the path of a folder")
    max_retries: int = Field(default=3, ge=0, le=20, description="a whole number from 0 to 20")
    max_workers: int = Field(default=10, ge=1, le=64, description="a whole number from 1 to 64")
    s3_cache_bucket: Annotated[str, AfterValidator(_require_bucket)] | None = Field(
        default=None,
        description="the name of an S3 bucket, 3 to 63 lower-case letters, digits, dots, dashes",
    )
    ssm_regions: Annotated[
        tuple[_Region, ...],
        BeforeValidator(_split_at_commas),
        AfterValidator(_require_each_once),
    ] = Field(default=(), description="region codes such as us-east-1,eu-west-1, each of them once")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the environment; a blank variable counts as not set.

        Parameters
        ----------
        environ
            Variables to read instead of the process's own.

        Raises
        ------
        ConfigurationError
            Names every variable that is wrong, what it says, and what it may say.
        """
        return cls._make(_from_environment(environ))

    @classmethod
    def from_args(cls, args: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the command line, or else of the environment.

        Parameters
        ----------
        args
            May have `region`, `profile`, `cache_dir`, `cache_hours`, `no_cache`, `output_dir` and
            `ssm_regions`; one that is missing or None leaves its setting to the environment.
        environ
            Variables to read instead of the process's own.

        Raises
        ------
        ConfigurationError
            Names every option and variable that is wrong. A wrong variable does no harm where an
            option stands in for it.
        """
        given = _from_environment(environ)
        for field, option in _OPTIONS.items():
            value = getattr(args, option.removeprefix("--").replace("-", "_"), None)
            if value is not None:
                given[field] = _Given(option, value, value, None)
        if getattr(args, "no_cache", None):
            given["cache_enabled"] = _Given("--no-cache", False, False, None)
        return cls._make(given)

    @classmethod
    def for_lambda(cls, kind: LambdaKind, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of a function in Lambda, where only `/tmp` can be written.

        Folders and workers are set by `kind`, all else by the environment. The folders are those
        below `TMPDIR` where a stand-in for Lambda sets it.

        Raises
        ------
        ConfigurationError
            Names every variable that is wrong, or says that there is no such kind.
        """
        if kind not in _LAMBDA_WORKERS:
            raise ConfigurationError(
                f"no kind of function is called {kind!r}; there are {', '.join(_LAMBDA_WORKERS)}"
            )
        fixed = {
            "cache_dir": f"{tempfile.gettempdir()}/cache",
            "output_dir": f"{tempfile.gettempdir()}/output",
            "max_workers": _LAMBDA_WORKERS[kind],
        }
        given = _from_environment(environ)
        given |= {field: _Given(kind, value, value, None) for field, value in fixed.items()}
        return cls._make(given)

    @classmethod
    def _make(cls, given: Mapping[str, _Given]) -> Self:
        values = {field: setting.value for field, setting in given.items()}
        try:
            return cls.model_validate(values, strict=False)
        except ValidationError as error:
            wrong = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors())
        complaints = []
        for field in wrong:
            setting = given[field]
            quoted = repr(str(setting.text)[:_LONGEST_QUOTE])
            allowed = setting.allowed or cls.model_fields[field].description
            complaints.append(f"{setting.source} is {quoted}, but must be {allowed}")
        raise ConfigurationError(
            "; ".join(complaints), settings=[given[field].source for field in wrong]
        )


def _from_environment(environ: Mapping[str, str] | None) -> dict[str, _Given]:
    variables = os.environ if environ is None else environ
    given = {
        field: _Given(variable, variables[variable], variables[variable], None)
        for field, variable in _VARIABLES.items()
        if variables.get(variable, "").strip()
    }
    if (seconds := variables.get(_SECONDS_VARIABLE, "")).strip():
        allowed = f"a number of seconds from 0 to {_MAX_HOURS * _SECONDS_PER_HOUR}"
        given["cache_hours"] = _Given(_SECONDS_VARIABLE, _to_hours(seconds), seconds, allowed)
    return given


def _to_hours(seconds: str) -> float | str:
    try:
        return float(seconds) / _SECONDS_PER_HOUR
    except ValueError:
        return seconds  # no number of hours either, which is what the message is about
