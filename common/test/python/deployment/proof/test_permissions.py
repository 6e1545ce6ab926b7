from __future__ import annotations

import json
import uuid

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployment.proof.permissions import (
    Permission,
    compare,
    is_required,
    permissions_of,
    used_permissions,
)
from local_cloud.recorder import Call

GET = Permission("s3:GetObject", "arn:aws:s3:::data/raw/*")
X, Y = "arn:aws:s3:::x", "arn:aws:s3:::y"
LIST = Permission("s3:ListBucket", "arn:aws:s3:::data")


def call(action: str, resource: str, caller: str = "reader") -> Call:
    return Call(caller, action, resource)


def test_calls_that_are_allowed() -> None:
    compared = compare({"reader": [GET]}, [call("s3:GetObject", "arn:aws:s3:::data/raw/1")])
    assert list(compared.lines()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        call("s3:PutObject", "arn:aws:s3:::data/raw/1"),
        call("s3:GetObject", "arn:aws:s3:::data/reports/1"),
        call("s3:GetObject", "arn:aws:s3:::other/raw/1"),
    ],
)
def test_a_call_that_is_not_allowed_is_reported(wrong: Call) -> None:
    right = call("s3:GetObject", "arn:aws:s3:::data/raw/1")
    compared = compare({"reader": [GET]}, [right, wrong])
    assert compared.missing == (wrong,)
    assert list(compared.lines()) == [
        f"reader called {wrong.action} on {wrong.resource}, which its role does not allow"
    ]


def test_a_permission_that_is_never_used_is_reported() -> None:
    compared = compare({"reader": [GET], "writer": []}, [])
    assert list(compared.lines()) == [
        "reader may call s3:GetObject on arn:aws:s3:::data/raw/*, but never did"
    ]


def test_a_call_of_another_function_does_not_count() -> None:
    other = call("s3:GetObject", "arn:aws:s3:::data/raw/1", caller="writer")
    compared = compare({"reader": [GET], "writer": [GET]}, [other])
    assert compared.unused == (("reader", GET),)


def test_calls_of_people_are_ignored() -> None:
    assert compare({}, [call("iam:CreateRole", "*", caller="local")]).missing == ()


def test_reading_a_missing_object_uses_the_permission_to_list() -> None:
    read = call("s3:GetObject", "arn:aws:s3:::data/raw/1")
    assert compare({"reader": [GET, LIST]}, [read]).unused == ()


def test_permissions_that_no_run_can_show_are_accepted() -> None:
    invisible = [
        Permission("kms:Decrypt", "arn:aws:kms:us-east-1:1:key/1"),
        Permission("s3:DeleteObject", "arn:aws:s3:::data/cache/*", "RarelyDelete"),
    ]
    assert compare({"reader": invisible}, []).unused == ()


def test_a_used_permission_is_required() -> None:
    read = call("s3:GetObject", "arn:aws:s3:::data/raw/1")
    permissions = {"reader": [GET, LIST], "writer": [GET]}
    used = used_permissions(permissions, [read])
    assert used == [("reader", GET)]
    assert is_required(used[0], permissions, [read])


def test_a_call_that_two_permissions_allow_requires_neither() -> None:
    wide = Permission("s3:*", "arn:aws:s3:::data/*")
    read = call("s3:GetObject", "arn:aws:s3:::data/raw/1")
    assert not is_required(("reader", GET), {"reader": [GET, wide]}, [read])


@given(st.text(alphabet="ab[]!-*?", max_size=8))
def test_brackets_are_ordinary_characters(name: str) -> None:
    allowed = Permission("s3:GetObject", f"arn:aws:s3:::data/{name}")
    assert allowed.covers(call("s3:GetObject", f"arn:aws:s3:::data/{name}"))
    if not set(name) & set("*?"):
        assert not allowed.covers(call("s3:GetObject", f"arn:aws:s3:::data/{name}c"))


def test_permissions_come_from_all_policies_of_a_role(aws_environment: str) -> None:
    iam, role = boto3.client("iam", endpoint_url=aws_environment), f"role-{uuid.uuid4()}"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    allowed = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": [X, Y]}
    denied = {"Effect": "Deny", "Action": ["s3:*"], "Resource": "*"}
    for name, statement in {
        "one": [allowed, denied],
        "two": allowed | {"Action": ["s3:PutObject"]},
    }.items():
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    assert sorted(permissions_of(role, iam)) == [
        Permission("s3:GetObject", X, "Read"),
        Permission("s3:GetObject", Y, "Read"),
        Permission("s3:PutObject", X, "Read"),
        Permission("s3:PutObject", Y, "Read"),
    ]
