"""Fixtures and profiles of all tests: `pytest_plugins = ["lambda_testing.pytest_plugin"]`.

No test can reach a real account: each one runs with made-up credentials, without the user's AWS
files, profiles and proxies, and with an endpoint at which nobody listens, unless it asks for
`aws_environment`, which points at moto's server.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REGION = "us-east-1"

NOBODY = "http://127.0.0.1:9"
"""The discard port of loopback, where nothing listens: calls fail at once, with a clear error."""

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

settings.register_profile(
    "ci",
    derandomize=True,
    max_examples=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep",
    max_examples=2_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """Endpoint URL of a moto server on loopback that lives as long as the session."""
    # Importing moto takes about two seconds, which only tests that need it should pay.
    from lambda_testing.moto_server import running_moto_server

    with running_moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def aws_isolation(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the user's AWS set-up out, and every test away from real accounts."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-files"
    for name, value in _made_up_environment(nowhere).items():
        monkeypatch.setenv(name, value)
    if boto3 := sys.modules.get("boto3"):
        # The default session keeps the credentials of the test that made it.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def _made_up_environment(nowhere: Path) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": NOBODY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(nowhere / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(nowhere / "credentials"),
    }


@pytest.fixture
def aws_environment(
    aws_isolation: None,  # noqa: ARG001  # sets what is overridden here
    moto_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Environment in which every AWS client talks to moto's server; its endpoint URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    return moto_server


@pytest.fixture
def bucket(aws_environment: str) -> Iterator[str]:
    """Name of an empty bucket of this test's own; it is removed with all that is in it."""
    import boto3  # costs 0.4 s, which only tests that need AWS should pay

    s3 = boto3.client("s3", endpoint_url=aws_environment, region_name=REGION)
    name = f"test-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=name)
