"""Lists the objects that may be event files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from event_log.file_names import folder, keys_since
from lambda_core.s3 import ObjectSummary, S3Objects


class ReadVersions(StrEnum):
    """Whether to read noncurrent versions of objects."""

    AUTO = "auto"
    """If the bucket has versioning, or had it."""
    NEVER = "never"
    """Read current versions only. A version overwritten between two runs is not read."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects under a prefix.

    Attributes
    ----------
    objects
        The bucket.
    prefix
        The prefix of the event files.
    since
        Include only files whose names contain this day or a later one; None includes all.
    versions
        Whether to list all versions of objects instead of the current ones.
    """

    objects: S3Objects
    prefix: str
    since: dt.date | None
    versions: bool

    def __iter__(self) -> Iterator[ObjectSummary]:
        """Yield each object or object version.

        Raises
        ------
        S3Error
            The listing could not be completed.
        """
        if self.since is None:
            starts = [(folder(self.prefix), "")]
        else:
            starts = list(keys_since(self.prefix, self.since))
        for prefix, start_after in starts:
            if self.versions:
                yield from self.objects.list_versions(prefix, start_after=start_after)
            else:
                yield from self.objects.list(prefix, start_after=start_after)
