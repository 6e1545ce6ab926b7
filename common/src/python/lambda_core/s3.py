"""Reads, writes (also conditionally), lists and deletes objects in S3.

A failure to read an object never looks like a missing object.
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
    """S3 rejected a request or failed. The context has `bucket` and, for one object, `key`."""


class ObjectNotFoundError(S3Error):
    """S3 says that the object does not exist."""


class PreconditionFailedError(S3Error):
    """Another writer changed the object first, so the condition of a write does not hold."""


class WriteUnknownError(S3Error):
    """It is unknown whether a conditional write took place.

    Its response was lost, and the object had changed before the next attempt: either by this write
    and then by another, or only by another.
    """


class DeleteError(S3Error):
    """Some objects could not be deleted. `context["failed"]` has the reason by key."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was read; `etag` is for conditions, `metadata` is the user metadata."""

    content: bytes
    etag: str
    last_modified: dt.datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """An object, or a version of an object, as listed; `size` is in bytes."""

    key: str
    size: int
    etag: str
    last_modified: dt.datetime
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class DownloadedObject:
    """An object whose content was written to a file; otherwise like `StoredObject`."""

    path: Path
    etag: str
    last_modified: dt.datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of reading one of many objects: either `stored` or `error` is set."""

    key: str
    stored: StoredObject | None = None
    error: S3Error | None = None


def require_key(key: str) -> str:
    """Return `key` if it is a valid object key.

    Raises
    ------
    ValueError
        It is empty, longer than 1,024 bytes, begins or ends with `/`, or has an empty part, a
        part `.` or `..`, a backslash or a control character.

    Examples
    --------
    >>> require_key("raw-data/exec-1/catalog.json")
    'raw-data/exec-1/catalog.json'
    >>> require_key("raw-data/../secret")
    Traceback (most recent call last):
    ValueError: 'raw-data/../secret' is not a valid object key
    """
    parts = key.split("/")
    if (
        len(key.encode("utf-8", "surrogatepass")) > _KEY_BYTES
        or not key.isprintable()
        or "\\" in key
        or not {"", ".", ".."}.isdisjoint(parts)
    ):
        raise ValueError(f"{key[:200]!r} is not a valid object key")
    return key


def require_prefix(prefix: str) -> str:
    """Return `prefix` if it is a valid prefix: a valid key followed by `/`.

    Without the final `/`, the prefix `run-1` would also match `run-10`.

    Raises
    ------
    ValueError
        It does not end with `/`, or the text before it is not a valid key.
    """
    if not prefix.endswith("/"):
        raise ValueError(f"the prefix {prefix[:200]!r} must end with '/'")
    require_key(prefix[:-1])
    return prefix


class S3Objects:
    """The objects of one bucket. Threads may share it.

    Parameters
    ----------
    client
        A client of `lambda_core.aws.client`, which does not retry itself.
    bucket
        Name of the bucket.
    retry
        How often to retry a failed call.
    on_retry
        Called before each pause.
    sleep
        Waits between attempts.
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
            It could not be read, so it may or may not exist.
        """

        def read() -> StoredObject:
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            # `with answer["Body"]` would skip the check of the length.
            with closing(answer["Body"]) as body:
                content = body.read()
            return StoredObject(
                content, answer["ETag"], answer["LastModified"], answer.get("Metadata", {})
            )

        return self._read(key, read)

    def download(self, key: str, path: Path) -> DownloadedObject:
        """Read an object into a file, piece by piece; otherwise like `get`.

        After an error, the file has partial content.
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
                    f"object {key!r} does not exist in bucket {self.bucket}",
                    bucket=self.bucket,
                    key=key,
                ) from error
            raise self._failure("read", key, error) from error

    def find(self, key: str) -> StoredObject | None:
        """Read an object like `get`, but return None if S3 says that it does not exist."""
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
            The object to write; the content is bytes, or a file that is sent piece by piece. A
            conditional write adds `write-id` to the metadata.
        if_match
            Write only if the object still has this ETag.
        if_none_match
            Write only if the object does not exist.

        Returns
        -------
        str
            The new ETag.

        Raises
        ------
        PreconditionFailedError
            The condition does not hold, or another conditional write was in progress.
        WriteUnknownError
            It is unknown whether the object was written.
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
        lost_responses: list[Retry] = []

        def note(retry: Retry) -> None:
            if retry.verdict is Verdict.TRANSIENT:
                lost_responses.append(retry)
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
            if lost_responses:
                return self._etag_of_write(key, write_id, error)
            raise PreconditionFailedError(
                f"another writer changed {key!r} in bucket {self.bucket}; read it again",
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
        """Read an object, change it and write it; repeat this if another writer was faster.

        Parameters
        ----------
        key
            The object; it may not exist yet.
        change
            Returns the new content for the current object, or for None if it does not exist. Called
            again with the newer object after each conflict.
        content_type
            Type of the new content.

        Returns
        -------
        str
            The new ETag.

        Raises
        ------
        PreconditionFailedError
            Other writers were faster too many times.
        WriteUnknownError
            It is unknown whether the change was written. It is not repeated.
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

        Pages are requested on demand.

        Parameters
        ----------
        prefix
            Beginning of the keys.
        start_after
            Yield only keys after this key.

        Raises
        ------
        S3Error
            A page could not be read, or the pages do not end.
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
                    f"{'has no token' if token is None else 'repeats the token'} for the next page",
                    bucket=self.bucket,
                    key=prefix,
                )
            seen.add(token)

    def list_versions(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Yield all versions of all objects, without delete markers; otherwise like `list`."""
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
                    f"{'repeats the marker' if place else 'has no marker'} for the next page",
                    bucket=self.bucket,
                    key=prefix,
                )
            seen.add(place)

    def keeps_versions(self) -> bool:
        """Whether the bucket has, or may have, noncurrent versions of objects.

        Raises
        ------
        S3Error
            S3 does not say. The required permission is `s3:GetBucketVersioning`.
        """
        try:
            answer = self._call(lambda: self._client.get_bucket_versioning(Bucket=self.bucket))
        except AWS_ERRORS as error:
            raise S3Error(
                f"cannot determine whether bucket {self.bucket} keeps versions: "
                f"{explain_aws_error(error)}",
                bucket=self.bucket,
                code=error_code(error),
            ) from error
        return "Status" in answer

    def delete(self, keys: Iterable[str]) -> int:
        """Delete objects, 1,000 per call. An object that does not exist counts as deleted.

        Returns
        -------
        int
            Number of keys.

        Raises
        ------
        DeleteError
            Some objects were not deleted. All others were.
        S3Error
            A whole call failed; later calls were not made.
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
                f"for example {first!r}: {reason}",
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
        """Return the ETag if the current object comes from the write whose response was lost.

        Otherwise a successful write would look like a conflict with another writer and be repeated.
        """
        current = self.find(key)
        if current is not None and current.metadata.get(_WRITE_ID) == write_id:
            return current.etag
        raise WriteUnknownError(
            f"{key!r} in bucket {self.bucket}: the response to a write was lost, and the object "
            "has changed since; compare its content before you write again",
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
                "; without the permission s3:ListBucket, S3 gives the same response for an object "
                "that does not exist"
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
    """Whether a conditional write failed because of its condition.

    S3 answers 412 if the condition does not hold, 409 if another write of the object was in
    progress, and 404 if the object of `If-Match` does not exist:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    return error_code(error) in {
        "PreconditionFailed",
        "ConditionalRequestConflict",
        "NoSuchKey",
    }


def _own_metadata(stored: StoredObject | None) -> dict[str, str]:
    """Return the metadata without the key that a conditional write adds."""
    metadata = dict(stored.metadata) if stored else {}
    metadata.pop(_WRITE_ID, None)
    return metadata
