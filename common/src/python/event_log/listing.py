"""Lists the objects that may be event files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from event_log.file_names import folder, keys_since
from lambda_core.s3 import ObjectSummary, S3Objects


class ReadVersions(StrEnum):
    """Whether versions that are not current are read too."""

    AUTO = "auto"
    """Where the bucket keeps any, which S3 is asked."""
    NEVER = "never"
    """A version that is overwritten between two runs is not seen."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed.

    Attributes
    ----------
    objects
        The bucket.
    prefix
        Below which the files lie.
    since
        Only files whose names are of this day or later; None lists all.
    versions
        Whether all versions of objects are listed, or the current ones.
    """

    objects: S3Objects
    prefix: str
    since: dt.date | None
    versions: bool

    def __iter__(self) -> Iterator[ObjectSummary]:
        """Yield each object, or version of one.

        Raises
        ------
        S3Error
            The list is not complete.
        """
        if self.since is None:
            places = [(folder(self.prefix), "")]
        else:
            places = list(keys_since(self.prefix, self.since))
        for prefix, start_after in places:
            if self.versions:
                yield from self.objects.list_versions(prefix, start_after=start_after)
            else:
                yield from self.objects.list(prefix, start_after=start_after)
