"""Patches of moto's S3."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, added, around

_LOCKS = 64
"""Number of locks; the requests for a key always use the same lock."""


def requests_for_a_key_run_in_sequence() -> None:
    """Run the requests for the same object one after the other, so that each is atomic.

    AWS: of concurrent conditional writes, "the first write operation to finish succeeds", and the
    others fail with 412
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). A reader gets
    the old object or the new object, never a mixture
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel). moto
    checks the condition, writes the object, and adds its metadata in separate steps.
    """
    from moto.s3.responses import S3Response

    locks = tuple(threading.RLock() for _ in range(_LOCKS))

    @around(S3Response, "_key_response")
    def respond(original: Callable[..., object], self: Moto, request: Moto, url: str) -> object:
        key = (self.parse_bucket_name_from_url(request, url), self.parse_key_name())
        with locks[hash(key) % _LOCKS]:
            return original(self, request, url)


def delete_markers_can_be_removed() -> None:
    """Allow deleting delete markers after versioning was suspended, as Terraform does.

    AWS: delete markers are deleted like versions
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/RemDelMarker.html). moto fails with an
    internal error after versioning was suspended, because its object for a delete marker has no
    method `dispose`.
    """
    from moto.s3.models import FakeDeleteMarker

    @added(FakeDeleteMarker, "dispose")
    def dispose(self: Moto, garbage: bool = False) -> None:
        """Do nothing: a delete marker has no content."""


def conditions_of_bucket_policies() -> None:
    """Ignore statements of bucket policies that have a condition.

    AWS: a statement is in effect only if its Condition is true
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html).
    moto ignores the condition and applies the statement, so the usual rule "deny requests without
    TLS" denies everything. With this patch, every condition is false. On AWS, the usual conditions
    are false for requests that use TLS and come from the same account.
    """
    from moto.s3.models import FakeBucket

    class Unconditional:
        def __init__(self, policy: bytes) -> None:
            document = json.loads(policy)
            statements = document["Statement"]
            if isinstance(statements, dict):
                statements = [statements]
            document["Statement"] = [
                statement for statement in statements if not statement.get("Condition")
            ]
            self.policy = json.dumps(document).encode()

    @around(FakeBucket, "get_permission")
    def permission(
        original: Callable[..., object], self: Moto, action: str, resource: str
    ) -> object:
        bucket = self if self.policy is None else Unconditional(self.policy)
        return original(bucket, action, resource)


def versions_after_key_marker() -> None:
    """Start a list of versions with the first version after the key marker.

    AWS: KeyMarker is "the key to start with when listing objects in a bucket". Without a version
    marker, the list contains all versions of later keys
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html). moto omits the
    first of these versions.
    """
    from moto.s3.models import S3Backend

    @around(S3Backend, "list_object_versions")
    def list_versions(
        original: Callable[..., object],
        self: Moto,
        bucket_name: str,
        key_marker: str | None = None,
        version_id_marker: str | None = None,
        **named: object,
    ) -> object:
        if key_marker is not None and version_id_marker is None:
            # moto omits the version of the marker, so use the last version that is not listed.
            keys = self.get_bucket(bucket_name).keys
            before = [name for name in list(keys) if name <= key_marker]
            key_marker = max(before, default=None)
            if key_marker is not None:
                oldest = min(keys.getlist(key_marker), key=lambda version: version.last_modified)
                version_id_marker = oldest.version_id
        return original(
            self,
            bucket_name,
            key_marker=key_marker,
            version_id_marker=version_id_marker,
            **named,
        )
