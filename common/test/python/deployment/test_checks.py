from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from artefacts.function_settings import FunctionSettings
from deployment.checks import check_packages, check_plan
from deployment.errors import DeploymentError
from deployment.state import Account
from lambda_testing.fault_proxy import Fault, FaultProxy, always, respond

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FUNCTIONS = {"reader": FunctionSettings(memory_mb=128, timeout_seconds=3, layers=("http",))}
MACHINES = {"x86_64": 62, "arm64": 183}
ACCOUNT = Account("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/someone")
GITHUB = Account(
    "123456789012", "us-east-1", "arn:aws:sts::123456789012:assumed-role/github-dev-apply/GitHub"
)


def library(architecture: str) -> bytes:
    """The first bytes of a native library."""
    return b"\x7fELF".ljust(18, b"\0") + struct.pack("<H", MACHINES[architecture])


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Packages with the right layer for each architecture."""
    (tmp_path / "functions").mkdir()
    zipfile.ZipFile(tmp_path / "functions/reader.zip", "w").close()
    for architecture in MACHINES:
        layer(tmp_path, architecture, architecture)
    return tmp_path


def layer(packages: Path, place: str, architecture: str) -> None:
    folder = packages / "layers" / place
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "http.zip", "w") as archive:
        archive.writestr("python/fast.so", library(architecture))
        archive.writestr("python/faster.cpython-312.so", library(architecture))
        archive.writestr("python/linker.so", b"INPUT(libother.so)")
        archive.writestr("python/slow.py", "")


@pytest.mark.parametrize("architecture", MACHINES)
def test_complete_packages(packages: Path, architecture: str) -> None:
    check_packages(packages, FUNCTIONS, architecture)


@pytest.mark.parametrize("name", ["functions/reader.zip", "layers/arm64/http.zip"])
def test_a_missing_package_is_named(packages: Path, name: str) -> None:
    (packages / name).unlink()
    with pytest.raises(
        DeploymentError, match=f"{name} is missing; create it with: bin/pants package"
    ):
        check_packages(packages, FUNCTIONS, "arm64")


def test_a_layer_for_another_machine_is_named(packages: Path) -> None:
    layer(packages, "arm64", "x86_64")
    with pytest.raises(
        DeploymentError,
        match=r"arm64/http\.zip contains packages for x86_64, but the functions run on arm64",
    ):
        check_packages(packages, FUNCTIONS, "arm64")


@pytest.mark.parametrize("name", ["functions/reader.zip", "layers/arm64/http.zip"])
def test_a_damaged_package_is_named(packages: Path, name: str) -> None:
    (packages / name).write_bytes(b"PK")
    with pytest.raises(DeploymentError, match=f"{name} is damaged"):
        check_packages(packages, FUNCTIONS, "arm64")


def change(kind: str, actions: list[str], **after: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "address": f"module.data.{kind}.this",
        "type": kind,
        "change": {"actions": actions, "after": after or None},
    }


@pytest.fixture
def s3(aws_environment: str) -> S3Client:
    return boto3.client("s3", endpoint_url=aws_environment)


def test_a_new_bucket_with_a_free_name(s3: S3Client) -> None:
    check_plan([change("aws_s3_bucket", ["create"], bucket="free-name")], "dev", ACCOUNT, s3)


def test_a_bucket_that_exists_but_is_not_in_the_state(s3: S3Client, bucket: str) -> None:
    with pytest.raises(DeploymentError, match=f"{bucket} exists in this account, but not in"):
        check_plan([change("aws_s3_bucket", ["create"], bucket=bucket)], "dev", ACCOUNT, s3)


@pytest.mark.parametrize("actions", [["delete", "create"], ["create", "delete"]])
def test_the_new_name_of_a_replaced_bucket_is_checked(
    s3: S3Client, bucket: str, actions: list[str]
) -> None:
    renamed = change("aws_s3_bucket", actions, bucket=bucket)
    renamed["change"]["before"] = {"bucket": "old-name", "force_destroy": True}
    with pytest.raises(DeploymentError, match=f"{bucket} exists in this account, but not in"):
        check_plan([renamed], "dev", ACCOUNT, s3)
    renamed["change"]["before"] = {"bucket": bucket, "force_destroy": True}
    check_plan([renamed], "dev", ACCOUNT, s3)


def test_a_bucket_of_another_account(aws_environment: str) -> None:
    with FaultProxy(aws_environment, [Fault(always, respond(403))]) as proxy:
        s3 = boto3.client("s3", endpoint_url=proxy.url)
        with pytest.raises(DeploymentError, match="taken-name belongs to another account"):
            check_plan(
                [change("aws_s3_bucket", ["create"], bucket="taken-name")], "dev", ACCOUNT, s3
            )


def test_a_bucket_that_remains_is_not_checked(aws_environment: str) -> None:
    with FaultProxy(aws_environment) as proxy:
        s3 = boto3.client("s3", endpoint_url=proxy.url)
        check_plan([change("aws_s3_bucket", ["update"], bucket="ours")], "dev", ACCOUNT, s3)
        assert not proxy.calls


@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"], ["create", "delete"]])
@pytest.mark.parametrize("kind", ["aws_s3_bucket", "aws_dynamodb_table", "aws_kms_key"])
def test_no_resource_with_data_is_deleted_in_production(
    s3: S3Client, kind: str, actions: list[str]
) -> None:
    changes = [change("aws_iam_role", ["delete"]), change(kind, actions)]
    with pytest.raises(DeploymentError, match=rf"would delete module\.data\.{kind}\.this"):
        check_plan(changes, "prod", ACCOUNT, s3)


def deleted(kind: str, **before: Any) -> dict[str, Any]:  # noqa: ANN401
    deletion = change(kind, ["delete"])
    deletion["change"]["before"] = before
    return deletion


def test_unprotected_resources_are_deleted_outside_production(s3: S3Client) -> None:
    changes = [
        deleted("aws_s3_bucket", force_destroy=True),
        deleted("aws_dynamodb_table", deletion_protection_enabled=False),
        deleted("aws_kms_key"),
    ]
    check_plan([*changes, deleted("aws_iam_role")], "staging", ACCOUNT, s3)
    check_plan([deleted("aws_iam_role")], "prod", ACCOUNT, s3)


@pytest.mark.parametrize(
    "protected",
    [
        deleted("aws_s3_bucket", force_destroy=False),
        deleted("aws_dynamodb_table", deletion_protection_enabled=True),
    ],
)
def test_protected_resources_are_not_deleted_in_any_environment(
    s3: S3Client, protected: dict[str, Any]
) -> None:
    changes = [deleted("aws_kms_key"), protected]
    with pytest.raises(DeploymentError, match=f"protected resources: {protected['address']}; noth"):
        check_plan(changes, "staging", ACCOUNT, s3)


def table(*indexes: dict[str, Any]) -> dict[str, Any]:
    return {"name": "patches", "global_secondary_index": list(indexes)}


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        ([{"name": "ByStatus", "hash_key": "status"}], False),
        ([{"name": "ByStatus", "hash_key": "status", "range_key": None}], False),
        ([{"name": "ByStatus", "hash_key": "status"}, {"name": "ByDate", "hash_key": "d"}], False),
        ([{"name": "ByStatus", "hash_key": "state"}], True),
        ([{"name": "ByState", "hash_key": "status"}], True),
        ([], True),
    ],
)
def test_no_index_is_deleted_or_recreated_in_production(
    s3: S3Client, after: list[dict[str, Any]], *, lost: bool
) -> None:
    changed = change("aws_dynamodb_table", ["update"], **table(*after))
    changed["change"]["before"] = table({"name": "ByStatus", "hash_key": "status", "range_key": ""})
    check_plan([changed], "staging", ACCOUNT, s3)
    if not lost:
        check_plan([changed], "prod", ACCOUNT, s3)
        return
    with pytest.raises(DeploymentError, match=r"delete the index ByStatus of module\.data"):
        check_plan([changed], "prod", ACCOUNT, s3)


def test_only_a_person_creates_keys(s3: S3Client) -> None:
    created = [change("aws_kms_key", ["create"])]
    check_plan(created, "dev", ACCOUNT, s3)
    with pytest.raises(
        DeploymentError, match="A person must deploy this stack to dev the first time"
    ):
        check_plan(created, "dev", GITHUB, s3)
    check_plan([change("aws_kms_key", ["update"])], "dev", GITHUB, s3)
