"""Mends of moto's S3."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from local_cloud.moto_patches.replacing import Moto, added, around

_STRIPES = 64


def one_request_for_a_key_at_a_time() -> None:
    """Let each request on an object see a whole object, and a precondition hold until the write.

    AWS: of concurrent conditional writes "the first write operation to finish succeeds", the others
    fail with 412 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html),
    and a reader gets the old object or the new one, never a mixture
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel). moto's
    server looks and writes in two steps, and adds an object's metadata in a third.
    """
    from moto.s3.responses import S3Response

    locks = tuple(threading.RLock() for _ in range(_STRIPES))

    @around(S3Response, "_key_response")
    def respond(original: Callable[..., object], self: Moto, request: Moto, url: str) -> object:
        key = (self.parse_bucket_name_from_url(request, url), self.parse_key_name())
        with locks[hash(key) % _STRIPES]:
            return original(self, request, url)


def delete_markers_can_be_removed() -> None:
    """Let a bucket be emptied whose versioning was suspended, as Terraform does it.

    AWS: delete markers are removed as versions are
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/RemDelMarker.html). moto fails with an
    internal error once versioning is suspended, because what it keeps for a marker cannot be
    disposed of.
    """
    from moto.s3.models import FakeDeleteMarker

    @added(FakeDeleteMarker, "dispose")
    def dispose(self: Moto, garbage: bool = False) -> None:
        """Do nothing: a marker has no content."""


def conditions_of_bucket_policies() -> None:
    """Do not apply a statement of a bucket policy whose condition does not hold.

    AWS: a statement is in effect only if its Condition is true
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html).
    moto ignores conditions, so that the usual "deny what does not come by TLS" denies everything.
    Here no condition holds: everybody is taken for a caller of the account who came by TLS.
    """
    from moto.s3.models import FakeBucket

    class Unconditional:
        def __init__(self, policy: bytes) -> None:
            document = json.loads(policy)
            statements = document["Statement"]
            if isinstance(statements, dict):
                statements = [statements]
            document["Statement"] = [one for one in statements if not one.get("Condition")]
            self.policy = json.dumps(document).encode()

    @around(FakeBucket, "get_permission")
    def permission(
        original: Callable[..., object], self: Moto, action: str, resource: str
    ) -> object:
        bucket = self if self.policy is None else Unconditional(self.policy)
        return original(bucket, action, resource)


def versions_after_a_key_are_listed() -> None:
    """Let a list of versions begin with the first version after its key marker.

    AWS: KeyMarker is "the key to start with when listing objects in a bucket", and alone stands for
    all versions of later keys
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html). moto leaves the
    first version out that comes after it.
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
            # The marker becomes the last version that is not listed, which moto can skip.
            keys = self.get_bucket(bucket_name).keys
            before = [name for name in list(keys) if name <= key_marker]
            key_marker = max(before, default=None)
            if key_marker is not None:
                oldest = min(keys.getlist(key_marker), key=lambda one: one.last_modified)
                version_id_marker = oldest.version_id
        return original(
            self,
            bucket_name,
            key_marker=key_marker,
            version_id_marker=version_id_marker,
            **named,
        )
