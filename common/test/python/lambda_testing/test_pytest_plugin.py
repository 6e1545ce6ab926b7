from __future__ import annotations

import os
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import settings

pytest_plugins = ["pytester"]


def run(pytester: pytest.Pytester, **environment: str) -> pytest.RunResult:
    """Run the tests of `pytester` in a separate process, so that they do not affect this one.

    The process inherits the paths of the sources, but not the isolation of this test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        )
        for name, value in environment.items():
            patch.setenv(name, value)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider")


def test_the_aws_configuration_of_the_user_is_hidden(pytester: pytest.Pytester) -> None:
    config = pytester.makefile(".ini", config="[default]")
    pytester.makeconftest('pytest_plugins = ["lambda_testing.pytest_plugin"]')
    pytester.makepyfile(
        """
        import os
        from pathlib import Path

        def test_inside():
            assert "AWS_PROFILE" not in os.environ
            assert "https_proxy" not in os.environ
            assert os.environ["AWS_ACCESS_KEY_ID"] == "testing"
            assert not Path(os.environ["AWS_CONFIG_FILE"]).exists()
            assert not Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).exists()
        """
    )
    result = run(
        pytester,
        AWS_PROFILE="production",
        AWS_ACCESS_KEY_ID="real",
        AWS_CONFIG_FILE=str(config),
        https_proxy="http://proxy.invalid",
    )
    result.assert_outcomes(passed=1)


def test_a_client_without_the_environment_cannot_connect() -> None:
    with pytest.raises(EndpointConnectionError):
        boto3.client("sts").get_caller_identity()


def test_a_client_in_the_environment_connects_to_moto(aws_environment: str) -> None:
    client = boto3.client("sts")
    assert client.meta.endpoint_url == aws_environment
    assert client.get_caller_identity()["Account"] == "123456789012"


def test_a_bucket_is_empty_and_deleted_with_its_content(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import boto3
        import pytest

        pytest_plugins = ["lambda_testing.pytest_plugin"]

        @pytest.fixture
        def afterwards(aws_environment):
            yield
            s3 = boto3.client("s3")
            assert s3.list_buckets()["Buckets"] == []
        """
    )
    pytester.makepyfile(
        """
        import boto3

        def test_inside(afterwards, bucket):
            s3 = boto3.client("s3")
            assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
            s3.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
            for number in range(3):
                s3.put_object(Bucket=bucket, Key="a/b", Body=str(number).encode())
            s3.delete_object(Bucket=bucket, Key="a/b")
        """
    )
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("profile", "derandomized", "at_least"), [("ci", True, 50), ("deep", False, 2_000)]
)
def test_hypothesis_profiles(profile: str, derandomized: bool, at_least: int) -> None:
    chosen = settings.get_profile(profile)
    assert chosen.derandomize is derandomized
    assert chosen.max_examples >= at_least
    assert chosen.deadline is None


def test_the_environment_selects_the_profile(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["lambda_testing.pytest_plugin"]')
    pytester.makepyfile(
        """
        from hypothesis import settings

        def test_inside():
            assert settings().max_examples == 2_000
        """
    )
    run(pytester, HYPOTHESIS_PROFILE="deep").assert_outcomes(passed=1)
