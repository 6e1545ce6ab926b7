"""Checks that GitHub's roles have the permissions that Terraform needs for a stack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

PERMISSIONS: Final = Path("terraform/stacks/github_oidc/permissions.tf")

_READING: Final = ("read", "read_pipelines")
_WRITING: Final = ("write", "write_pipelines", "write_access")

# How the provider's log names a call: https://opentelemetry.io/docs/specs/semconv/rpc/aws-sdk/
_METHOD: Final = re.compile(r"\brpc\.method=(\w+)")
_SERVICE: Final = re.compile(r'\brpc\.service=(?:"([^"]+)"|(\w+))')

_PREFIXES: Final = {"CloudWatch Logs": "logs", "SFN": "states"}
"""Prefixes of the actions of services, if they differ from the service's name."""

# Actions whose names differ from the call's name:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3_ACTIONS: Final = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}

_BY_HAND: Final = frozenset({"kms:CreateKey"})
"""What a person does in the first deployment. A role that can tag keys can use any key."""

# What AWS services request of a key on behalf of the caller; the log does not show these calls:
# https://docs.aws.amazon.com/kms/latest/developerguide/services-integration.html
_KEY_ACTIONS_READING: Final = frozenset({"kms:Decrypt"})
_KEY_ACTIONS_WRITING: Final = frozenset(
    {"kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
)

_ALWAYS_ALLOWED: Final = "sts:GetCallerIdentity"


def provider_actions(log: Iterable[str]) -> set[str]:
    """Return the actions that the AWS provider used, from the lines of its log."""
    found = set()
    for line in log:
        method, service = _METHOD.search(line), _SERVICE.search(line)
        if method and service:
            name = service[1] or service[2]
            prefix = _PREFIXES.get(name, name.lower())
            action = _S3_ACTIONS.get(method[1], method[1]) if prefix == "s3" else method[1]
            found.add(f"{prefix}:{action}")
    return found - {_ALWAYS_ALLOWED}


def missing_permissions(actions: Iterable[str], permissions: str) -> Iterator[str]:
    """Yield the permissions that are missing in GitHub's roles, one line each.

    Parameters
    ----------
    actions
        Actions that a deployment uses.
    permissions
        Content of the file with the roles' policies.
    """
    reading = _named(permissions, _READING)
    both = reading | _named(permissions, _WRITING)
    for action in sorted({*actions, *_KEY_ACTIONS_WRITING} - _BY_HAND):
        if action not in both:
            yield f"no policy of GitHub's roles allows {action}"
        elif (_reads(action) or action in _KEY_ACTIONS_READING) and action not in reading:
            yield f"{action} only reads, but the role that plans does not allow it"


def _reads(action: str) -> bool:
    return action.partition(":")[2].startswith(("Describe", "Get", "List"))


def _named(permissions: str, documents: Iterable[str]) -> set[str]:
    """Return the actions in policy documents, given by their names."""
    found: set[str] = set()
    for name in documents:
        block = rf'^data "aws_iam_policy_document" "{name}" \{{\n(.*?)^\}}'
        (body,) = re.findall(block, permissions, re.MULTILINE | re.DOTALL)
        found |= set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', body))
    return found
