"""The third tier of the cache: an S3 bucket. Imported only if a bucket is configured."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from lambda_core import aws
from lambda_core.retry import RetryPolicy
from lambda_core.s3 import ObjectNotFoundError, S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PREFIX = "cache/"
_SUFFIX = ".json"
_MARK = {"written-by": "aws-ssm-fetcher-cache"}
_READERS = 8

# Cached data can be fetched again, so a long wait is not worthwhile.
_RETRY = RetryPolicy(attempts=2, base_seconds=0.2, cap_seconds=1.0, throttle_attempts=3)


class S3Tier:
    """Entries as objects `cache/{name}.json` of a bucket, which several hosts may share.

    The metadata `written-by: aws-ssm-fetcher-cache` distinguishes them from other objects in the
    bucket. All methods raise `lambda_core.errors.ApplicationError` if S3 is unreachable or rejects
    the operation.

    Parameters
    ----------
    bucket
        The bucket's name.
    client
        The client to use; None creates one for `region` and `profile` when it is first needed.
    region, profile
        None leaves the choice to boto3.
    """

    label: ClassVar[str] = "S3"

    def __init__(
        self, bucket: str, client: S3Client | None, *, region: str | None, profile: str | None
    ) -> None:
        self.bucket = bucket
        self._given_client = client
        self._region = region
        self._profile = profile

    @cached_property
    def client(self) -> S3Client:
        """The client that was given, or a new one."""
        return self._given_client or aws.client("s3", region=self._region, profile=self._profile)

    @cached_property
    def _objects(self) -> S3Objects:
        return S3Objects(self.client, self.bucket, retry=_RETRY)

    def read(self, name: str) -> bytes | None:
        """Return the stored bytes, or None if there is no such entry."""
        stored = self._objects.find(_object_key(name))
        return None if stored is None else stored.content

    def write(self, name: str, content: bytes) -> None:
        """Store `content`; an existing entry is replaced."""
        self._objects.put(
            _object_key(name), content, content_type="application/json", metadata=_MARK
        )

    def delete(self, name: str) -> None:
        """Remove an entry, if it exists."""
        self._objects.delete([_object_key(name)])

    def clear(self) -> set[str]:
        """Remove all entries and return their names; other objects are kept."""
        keys = [
            entry.key
            for entry in self._objects.list(_PREFIX)
            if entry.key.endswith(_SUFFIX) and "/" not in entry.key.removeprefix(_PREFIX)
        ]
        own = []
        for fetched in self._objects.get_many(keys, workers=_READERS):
            if fetched.error is not None and not isinstance(fetched.error, ObjectNotFoundError):
                raise fetched.error
            if fetched.stored is not None and fetched.stored.metadata.items() >= _MARK.items():
                own.append(fetched.key)
        self._objects.delete(own)
        return {key.removeprefix(_PREFIX).removesuffix(_SUFFIX) for key in own}


def _object_key(name: str) -> str:
    return f"{_PREFIX}{name}{_SUFFIX}"
