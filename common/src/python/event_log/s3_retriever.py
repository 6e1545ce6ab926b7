"""Event files of a bucket for whoever wants them without a checkpoint."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any, TypedDict

from event_log.file_names import is_event_file
from event_log.listing import Listing
from event_log.reader import EventRead, EventReader, ReadLimits, Refused, listed_source
from lambda_core import aws
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from event_log.models import VisitEvent

_logger = logging.getLogger(__name__)


class FileErrors(TypedDict):
    """What is wrong with a file; the errors quote none of its content."""

    source_key: str
    errors: list[str]


class S3EventRetriever:
    """Lists, reads and validates the current event files of a bucket.

    Parameters
    ----------
    bucket, prefix
        Where the files are.
    since_timestamp
        Only events that are newer are handed out; without an offset it is UTC. An event that
        arrives late may be older: a checkpoint does not go by it.
    client
        Of S3; made from the environment by default.
    limits
        How much is read.
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
        made = client or aws.client("s3")
        self._objects = S3Objects(made, bucket)
        self._listing = Listing(self._objects, prefix, since=None, versions=False)
        self._reader = EventReader(made, bucket, limits)

    def list_event_files(self) -> list[str]:
        """Return the keys of all files that are named as event files are.

        Raises
        ------
        S3Error
            The list is not complete.
        """
        return [one.key for one in self._listing if is_event_file(one.key, self.prefix)]

    def retrieve_event(self, key: str) -> dict[str, Any]:
        """Return the JSON object of a file as it is, unchecked.

        Raises
        ------
        S3Error
            It could not be read.
        ValueError
            It holds no JSON object.
        """
        value = json.loads(self._objects.get(key).content)
        if not isinstance(value, dict):
            raise ValueError(f"{key!r} in bucket {self.bucket} holds no JSON object")
        return value

    def should_process_event(self, event: VisitEvent) -> bool:
        """Whether an event is newer than `since_timestamp`; all are where there is none."""
        return self.since_timestamp is None or event.timestamp > self.since_timestamp

    def retrieve_and_validate_events(self) -> tuple[list[VisitEvent], list[FileErrors]]:
        """Read all files; one that cannot be read, or is no event, does not stop the others.

        Returns
        -------
        tuple of list
            The events that are newer than `since_timestamp`, in the order of their keys; and what
            is wrong with the other files.

        Raises
        ------
        S3Error
            The files could not be listed.
        """
        listed = (one for one in self._listing if is_event_file(one.key, self.prefix))
        events: list[VisitEvent] = []
        errors: list[FileErrors] = []
        for outcome in self._reader.read_all(map(listed_source, listed)):
            match outcome:
                case EventRead(_, event):
                    if self.should_process_event(event):
                        events.append(event)
                    continue
                case Refused(source, _, problems):
                    found = FileErrors(source_key=source.key, errors=list(problems))
                case unread:
                    message = f"{unread.why}: {unread.message}"
                    found = FileErrors(source_key=unread.source.key, errors=[message])
            errors.append(found)
            _logger.warning(
                "A file is no event",
                extra={"source_key": found["source_key"], "validation_errors": found["errors"]},
            )
        _logger.info(
            "Event files were read", extra={"events": len(events), "events_failed": len(errors)}
        )
        return events, errors
