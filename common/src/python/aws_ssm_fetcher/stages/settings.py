"""Environment variables that every function of the region report reads."""

from __future__ import annotations

from pydantic import Field

from lambda_core.settings import EnvironmentSettings


class StageSettings(EnvironmentSettings):
    """Settings of every stage.

    Attributes
    ----------
    output_s3_bucket
        The bucket of artefacts and reports (`OUTPUT_S3_BUCKET`).
    """

    output_s3_bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="the name of the S3 bucket of artefacts and reports",
    )
