"""Reads many event files concurrently. Each yields an outcome, so no file can stop the others.

obstore was chosen by measurement (docs/event-log-checkpoint.md): its blocking calls in threads take
0.35 ms of CPU time per file, its coroutines 0.45 ms, and boto3 in threads 1.3 ms. boto3 lists the
files, because obstore can neither list versions nor list a bucket with a key such as `a//b`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import obstore
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store

from event_log.event_file import Reason, RejectedError, parse_event
from lambda_core.aws import AWS_ERRORS, classify_aws_error, error_code
from lambda_core.concurrency import map_concurrently
from lambda_core.errors import ConfigurationError
from lambda_core.retry import RetryPolicy

if TYPE_CHECKING:
    import datetime as dt

    from mypy_boto3_s3 import S3Client

    from event_log.models import VisitEvent
    from lambda_core.s3 import ObjectSummary

_WINDOW: Final = 1000
"""Objects passed to the threads in advance; their outcomes are small."""

_CODE: Final = re.compile(r"<Code>(\w+)</Code>")

_STATUS: Final = re.compile(r"status code: (\d{3})")

_MESSAGE_LENGTH: Final = 300

_MAX_PAUSE: Final = 5.0
"""Seconds between two requests for an object, at most."""


class Unread(StrEnum):
    """Why an object could not be read; the next run tries again."""

    FAILED = "failed"
    """Every attempt to read it failed."""
    ARCHIVED = "archived"
    """Its storage class requires that it is restored first."""
    GONE = "gone"
    """It was deleted or replaced after it was listed."""
    DEFERRED = "deferred"
    """The run had no time left."""


@dataclass(frozen=True, slots=True)
class Source:
    """An object version; `etag` has no quotation marks."""

    key: str
    etag: str
    version_id: str | None
    last_modified: dt.datetime
    size: int


@dataclass(frozen=True, slots=True)
class EventRead:
    """An event, and the SHA-256 of the content that it was parsed from."""

    source: Source
    event: VisitEvent
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """An object that is not a valid event; `errors` do not quote its content."""

    source: Source
    reason: Reason
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotRead:
    """An object whose content is unknown."""

    source: Source
    why: Unread
    message: str = ""


type Outcome = EventRead | Rejected | NotRead


def listed_source(entry: ObjectSummary) -> Source:
    """Return the source of a listed object."""
    return Source(
        entry.key, entry.etag.strip('"'), entry.version_id, entry.last_modified, entry.size
    )


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits on size, concurrency and retries.

    Attributes
    ----------
    event_bytes
        Larger objects are rejected without being read.
    concurrency
        Objects read at the same time.
    attempts
        Requests for one object, if they fail with a transient error.
    request_seconds
        Timeout of a request. After this time, no request is retried.
    """

    event_bytes: int = 1024 * 1024
    concurrency: int = 50
    attempts: int = 4
    request_seconds: float = 30.0

    @property
    def longest_seconds(self) -> float:
        """The longest time for one object: a retry just before the limit that gets no response."""
        return 2 * self.request_seconds + _MAX_PAUSE


