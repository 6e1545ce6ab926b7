"""Whether the roles of GitHub may do what Terraform does for a stack."""

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
"""Prefixes of actions of services whose names are others."""

# Where an action is not named as the call is:
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
"""What a person does at the first deployment: whoever gives a key its tags could have any key."""

# What services ask the key for on behalf of whoever calls them, which no log of calls shows:
# https://docs.aws.amazon.com/kms/latest/developerguide/services-integration.html
_ASKED_OF_KEYS_READING: Final = frozenset({"kms:Decrypt"})
_ASKED_OF_KEYS_WRITING: Final = frozenset(
    {"kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
)

_FOR_EVERYBODY: Final = "sts:GetCallerIdentity"


def provider_actions(log: Iterable[str]) -> set[str]:
    """Return the actions that the AWS provider called, from the lines of its log."""
    found = set()
    for line in log:
        method, service = _METHOD.search(line), _SERVICE.search(line)
        if method and service:
            name = service[1] or service[2]
            prefix = _PREFIXES.get(name, name.lower())
            action = _S3_ACTIONS.get(method[1], method[1]) if prefix == "s3" else method[1]
            found.add(f"{prefix}:{action}")
    return found - {_FOR_EVERYBODY}


def refused(actions: Iterable[str], permissions: str) -> Iterator[str]:
    """Yield what a role of GitHub would be refused, each in one line.

    Parameters
    ----------
    actions
        That a deployment needs.
    permissions
        Content of the file with the roles' policies.
    """
    reading = _named(permissions, _READING)
    both = reading | _named(permissions, _WRITING)
    for action in sorted({*actions, *_ASKED_OF_KEYS_WRITING} - _BY_HAND):
        if action not in both:
            yield f"{action} is in no policy of GitHub's roles"
        elif (_reads(action) or action in _ASKED_OF_KEYS_READING) and action not in reading:
            yield f"{action} reads, and is not in what the role that plans may do"


def _reads(action: str) -> bool:
    return action.partition(":")[2].startswith(("Describe", "Get", "List"))


def _named(permissions: str, documents: Iterable[str]) -> set[str]:
    """Return the actions that some policy documents name."""
    found: set[str] = set()
    for name in documents:
        block = rf'^data "aws_iam_policy_document" "{name}" \{{\n(.*?)^\}}'
        (body,) = re.findall(block, permissions, re.MULTILINE | re.DOTALL)
        found |= set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', body))
    return found
