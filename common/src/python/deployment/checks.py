"""What would fail in the middle of a deployment, found before anything is changed."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from artefacts.function_settings import FunctionSettings
from deployment.errors import DeploymentError
from deployment.stacks import PRODUCTION
from deployment.state import Account

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# `e_machine` of https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
_MACHINES: Final = {62: "x86_64", 183: "arm64"}
_ELF: Final = b"\x7fELF"

_KEEPS_DATA: Final = frozenset({"aws_dynamodb_table", "aws_kms_key", "aws_s3_bucket"})
"""Types of resources with which data goes for good."""

_INDEXES: Final = "global_secondary_index"

_OF_INDEX: Final = ("name", "hash_key", "range_key", "projection_type", "non_key_attributes")
"""What cannot be changed in an index that is there."""


def check_packages(
    packages: Path, functions: Mapping[str, FunctionSettings], architecture: str
) -> None:
    """Check that all packages are there and fit.

    Raises
    ------
    DeploymentError
        Names what is missing, damaged, or built for another machine.
    """
    layers = sorted({layer for one in functions.values() for layer in one.layers})
    code = [packages / "functions" / f"{name}.zip" for name in sorted(functions)]
    built = [packages / "layers" / architecture / f"{layer}.zip" for layer in layers]
    for path in (*code, *built):
        if not path.is_file():
            raise DeploymentError(f"{path} is missing: bin/pants package lambda:: makes it")
    for path in (*code, *built):
        if others := sorted(set(_machines(path)) - {architecture}):
            raise DeploymentError(
                f"{path} holds packages for {' and '.join(others)}, and the functions run on "
                f"{architecture}: bin/pants package lambda:: makes both"
            )


def _machines(path: Path) -> Iterator[str]:
    """Yield the machine of each native library in a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if ".so" not in Path(entry.filename).suffixes:
                    continue
                with archive.open(entry) as library:
                    header = library.read(20)
                if header.startswith(_ELF):
                    (number,) = struct.unpack_from("<H", header, 18)
                    yield _MACHINES.get(number, f"machine {number}")
    except (zipfile.BadZipFile, struct.error) as error:
        raise DeploymentError(f"{path} is damaged ({error}): package it anew") from error


def check_plan(
    changes: Sequence[Mapping[str, Any]], environment: str, account: Account, s3: S3Client
) -> None:
    """Check a plan's changes against what only a look at the account can tell.

    Parameters
    ----------
    changes
        `resource_changes` of a plan.
    environment
        Of the stack: in production, nothing that keeps data may go.
    account
        Where, and who deploys.

    Raises
    ------
    DeploymentError
        If a bucket's name is taken, something that keeps data would be deleted, or whoever deploys
        makes no keys.
    """
    _refuse_deletions(changes, environment)
    keys = [str(one["address"]) for one in changes if _makes_key(one)]
    if keys and f":assumed-role/github-{environment}-" in account.caller:
        raise DeploymentError(
            f"{', '.join(keys)} would be made, and the roles of GitHub make no keys: a person "
            f"deploys each stack to {environment} for the first time; nothing was changed"
        )
    for change in changes:
        name = (change["change"].get("after") or {}).get("bucket")
        # One that is replaced gets a new name, too, or waits for its old one.
        made = change["change"]["actions"] in (
            ["create"],
            ["delete", "create"],
            ["create", "delete"],
        )
        if change["type"] == "aws_s3_bucket" and made and name != _name_before(change) and name:
            _require_free(str(name), account, s3)


def _refuse_deletions(changes: Sequence[Mapping[str, Any]], environment: str) -> None:
    gone = [str(one["address"]) for one in _deleted(changes)]
    if environment == PRODUCTION:
        gone += [index for change in changes for index in _lost_indexes(change)]
        if gone:
            raise DeploymentError(
                f"this would delete {', '.join(gone)} in production, with what it keeps; nothing "
                "was changed. If that is meant, do it by hand, with Terraform itself"
            )
    # Terraform would delete what is around it, and its key, before it fails.
    if kept := [str(one["address"]) for one in _deleted(changes) if _is_protected(one)]:
        raise DeploymentError(
            f"this would delete what is protected: {', '.join(kept)}; nothing was changed. If that "
            "is meant, deploy with `deletable = true` in the environment's file first"
        )


def _deleted(changes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for change in changes:
        if change["type"] in _KEEPS_DATA and "delete" in change["change"]["actions"]:
            yield change


def _is_protected(change: Mapping[str, Any]) -> bool:
    before = change["change"].get("before") or {}
    if change["type"] == "aws_s3_bucket":
        return not before.get("force_destroy")
    return bool(before.get("deletion_protection_enabled"))


def _lost_indexes(change: Mapping[str, Any]) -> Iterator[str]:
    """Name the indexes of a table that go, or are made anew and answer nothing meanwhile."""
    if change["type"] != "aws_dynamodb_table":
        return
    before, after = (
        {one["name"]: one for one in (change["change"].get(when) or {}).get(_INDEXES) or []}
        for when in ("before", "after")
    )
    for name, index in before.items():
        # The provider has "" for what is not set, or null.
        if any(
            (index.get(part) or None) != (after.get(name, {}).get(part) or None)
            for part in _OF_INDEX
        ):
            yield f"the index {name} of {change['address']}"


def _makes_key(change: Mapping[str, Any]) -> bool:
    return change["type"] == "aws_kms_key" and "create" in change["change"]["actions"]


def _name_before(change: Mapping[str, Any]) -> object:
    return (change["change"].get("before") or {}).get("bucket")


def _require_free(bucket: str, account: Account, s3: S3Client) -> None:
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account.id)
    except ClientError as error:
        code = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code == 404:
            return
        if code == 403:
            raise DeploymentError(
                f"the bucket {bucket} belongs to another account, or you may not look "
                "(s3:ListBucket): bucket names are unique over all accounts; nothing was changed"
            ) from error
        raise DeploymentError(
            f"whether the name {bucket} is free cannot be found out: {error}; nothing was changed"
        ) from error
    raise DeploymentError(
        f"the bucket {bucket} exists in this account, but not in this stack's state: import it "
        "(terraform import) or remove it; nothing was changed"
    )