class EventReader:
    """Reads the event files of one bucket.

    Parameters
    ----------
    client
        Provides the endpoint, and reads the few keys that obstore does not accept.
    bucket
        Name of the bucket.
    limits
        Limits on size, concurrency and retries.
    clock
        Returns monotonic seconds.

    Raises
    ------
    ConfigurationError
        There are no AWS credentials.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        limits: ReadLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._limits = limits or ReadLimits()
        self._clock = clock
        self._store = _store(client, bucket, self._limits)

    def is_late(self, deadline: float | None) -> bool:
        """Whether a deadline has passed; never if it is None."""
        return deadline is not None and self._clock() >= deadline

    def read_all(
        self, sources: Iterable[Source], *, deadline: float | None = None
    ) -> Iterator[Outcome]:
        """Yield the outcome of each object, in order.

        Parameters
        ----------
        sources
            The objects as listed, consumed on demand.
        deadline
            Time on the clock after which no further object is read.
        """

        def read(source: Source) -> Outcome:
            if self.is_late(deadline):
                return NotRead(source, Unread.DEFERRED)
            return self.read(source)

        workers = self._limits.concurrency
        return map_concurrently(read, sources, workers=workers, window=max(workers, _WINDOW))

    def read(self, source: Source) -> Outcome:
        """Read one object."""
        if source.size > self._limits.event_bytes:
            return self._too_large(source)
        try:
            read, content = self._get(source)
        except (BaseError, FileNotFoundError) as error:
            return _not_read(source, *_code_and_status(error), error)
        except AWS_ERRORS as error:
            return _not_read(source, error_code(error), 0, error)
        # A larger object may have replaced it after it was listed.
        if read.size > self._limits.event_bytes:
            return self._too_large(read)
        try:
            event = parse_event(content)
        except RejectedError as rejection:
            return Rejected(read, rejection.reason, rejection.errors)
        return EventRead(read, event, hashlib.sha256(content).digest())

    def _get(self, source: Source) -> tuple[Source, bytes]:
        if not _obstore_accepts(source.key):
            return self._get_by_boto(source)
        response = obstore.get(
            self._store,
            source.key,
            options={"version": source.version_id} if source.version_id else {},
        )
        meta = response.meta
        read = Source(
            source.key,
            (meta["e_tag"] or "").strip('"'),
            source.version_id,
            meta["last_modified"],
            meta["size"],
        )
        too_large = read.size > self._limits.event_bytes
        # A copy: a view of obstore's buffer would keep it alive.
        return read, b"" if too_large else response.bytes().to_bytes()

    def _get_by_boto(self, source: Source) -> tuple[Source, bytes]:
        version = {"VersionId": source.version_id} if source.version_id else {}

        def get() -> tuple[Source, bytes]:
            response = self._client.get_object(Bucket=self._bucket, Key=source.key, **version)  # type: ignore[arg-type]  # one optional key of a TypedDict
            read = Source(
                source.key,
                response["ETag"].strip('"'),
                source.version_id,
                response["LastModified"],
                response["ContentLength"],
            )
            with closing(response["Body"]) as body:
                return read, b"" if read.size > self._limits.event_bytes else body.read()

        return RetryPolicy(attempts=self._limits.attempts, base_seconds=0.1).call(
            get, retry_on=classify_aws_error
        )

    def _too_large(self, source: Source) -> Rejected:
        message = f"{source.size} bytes; the limit is {self._limits.event_bytes}"
        return Rejected(source, Reason.TOO_LARGE, (message,))


def _obstore_accepts(key: str) -> bool:
    """Whether obstore accepts the key unchanged; it rejects keys that are not paths."""
    return key.isprintable() and {"", ".", ".."}.isdisjoint(key.split("/"))


def _not_read(source: Source, code: str, status: int, error: Exception) -> Rejected | NotRead:
    message = " ".join(str(error).partition("\n\nDebug source")[0].split())[:_MESSAGE_LENGTH]
    if status == 404 or code in {"NoSuchKey", "NoSuchVersion"}:
        return NotRead(source, Unread.GONE, message)
    if code == "InvalidObjectState":
        return NotRead(source, Unread.ARCHIVED, message)
    if code == "InvalidRequest":
        return Rejected(source, Reason.UNREADABLE, (message,))
    return NotRead(source, Unread.FAILED, message)


def _code_and_status(error: Exception) -> tuple[str, int]:
    """Extract S3's error code and status from obstore's message, the only place that has them."""
    text = str(error)
    code, status = _CODE.search(text), _STATUS.search(text)
    return code[1] if code else "", int(status[1]) if status else 0


def _store(client: S3Client, bucket: str, limits: ReadLimits) -> S3Store:
    endpoint = client.meta.endpoint_url
    try:
        credentials = Boto3CredentialProvider()
    except ValueError as error:
        raise ConfigurationError(
            "no AWS credentials to read events: set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or sign in"
        ) from error
    return S3Store(
        bucket,
        endpoint=endpoint,
        region=client.meta.region_name,
        virtual_hosted_style_request=False,
        credential_provider=credentials,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=limits.request_seconds),
        },
        retry_config={
            "max_retries": limits.attempts - 1,
            "retry_timeout": timedelta(seconds=limits.request_seconds),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=_MAX_PAUSE),
                "base": 2,
            },
        },
    )
