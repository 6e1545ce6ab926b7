"""Finds what would make a deployment fail halfway, before anything is changed."""

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
"""Types of resources that hold data; deleting them deletes the data."""

_INDEXES: Final = "global_secondary_index"

_OF_INDEX: Final = ("name", "hash_key", "range_key", "projection_type", "non_key_attributes")
"""Attributes of an index that cannot be changed without recreating it."""


def check_packages(
    packages: Path, functions: Mapping[str, FunctionSettings], architecture: str
) -> None:
    """Check that all packages exist and are built for the architecture.

    Raises
    ------
    DeploymentError
        A package is missing, damaged, or built for another architecture; the message names it.
    """
    layers = sorted({layer for settings in functions.values() for layer in settings.layers})
    code = [packages / "functions" / f"{name}.zip" for name in sorted(functions)]
    built = [packages / "layers" / architecture / f"{layer}.zip" for layer in layers]
    for path in (*code, *built):
        if not path.is_file():
            raise DeploymentError(f"{path} is missing; create it with: bin/pants package lambda::")
    for path in (*code, *built):
        if others := sorted(set(_machines(path)) - {architecture}):
            raise DeploymentError(
                f"{path} contains packages for {' and '.join(others)}, but the functions run on "
                f"{architecture}; create both with: bin/pants package lambda::"
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
        raise DeploymentError(
            f"{path} is damaged ({error}); create it again with: bin/pants package lambda::"
        ) from error


def check_plan(
    changes: Sequence[Mapping[str, Any]], environment: str, account: Account, s3: S3Client
) -> None:
    """Check a plan's changes for what Terraform does not check.

    Parameters
    ----------
    changes
        `resource_changes` of a plan.
    environment
        Environment of the stack. In production, resources that hold data cannot be deleted.
    account
        The account, the region, and who deploys.

    Raises
    ------
    DeploymentError
        A bucket's name is taken, a resource that holds data would be deleted, or a GitHub role
        would have to create a key.
    """
    _refuse_deletions(changes, environment)
    keys = [str(change["address"]) for change in changes if _creates_key(change)]
    if keys and f":assumed-role/github-{environment}-" in account.caller:
        raise DeploymentError(
            f"{', '.join(keys)} would be created, but GitHub's roles cannot create keys; nothing "
            f"was changed. A person must deploy this stack to {environment} the first time"
        )
    for change in changes:
        name = (change["change"].get("after") or {}).get("bucket")
        # A bucket that is replaced may get a new name.
        created = change["change"]["actions"] in (
            ["create"],
            ["delete", "create"],
            ["create", "delete"],
        )
        if change["type"] == "aws_s3_bucket" and created and name != _name_before(change) and name:
            _require_free(str(name), account, s3)


def _refuse_deletions(changes: Sequence[Mapping[str, Any]], environment: str) -> None:
    deleted = [str(change["address"]) for change in _deleted(changes)]
    if environment == PRODUCTION:
        deleted += [index for change in changes for index in _lost_indexes(change)]
        if deleted:
            raise DeploymentError(
                f"this would delete {', '.join(deleted)} in production, with all data; nothing was "
                "changed. If this is intended, delete it yourself with Terraform"
            )
    # Terraform would delete other resources, and the key, before it fails.
    protected = [str(change["address"]) for change in _deleted(changes) if _is_protected(change)]
    if protected:
        raise DeploymentError(
            f"this would delete protected resources: {', '.join(protected)}; nothing was changed. "
            "If this is intended, first deploy with `deletable = true` in the environment's file"
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
    """Yield a table's indexes that would be deleted, or recreated and unusable in the meantime."""
    if change["type"] != "aws_dynamodb_table":
        return
    before, after = (
        {index["name"]: index for index in (change["change"].get(when) or {}).get(_INDEXES) or []}
        for when in ("before", "after")
    )
    for name, index in before.items():
        # The provider uses either "" or null for an attribute that is not set.
        if any(
            (index.get(part) or None) != (after.get(name, {}).get(part) or None)
            for part in _OF_INDEX
        ):
            yield f"the index {name} of {change['address']}"


def _creates_key(change: Mapping[str, Any]) -> bool:
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
                f"the bucket {bucket} belongs to another account, or you do not have "
                "the permission s3:ListBucket. Bucket names are unique across all accounts; "
                "nothing was changed"
            ) from error
        raise DeploymentError(
            f"cannot check whether the bucket name {bucket} is free: {error}; nothing was changed"
        ) from error
    raise DeploymentError(
        f"the bucket {bucket} exists in this account, but not in this stack's state; nothing was "
        "changed. Import it (terraform import) or delete it"
    )
