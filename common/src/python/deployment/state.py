"""The state bucket: it stores the Terraform states of all stacks of an account and region."""

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
    """The account and region of a deployment, and who deploys.

    Attributes
    ----------
    id
        Account number.
    region
        Such as `eu-west-1`.
    caller
        ARN of the identity whose credentials are used.

    Examples
    --------
    >>> account = Account("123456789012", "eu-west-1", "arn:aws:iam::123456789012:user/me")
    >>> account.partition, account.state_bucket
    ('aws', 'terraform-state-123456789012-eu-west-1')
    """

    id: str
    region: str
    caller: str

    @property
    def partition(self) -> str:
        """AWS partition, such as `aws` or `aws-cn`."""
        return self.caller.split(":")[1]

    @property
    def state_bucket(self) -> str:
        """Name of the state bucket."""
        return f"terraform-state-{self.id}-{self.region}"

    def backend(self, state_key: str) -> dict[str, str]:
        """Return the settings of Terraform's S3 backend for the state with this key."""
        return {
            "bucket": self.state_bucket,
            "encrypt": "true",
            "key": state_key,
            "region": self.region,
            "use_lockfile": "true",
        }


def ensure_state_bucket(account: Account, s3: S3Client) -> None:
    """Create the state bucket, or correct its settings: private, encrypted, versioned.

    No stack can create this bucket, because there would be no place for that stack's own state.
    Settings that are already correct are not written again, so a caller with read access can plan.

    Raises
    ------
    DeploymentError
        The bucket belongs to another account, or the caller may not create or change it.
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
        # Versions allow every earlier state to be restored.
        if s3.get_bucket_versioning(**owner).get("Status") != "Enabled":
            s3.put_bucket_versioning(**owner, VersioningConfiguration={"Status": "Enabled"})
        # Other statements of the policy are kept.
        others = _statements(s3, owner)
        if (ours := _tls_only(account)) not in others:
            policy = {"Version": "2012-10-17", "Statement": [*others, ours]}
            s3.put_bucket_policy(**owner, Policy=json.dumps(policy))
    except ClientError as error:
        raise _not_accessible(account, error) from error


def has_state_bucket(account: Account, s3: S3Client) -> bool:
    """Whether the state bucket exists. Creates nothing.

    Raises
    ------
    DeploymentError
        The bucket belongs to another account, or the caller may not access it.
    """
    try:
        s3.head_bucket(Bucket=account.state_bucket, ExpectedBucketOwner=account.id)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise _not_accessible(account, error) from error
    return True


def _not_accessible(account: Account, error: ClientError) -> DeploymentError:
    return DeploymentError(
        f"cannot access the state bucket {account.state_bucket}: {error}; check that it belongs to "
        f"the account {account.id} and that {account.caller} may use it"
    )


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
    # S3 rejects its default region as a location constraint.
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
