"""The cache's third place: an S3 bucket. Imported only where one is configured."""

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

# What is cached can be fetched again, so it is not worth a long wait.
_RETRY = RetryPolicy(attempts=2, base_seconds=0.2, cap_seconds=1.0, throttle_attempts=3)


class S3Tier:
    """Entries as objects `cache/{name}.json` of a bucket, which several hosts may share.

    Their metadata `written-by: aws-ssm-fetcher-cache` tells them from what else is in the bucket.
    All methods raise `lambda_core.errors.ApplicationError` where S3 cannot be reached or refuses.

    Parameters
    ----------
    bucket
        The bucket's name.
    client
        The client to use; one for `region` and `profile` is made at the first call where it is
        None.
    """

    label: ClassVar[str] = "S3"

    def __init__(
        self, bucket: str, client: S3Client | None, *, region: str, profile: str | None
    ) -> None:
        self._bucket = bucket
        self._client = client
        self._region = region
        self._profile = profile

    @cached_property
    def _objects(self) -> S3Objects:
        client = self._client or aws.client("s3", region=self._region, profile=self._profile)
        return S3Objects(client, self._bucket, retry=_RETRY)

    def read(self, name: str) -> bytes | None:
        """Return what is stored, or None where there is nothing."""
        stored = self._objects.find(_object_key(name))
        return None if stored is None else stored.content

    def write(self, name: str, content: bytes) -> None:
        """Store `content`, in place of what was there."""
        self._objects.put(
            _object_key(name), content, content_type="application/json", metadata=_MARK
        )

    def delete(self, name: str) -> None:
        """Remove one entry, if it is there."""
        self._objects.delete([_object_key(name)])

    def clear(self) -> set[str]:
        """Remove all entries and return their names; other objects stay, whatever their name."""
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
