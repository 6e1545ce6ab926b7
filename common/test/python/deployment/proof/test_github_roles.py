from __future__ import annotations

from pathlib import Path

import pytest

from deployment.proof.github_roles import PERMISSIONS, missing_permissions, provider_actions

ROOT = Path(__file__).parents[5]

LOG = """\
2026-01-01T00:00:00Z [DEBUG] provider.aws: HTTP Request Sent: rpc.method=GetBucketCors rpc.service=S3 tf_x=1
2026-01-01T00:00:00Z [DEBUG] provider.aws: HTTP Request Sent: rpc.service="CloudWatch Logs" rpc.method=CreateLogGroup
2026-01-01T00:00:00Z [DEBUG] provider.aws: rpc.method=CreateStateMachine http.url=any rpc.service=SFN
2026-01-01T00:00:00Z [DEBUG] provider.aws: rpc.method=GetCallerIdentity rpc.service=STS
2026-01-01T00:00:00Z [DEBUG] provider.aws: rpc.method=GetFunction rpc.service=Lambda
2026-01-01T00:00:00Z [DEBUG] provider.aws: rpc.method=GetFunction rpc.service=Lambda
2026-01-01T00:00:00Z [DEBUG] provider.aws: waiting for state
"""  # noqa: E501

POLICIES = """\
data "aws_iam_policy_document" "read" {
  statement {
    actions = ["s3:GetBucketCORS"]
  }
}

data "aws_iam_policy_document" "read_pipelines" {
}

data "aws_iam_policy_document" "write" {
  statement {
    actions = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "logs:CreateLogGroup"]
  }
}

data "aws_iam_policy_document" "write_pipelines" {
  statement {
    actions = [
      "lambda:GetFunction",
    ]
  }
}

data "aws_iam_policy_document" "write_access" {
}
"""


def test_the_log_names_the_actions_that_were_used() -> None:
    assert provider_actions(LOG.splitlines()) == {
        "lambda:GetFunction",
        "logs:CreateLogGroup",
        "s3:GetBucketCORS",
        "states:CreateStateMachine",
    }


def test_missing_permissions_are_named() -> None:
    assert list(missing_permissions(provider_actions(LOG.splitlines()), POLICIES)) == [
        "no policy of GitHub's roles allows kms:CreateGrant",
        "kms:Decrypt only reads, but the role that plans does not allow it",
        "lambda:GetFunction only reads, but the role that plans does not allow it",
        "no policy of GitHub's roles allows states:CreateStateMachine",
    ]


def test_what_a_person_does_is_not_required() -> None:
    permissions = (ROOT / PERMISSIONS).read_text(encoding="utf-8")
    assert list(missing_permissions(["kms:CreateKey"], permissions)) == []
    assert '"kms:CreateKey"' not in permissions


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("lambda:GetFunction", True),
        ("iam:CreateRole", True),
        # GitHub does not delete data.
        ("s3:DeleteBucket", False),
        ("dynamodb:DeleteTable", False),
        ("kms:ScheduleKeyDeletion", False),
        ("kms:TagResource", False),
        ("iam:AttachRolePolicy", False),
        ("iam:DeleteRolePermissionsBoundary", False),
        ("iam:UpdateOpenIDConnectProviderThumbprint", False),
    ],
)
def test_the_roles_can_only_deploy(action: str, *, allowed: bool) -> None:
    permissions = (ROOT / PERMISSIONS).read_text(encoding="utf-8")
    assert (not list(missing_permissions([action], permissions))) == allowed
