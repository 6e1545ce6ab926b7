"""Reads the event files of a bucket without a checkpoint."""

from __future__ import annotations

import datetime as dt
import json
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

from event_log.file_names import is_event_file
from event_log.listing import Listing
from event_log.reader import EventRead, EventReader, ReadLimits, Rejected, listed_source
from lambda_core import aws
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from event_log.models import VisitEvent
    from lambda_core.s3 import ObjectSummary

_logger = logging.getLogger(__name__)


class FileErrors(TypedDict):
    """The errors of a file; they do not quote its content."""

    source_key: str
    errors: list[str]


class S3EventRetriever:
    """Lists, reads and validates the current event files of a bucket.

    Creating a retriever makes no call and needs no credentials.

    Parameters
    ----------
    bucket, prefix
        Location of the files.
    since_timestamp
        Return only newer events. A time without an offset is UTC. Do not use this to find the
        events that you have not processed yet, because events arrive late.
    client
        S3 client; created from the environment on first use by default.
    limits
        Limits on size, concurrency and retries.

    Examples
    --------
    >>> retriever = S3EventRetriever("my-bucket", "logs/", dt.datetime(2024, 1, 1))
    >>> retriever.since_timestamp.isoformat()
    '2024-01-01T00:00:00+00:00'
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        since_timestamp: dt.datetime | None = None,
        *,
        client: S3Client | None = None,
        limits: ReadLimits | None = None,
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        if since_timestamp is not None and since_timestamp.tzinfo is None:
            since_timestamp = since_timestamp.replace(tzinfo=dt.UTC)
        self.since_timestamp = since_timestamp
        self._given_client = client
        self._limits = limits

    def list_event_files(self) -> list[str]:
        """Return the keys of all files that are named like event files.

        Raises
        ------
        S3Error
            The files could not be listed.
        """
        return [listed.key for listed in self._event_files()]

    def retrieve_event(self, key: str) -> dict[str, Any]:
        """Return the JSON object in a file without validating it.

        Raises
        ------
        S3Error
            The file could not be read.
        ValueError
            The file does not contain a JSON object.
        """
        value = json.loads(self._objects.get(key).content)
        if not isinstance(value, dict):
            raise ValueError(f"{key!r} in bucket {self.bucket} does not contain a JSON object")
        return value

    def should_process_event(self, event: VisitEvent) -> bool:
        """Whether an event is newer than `since_timestamp`. Always true if that is None."""
        return self.since_timestamp is None or event.timestamp > self.since_timestamp

    def retrieve_and_validate_events(self) -> tuple[list[VisitEvent], list[FileErrors]]:
        """Read all files. Files that fail do not stop the others.

        Returns
        -------
        tuple of list
            The events that are newer than `since_timestamp`, in key order, and the errors of the
            files that could not be read or are not valid.

        Raises
        ------
        ConfigurationError
            There are no AWS credentials.
        S3Error
            The files could not be listed.
        """
        events: list[VisitEvent] = []
        errors: list[FileErrors] = []
        for outcome in self._reader.read_all(map(listed_source, self._event_files())):
            match outcome:
                case EventRead(_, event):
                    if self.should_process_event(event):
                        events.append(event)
                    continue
                case Rejected(source, _, problems):
                    found = FileErrors(source_key=source.key, errors=list(problems))
                case unread:
                    message = f"{unread.why}: {unread.message}"
                    found = FileErrors(source_key=unread.source.key, errors=[message])
            errors.append(found)
            _logger.warning(
                "An event file was rejected or could not be read",
                extra={"source_key": found["source_key"], "validation_errors": found["errors"]},
            )
        _logger.info(
            "Event files were read", extra={"events": len(events), "events_failed": len(errors)}
        )
        return events, errors

    @cached_property
    def _client(self) -> S3Client:
        return self._given_client or aws.client("s3")

    @cached_property
    def _objects(self) -> S3Objects:
        return S3Objects(self._client, self.bucket)

    @cached_property
    def _reader(self) -> EventReader:
        return EventReader(self._client, self.bucket, self._limits)

    def _event_files(self) -> Iterator[ObjectSummary]:
        for listed in Listing(self._objects, self.prefix, since=None, versions=False):
            if is_event_file(listed.key, self.prefix):
                yield listed
