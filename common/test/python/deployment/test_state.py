from __future__ import annotations

import json
import uuid

import boto3
import pytest

from deployment.errors import DeploymentError
from deployment.state import Account, ensure_state_bucket, has_state_bucket
from lambda_testing.fault_proxy import Fault, FaultProxy, access_denied, always
from local_cloud.loopback_server import ReceivedRequest


def is_written(request: ReceivedRequest) -> bool:
    return request.method not in ("GET", "HEAD")


def some_account(region: str) -> Account:
    number = str(uuid.uuid4().int)[:12]
    return Account(number, region, f"arn:aws:iam::{number}:user/somebody")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_state_bucket_is_private_and_versioned(aws_environment: str, region: str) -> None:
    s3 = boto3.client("s3", endpoint_url=aws_environment, region_name=region)
    account = some_account(region)
    for _ in range(2):
        ensure_state_bucket(account, s3)
    name = account.state_bucket
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_correct_settings_are_not_written_again(aws_environment: str) -> None:
    account = some_account("us-east-1")
    s3 = boto3.client("s3", endpoint_url=aws_environment, region_name=account.region)
    ensure_state_bucket(account, s3)
    with FaultProxy(aws_environment, [Fault(is_written, access_denied())]) as proxy:
        ensure_state_bucket(account, boto3.client("s3", endpoint_url=proxy.url))


def test_other_statements_of_the_policy_are_kept(aws_environment: str) -> None:
    account = some_account("us-east-1")
    s3 = boto3.client("s3", endpoint_url=aws_environment, region_name=account.region)
    ensure_state_bucket(account, s3)
    arn = f"arn:aws:s3:::{account.state_bucket}"
    guard = {"Sid": "Guard", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket"}
    policy = {"Version": "2012-10-17", "Statement": [guard | {"Resource": arn}]}
    s3.put_bucket_policy(Bucket=account.state_bucket, Policy=json.dumps(policy))
    ensure_state_bucket(account, s3)
    found = json.loads(s3.get_bucket_policy(Bucket=account.state_bucket)["Policy"])
    assert [statement["Sid"] for statement in found["Statement"]] == ["Guard", "TlsOnly"]


@pytest.mark.parametrize("lost", ["public access block", "versioning", "policy"])
def test_a_lost_setting_is_restored(aws_environment: str, lost: str) -> None:
    account = some_account("us-east-1")
    s3 = boto3.client("s3", endpoint_url=aws_environment, region_name=account.region)
    ensure_state_bucket(account, s3)
    name = account.state_bucket
    if lost == "policy":
        s3.delete_bucket_policy(Bucket=name)
    elif lost == "versioning":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    else:
        s3.delete_public_access_block(Bucket=name)
    ensure_state_bucket(account, s3)
    assert s3.get_bucket_policy(Bucket=name)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=name)


def test_a_state_bucket_that_cannot_be_accessed_is_named(aws_environment: str) -> None:
    account = some_account("us-east-1")
    with FaultProxy(aws_environment, [Fault(always, access_denied())]) as proxy:
        s3 = boto3.client("s3", endpoint_url=proxy.url)
        with pytest.raises(
            DeploymentError, match=f"cannot access the state bucket {account.state_bucket}: "
        ):
            ensure_state_bucket(account, s3)


def test_asking_for_the_state_bucket_does_not_create_it(aws_environment: str) -> None:
    s3 = boto3.client("s3", endpoint_url=aws_environment)
    account = some_account("eu-central-2")
    assert not has_state_bucket(account, s3)
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert account.state_bucket not in names
    ensure_state_bucket(account, s3)
    assert has_state_bucket(account, s3)


def test_a_state_bucket_of_another_account_does_not_count_as_missing(
    aws_environment: str,
) -> None:
    with FaultProxy(aws_environment, [Fault(always, access_denied())]) as proxy:
        s3 = boto3.client("s3", endpoint_url=proxy.url)
        with pytest.raises(
            DeploymentError, match="cannot access the state bucket terraform-state-"
        ):
            has_state_bucket(some_account("us-east-1"), s3)
