from __future__ import annotations

from pathlib import Path

import pytest

from deployment.proof.github_roles import PERMISSIONS, provider_actions, refused

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


def test_the_log_tells_which_actions_were_called() -> None:
    assert provider_actions(LOG.splitlines()) == {
        "lambda:GetFunction",
        "logs:CreateLogGroup",
        "s3:GetBucketCORS",
        "states:CreateStateMachine",
    }


def test_what_a_role_lacks_is_named() -> None:
    assert list(refused(provider_actions(LOG.splitlines()), POLICIES)) == [
        "kms:CreateGrant is in no policy of GitHub's roles",
        "kms:Decrypt reads, and is not in what the role that plans may do",
        "lambda:GetFunction reads, and is not in what the role that plans may do",
        "states:CreateStateMachine is in no policy of GitHub's roles",
    ]


def test_what_a_person_does_is_no_lack() -> None:
    permissions = (ROOT / PERMISSIONS).read_text(encoding="utf-8")
    assert list(refused(["kms:CreateKey"], permissions)) == []
    assert '"kms:CreateKey"' not in permissions


@pytest.mark.parametrize(
    ("action", "good"),
    [
        ("lambda:GetFunction", True),
        ("iam:CreateRole", True),
        # Data is not deleted by GitHub.
        ("s3:DeleteBucket", False),
        ("dynamodb:DeleteTable", False),
        ("kms:ScheduleKeyDeletion", False),
        ("kms:TagResource", False),
        ("iam:AttachRolePolicy", False),
        ("iam:DeleteRolePermissionsBoundary", False),
        ("iam:UpdateOpenIDConnectProviderThumbprint", False),
    ],
)
def test_the_roles_may_do_no_more_than_deploy(action: str, *, good: bool) -> None:
    permissions = (ROOT / PERMISSIONS).read_text(encoding="utf-8")
    assert (not list(refused([action], permissions))) == good
