"""Fixtures and profiles of all tests: `pytest_plugins = ["lambda_testing.pytest_plugin"]`.

No test can reach a real account. Each test runs with fake credentials, without the user's AWS
files, profiles and proxies, and with an endpoint on which nothing listens. With the fixture
`aws_environment`, the endpoint is moto's server.
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
"""The discard port of loopback. Nothing listens there, so calls fail at once with a clear error."""

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
    """Endpoint URL of a moto server on loopback, which runs until the session ends."""
    # Importing moto takes about two seconds. Only tests that need it should wait for it.
    from lambda_testing.moto_server import running_moto_server

    with running_moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def aws_isolation(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the user's AWS configuration, and keep every test away from real accounts."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-files"
    for name, value in _fake_environment(nowhere).items():
        monkeypatch.setenv(name, value)
    if boto3 := sys.modules.get("boto3"):
        # The default session keeps the credentials of the test that created it.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def _fake_environment(nowhere: Path) -> dict[str, str]:
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
    aws_isolation: None,  # noqa: ARG001  # sets what this fixture overrides
    moto_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Endpoint URL of moto's server, to which all AWS clients of this test connect."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    return moto_server


@pytest.fixture
def bucket(aws_environment: str) -> Iterator[str]:
    """Name of an empty bucket for this test; it is deleted afterwards with its content."""
    import boto3  # takes 0.4 s; only tests that need AWS should wait for it

    s3 = boto3.client("s3", endpoint_url=aws_environment, region_name=REGION)
    name = f"test-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=name)
