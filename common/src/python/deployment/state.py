"""The bucket with the states of all stacks of an account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from deployment.errors import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef

_PRIVATE: Final[PublicAccessBlockConfigurationTypeDef] = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True)
class Account:
    """Where a stack is deployed, and who does it.

    Attributes
    ----------
    id
        Its number.
    region
        Where in it.
    caller
        ARN of whose credentials these are.
    """

    id: str
    region: str
    caller: str

    @property
    def partition(self) -> str:
        """Part of AWS that it belongs to, as ARNs name it."""
        return self.caller.split(":")[1]

    @property
    def state_bucket(self) -> str:
        """Name of the bucket of states."""
        return f"terraform-state-{self.id}-{self.region}"


def ensure_state_bucket(account: Account, s3: S3Client) -> None:
    """Make the bucket of states, or bring it up to date: private, encrypted, with versions.

    It is the one thing that no stack can make, because its own state would have no place. What is
    right already is not written again, so that whoever may only look can plan.

    Raises
    ------
    DeploymentError
        If it belongs to another account, or may not be made.
    """
    bucket = account.state_bucket
    owner: Any = {"Bucket": bucket, "ExpectedBucketOwner": account.id}
    try:
        try:
            s3.head_bucket(**owner)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            s3.create_bucket(Bucket=bucket, **_placement(account.region))
        if _public_access_block(s3, owner) != _PRIVATE:
            s3.put_public_access_block(**owner, PublicAccessBlockConfiguration=_PRIVATE)
        # Every state that ever was can be had back.
        if s3.get_bucket_versioning(**owner).get("Status") != "Enabled":
            s3.put_bucket_versioning(**owner, VersioningConfiguration={"Status": "Enabled"})
        # What else somebody has written there stays.
        others = _statements(s3, owner)
        if (ours := _tls_only(account)) not in others:
            policy = {"Version": "2012-10-17", "Statement": [*others, ours]}
            s3.put_bucket_policy(**owner, Policy=json.dumps(policy))
    except ClientError as error:
        raise DeploymentError(
            f"the bucket {bucket}, which keeps the states of all stacks, cannot be had: {error}"
        ) from error


def has_state_bucket(account: Account, s3: S3Client) -> bool:
    """Whether the bucket of states is there; makes nothing.

    Raises
    ------
    DeploymentError
        If it belongs to another account.
    """
    try:
        s3.head_bucket(Bucket=account.state_bucket, ExpectedBucketOwner=account.id)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise DeploymentError(
            f"the bucket {account.state_bucket}, which keeps the states of all stacks, cannot be "
            f"had: {error}"
        ) from error
    return True


def _public_access_block(s3: S3Client, owner: Any) -> object:  # noqa: ANN401 - of the API
    try:
        return s3.get_public_access_block(**owner)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return None


def _statements(s3: S3Client, owner: Any) -> list[Any]:  # noqa: ANN401 - of the API
    try:
        policy = json.loads(s3.get_bucket_policy(**owner)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return []
    return list(policy["Statement"])


def _placement(region: str) -> Any:  # noqa: ANN401 - of the API
    # S3 refuses the one region that is its default.
    if region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _tls_only(account: Account) -> dict[str, Any]:
    arn = f"arn:{account.partition}:s3:::{account.state_bucket}"
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
