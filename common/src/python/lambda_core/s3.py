"""Objects in S3: read, written on a condition, listed, deleted, many at a time.

Not being able to read an object is never the same as its not being there.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lambda_core.aws import (
    AWS_ERRORS,
    classify_aws_error,
    error_code,
    explain_aws_error,
    status_code,
)
from lambda_core.concurrency import map_concurrently
from lambda_core.errors import DataSourceError
from lambda_core.retry import AWS, Retry, RetryPolicy, Verdict

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        ErrorTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectVersionsOutputTypeDef,
        PutObjectOutputTypeDef,
    )

_WRITE_ID: Final = "write-id"
_DELETE_BATCH: Final = 1000
_PIECE_BYTES: Final = 1024 * 1024
_KEY_BYTES: Final = 1024
_UPDATE_TRIES: Final = 20
_UPDATE_PAUSES: Final = RetryPolicy(base_seconds=0.05, cap_seconds=2.0)


class S3Error(DataSourceError):
    """S3 refused or failed; its context has `bucket` and, where there is one, `key`."""


class ObjectNotFoundError(S3Error):
    """S3 says that there is no such object."""


class PreconditionFailedError(S3Error):
    """Another writer was faster: the object is not what the condition asked for."""


class WriteUnknownError(S3Error):
    """Whether a conditional write took place cannot be known.

    Its answer was lost, and by the time of the next attempt the object had changed: by this write
    and then another, or by another alone.
    """


class DeleteError(S3Error):
    """Some objects could not be deleted; `context["failed"]` has the reason by key."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was read. `etag` is S3's, for conditions; `metadata` the user's own."""

    content: bytes
    etag: str
    last_modified: dt.datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """An object, or a version of one, as it is listed; `size` in bytes."""

    key: str
    size: int
    etag: str
    last_modified: dt.datetime
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class DownloadedObject:
    """An object whose content was written to a file; otherwise as `StoredObject`."""

    path: Path
    etag: str
    last_modified: dt.datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of reading one of many objects: either `stored` or `error` is set."""

    key: str
    stored: StoredObject | None = None
    error: S3Error | None = None


def require_key(key: str) -> str:
    """Return `key` if it is fit for an object.

    Raises
    ------
    ValueError
        It is empty, longer than 1,024 bytes, begins or ends with `/`, or has an empty part, a
        part `.` or `..`, a backslash or a control character.
    """
    parts = key.split("/")
    if (
        len(key.encode("utf-8", "surrogatepass")) > _KEY_BYTES
        or not key.isprintable()
        or "\\" in key
        or not {"", ".", ".."}.isdisjoint(parts)
    ):
        raise ValueError(f"{key[:200]!r} is not fit to be a key of an object")
    return key


def require_prefix(prefix: str) -> str:
    """Return `prefix` if it is fit to stand for all objects below it: like a key, and a `/`.

    Without the last `/` the prefix `run-1` would stand for `run-10` as well.

    Raises
    ------
    ValueError
        It does not end in `/`, or what stands before that is not fit to be a key.
    """
    if not prefix.endswith("/"):
        raise ValueError(f"the prefix {prefix[:200]!r} must end in '/'")
    require_key(prefix[:-1])
    return prefix


class S3Objects:
    """The objects of one bucket; threads may share it.

    Parameters
    ----------
    client
        Made by `lambda_core.aws.client`, which leaves trying again to this class.
    bucket
        Name of the bucket.
    retry
        How often a call that failed is made again.
    on_retry
        Told of each call that will be made again.
    sleep
        How to wait.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        *,
        retry: RetryPolicy = AWS,
        on_retry: Callable[[Retry], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self.bucket = bucket
        self._retry = retry
        self._on_retry = on_retry
        self._sleep = sleep

    def get(self, key: str) -> StoredObject:
        """Read an object.

        Raises
        ------
        ObjectNotFoundError
            S3 says that it does not exist.
        S3Error
            It could not be read; nothing is known of whether it exists.
        """

        def read() -> StoredObject:
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            # `with answer["Body"]` would read past the check of the length.
            with closing(answer["Body"]) as body:
                content = body.read()
            return StoredObject(
                content, answer["ETag"], answer["LastModified"], answer.get("Metadata", {})
            )

        return self._read(key, read)

    def download(self, key: str, path: Path) -> DownloadedObject:
        """Read an object into a file, piece by piece, as `get` does into memory.

        After an error, the file holds what came before it.
        """

        def read() -> DownloadedObject:
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            with closing(answer["Body"]) as body, path.open("wb") as file:
                for piece in body.iter_chunks(_PIECE_BYTES):
                    file.write(piece)
            return DownloadedObject(
                path, answer["ETag"], answer["LastModified"], answer.get("Metadata", {})
            )

        return self._read(key, read)

    def _read[T](self, key: str, read: Callable[[], T]) -> T:
        try:
            return self._call(read)
        except AWS_ERRORS as error:
            if error_code(error) == "NoSuchKey":
                raise ObjectNotFoundError(
                    f"there is no object {key!r} in bucket {self.bucket}",
                    bucket=self.bucket,
                    key=key,
                ) from error
            raise self._failure("read", key, error) from error

    def find(self, key: str) -> StoredObject | None:
        """Read an object as `get` does, or return None where S3 says that there is none."""
        try:
            return self.get(key)
        except ObjectNotFoundError:
            return None

    def put(
        self,
        key: str,
        content: bytes | Path,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> str:
        """Write an object.

        Parameters
        ----------
        key, content, content_type, metadata
            What to write: bytes, or a file that is sent piece by piece. A conditional write adds
            `write-id` to the metadata.
        if_match
            Write only if the object still has this ETag.
        if_none_match
            Write only if there is no object yet.

        Returns
        -------
        str
            The new ETag.

        Raises
        ------
        PreconditionFailedError
            The condition does not hold, or another conditional write was under way.
        WriteUnknownError
            Whether the condition held is not known, see there.
        S3Error
            It could not be written.
        """
        conditions: dict[str, Any] = {}
        if if_match is not None:
            conditions["IfMatch"] = if_match
        if if_none_match:
            conditions["IfNoneMatch"] = "*"
        write_id = uuid.uuid4().hex if conditions else ""
        stored_metadata = {**(metadata or {}), **({_WRITE_ID: write_id} if write_id else {})}
        lost_answers: list[Retry] = []

        def note(retry: Retry) -> None:
            if retry.verdict is Verdict.TRANSIENT:
                lost_answers.append(retry)
            if self._on_retry:
                self._on_retry(retry)

        def write() -> PutObjectOutputTypeDef:
            with content.open("rb") if isinstance(content, Path) else nullcontext(content) as body:
                return self._client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    Metadata=stored_metadata,
                    **conditions,
                )

        try:
            answer = self._call(write, on_retry=note)
        except AWS_ERRORS as error:
            if not (conditions and _is_conflict(error)):
                raise self._failure("write", key, error) from error
            if lost_answers:
                return self._etag_of_write(key, write_id, error)
            raise PreconditionFailedError(
                f"{key!r} in bucket {self.bucket} was changed by another writer",
                bucket=self.bucket,
                key=key,
            ) from error
        return answer["ETag"]

    def update(
        self,
        key: str,
        change: Callable[[StoredObject | None], bytes],
        *,
        content_type: str = "application/octet-stream",
    ) -> str:
        """Read an object, change it, write it, and start again where another was faster.

        Parameters
        ----------
        key
            The object, which need not exist.
        change
            Makes the new content of the old object, or of None where there is none. It is called
            again with the newer object after each conflict.
        content_type
            Of the new content.

        Returns
        -------
        str
            The new ETag.

        Raises
        ------
        PreconditionFailedError
            Others were faster too many times.
        WriteUnknownError
            Whether the change was written is not known; it is not made twice.
        S3Error
            It could not be read or written.
        """
        conflicts = 0
        while True:
            current = self.find(key)
            content = change(current)
            try:
                return self.put(
                    key,
                    content,
                    content_type=content_type,
                    metadata=_own_metadata(current),
                    if_match=current.etag if current else None,
                    if_none_match=current is None,
                )
            except PreconditionFailedError as error:
                conflicts += 1
                if conflicts == _UPDATE_TRIES:
                    error.context["conflicts"] = conflicts
                    raise
                self._sleep(_UPDATE_PAUSES.pause(conflicts))

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Yield all objects whose key begins with `prefix`, in the order of their keys.

        Pages are asked for as they are needed.

        Parameters
        ----------
        prefix
            How the keys begin.
        start_after
            Only keys after this one.

        Raises
        ------
        S3Error
            A page could not be read, or S3's pages do not end.
        """
        token: str | None = None
        seen: set[str] = set()
        while True:
            page = self._list_page(prefix, start_after, token)
            for entry in page.get("Contents", []):
                yield ObjectSummary(
                    entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"]
                )
            if not page["IsTruncated"]:
                return
            token = page.get("NextContinuationToken")
            if token is None or token in seen:
                raise S3Error(
                    f"the list of {prefix!r} in bucket {self.bucket} does not end: a page "
                    f"{'has no token' if token is None else 'repeats the token'} of the next",
                    bucket=self.bucket,
                    key=prefix,
                )
            seen.add(token)

    def list_versions(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Yield all versions of all objects, as `list` does the current ones; no delete markers."""
        marker: dict[str, Any] = {"KeyMarker": start_after} if start_after else {}
        seen: set[tuple[str, ...]] = set()
        while True:
            page = self._versions_page(prefix, marker)
            for entry in page.get("Versions", []):
                yield ObjectSummary(
                    entry["Key"],
                    entry["Size"],
                    entry["ETag"],
                    entry["LastModified"],
                    entry["VersionId"],
                )
            if not page["IsTruncated"]:
                return
            marker = {
                name: page[f"Next{name}"]  # type: ignore[literal-required]  # the two markers
                for name in ("KeyMarker", "VersionIdMarker")
                if page.get(f"Next{name}")
            }
            place = tuple(marker.values())
            if not place or place in seen:
                raise S3Error(
                    f"the versions of {prefix!r} in bucket {self.bucket} do not end: a page "
                    f"{'repeats the marker' if place else 'has no marker'} of the next",
                    bucket=self.bucket,
                    key=prefix,
                )
            seen.add(place)

    def keeps_versions(self) -> bool:
        """Whether objects have, or may have, versions that are not current.

        Raises
        ------
        S3Error
            S3 does not say; the permission is `s3:GetBucketVersioning`.
        """
        try:
            answer = self._call(lambda: self._client.get_bucket_versioning(Bucket=self.bucket))
        except AWS_ERRORS as error:
            raise S3Error(
                f"cannot see whether bucket {self.bucket} keeps versions: "
                f"{explain_aws_error(error)}",
                bucket=self.bucket,
                code=error_code(error),
            ) from error
        return "Status" in answer

    def delete(self, keys: Iterable[str]) -> int:
        """Delete objects, 1,000 a call; one that is not there counts as deleted.

        Returns
        -------
        int
            Number of keys.

        Raises
        ------
        DeleteError
            Some failed. All others were tried.
        S3Error
            A call failed as a whole; later ones were not made.
        """
        count = 0
        failed: dict[str, str] = {}
        for batch in batched(dict.fromkeys(keys), _DELETE_BATCH):
            count += len(batch)
            for error in self._delete_batch(batch):
                failed[error.get("Key", "")] = (
                    f"{error.get('Code', '')}: {error.get('Message', '')}"
                )
        if failed:
            first, reason = next(iter(failed.items()))
            raise DeleteError(
                f"{len(failed)} of {count} objects in bucket {self.bucket} were not deleted, "
                f"such as {first!r}: {reason}",
                bucket=self.bucket,
                failed=failed,
            )
        return count

    def get_many(self, keys: Iterable[str], *, workers: int) -> Iterator[Fetched]:
        """Read many objects concurrently.

        At most twice as many objects as workers are in memory. Give the client a connection pool
        as large as the number of workers.

        Parameters
        ----------
        keys
            The objects, consumed on demand.
        workers
            Objects read at the same time.

        Yields
        ------
        Fetched
            The object or the error for each key, in order. An object that cannot be read does not
            stop the others.

        Raises
        ------
        ValueError
            If `workers` is less than 1.
        """
        return map_concurrently(self._fetch, keys, workers=workers, window=2 * workers)

    def _fetch(self, key: str) -> Fetched:
        try:
            return Fetched(key, stored=self.get(key))
        except S3Error as error:
            return Fetched(key, error=error)

    def _list_page(
        self, prefix: str, start_after: str, token: str | None
    ) -> ListObjectsV2OutputTypeDef:
        more: dict[str, Any] = {"ContinuationToken": token} if token else {}
        if start_after:
            more["StartAfter"] = start_after
        try:
            return self._call(
                lambda: self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more)
            )
        except AWS_ERRORS as error:
            raise self._failure("list", prefix, error) from error

    def _versions_page(
        self, prefix: str, marker: Mapping[str, Any]
    ) -> ListObjectVersionsOutputTypeDef:
        try:
            return self._call(
                lambda: self._client.list_object_versions(
                    Bucket=self.bucket, Prefix=prefix, **marker
                )
            )
        except AWS_ERRORS as error:
            raise self._failure("list the versions of", prefix, error) from error

    def _delete_batch(self, keys: tuple[str, ...]) -> Sequence[ErrorTypeDef]:
        try:
            answer = self._call(
                lambda: self._client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
                )
            )
        except AWS_ERRORS as error:
            raise self._failure("delete", keys[0], error) from error
        return answer.get("Errors", [])

    def _etag_of_write(self, key: str, write_id: str, conflict: Exception) -> str:
        """Tell whether a write whose answer was lost is the one that is stored now.

        Without this, a write that arrived would be taken for another's, and made a second time.
        """
        current = self.find(key)
        if current is not None and current.metadata.get(_WRITE_ID) == write_id:
            return current.etag
        raise WriteUnknownError(
            f"{key!r} in bucket {self.bucket}: the answer to a write was lost, and the object "
            "has changed since; compare its content before writing again",
            bucket=self.bucket,
            key=key,
        ) from conflict

    def _call[T](
        self, function: Callable[[], T], on_retry: Callable[[Retry], None] | None = None
    ) -> T:
        return self._retry.call(
            function,
            retry_on=classify_aws_error,
            on_retry=on_retry or self._on_retry,
            sleep=self._sleep,
        )

    def _failure(self, doing: str, key: str, error: Exception) -> S3Error:
        hint = ""
        if doing == "read" and status_code(error) == 403:
            hint = (
                "; without the permission s3:ListBucket, S3 answers the same for an object that "
                "does not exist"
            )
        failure = S3Error(
            f"cannot {doing} {key!r} in bucket {self.bucket}: {explain_aws_error(error)}{hint}",
            bucket=self.bucket,
            key=key,
            code=error_code(error),
        )
        failure.transient = classify_aws_error(error) is not Verdict.PERMANENT
        return failure


def _is_conflict(error: Exception) -> bool:
    """Whether a conditional write failed by its condition.

    412 where it does not hold, 409 where another write of the object was under way, 404 where the
    object of `If-Match` is gone, see
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    return error_code(error) in {
        "PreconditionFailed",
        "ConditionalRequestConflict",
        "NoSuchKey",
    }


def _own_metadata(stored: StoredObject | None) -> dict[str, str]:
    """Return the metadata without what a conditional write adds to it."""
    metadata = dict(stored.metadata) if stored else {}
    metadata.pop(_WRITE_ID, None)
    return metadata
