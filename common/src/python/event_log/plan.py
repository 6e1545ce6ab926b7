"""First step of a run: what is known, and which listed objects must be read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from event_log.errors import CheckpointError
from event_log.file_names import is_event_file
from event_log.known_objects import Kind, KnownObjects
from event_log.ledger import LeftOut
from event_log.reader import listed_source
from event_log.results import Balance

if TYPE_CHECKING:
    from pathlib import Path

    from event_log.checkpoint_bucket import CheckpointBucket
    from event_log.checkpoint_update import CheckpointUpdate
    from event_log.listing import Listing
    from event_log.reader import EventReader, Source
    from event_log.results import RunOptions
    from lambda_core.s3 import ObjectSummary

_LOOK_UP: Final = 10_000
"""Listed objects that are looked up at a time."""


class Plan:
    """The checkpoints, the processed objects, and the listing.

    Attributes
    ----------
    updates
        The opened checkpoints by key.
    errors
        By key, why a group's checkpoint could not be opened.
    balance
        Counts of the objects that were listed and need not be read. Complete once `unprocessed` is
        exhausted.
    listed_all
        Whether there was time to list everything.
    """

    def __init__(self, listing: Listing, reader: EventReader, options: RunOptions) -> None:
        self.updates: dict[str, CheckpointUpdate] = {}
        self.errors: dict[str, CheckpointError] = {}
        self.balance = Balance()
        self.listed_all = True
        self._listing = listing
        self._reader = reader
        self._options = options
        self._known = KnownObjects()
        self._requested = 0

    def load(self, checkpoints: CheckpointBucket, folder: Path) -> None:
        """Open the checkpoints and ledgers, and remember the objects that they contain.

        Raises
        ------
        CheckpointError
            The single checkpoint could not be opened.
        S3Error
            The checkpoints could not be listed, or a ledger could not be read.
        """
        for key in checkpoints.existing():
            try:
                self._open(checkpoints.update(key, folder), key)
            except CheckpointError as error:
                # A group that failed does not stop the others.
                if checkpoints.layout.group_of(key) is None:
                    raise
                self.errors[key] = error
        if self._options.rebuild:
            return
        if not self._options.retry_rejected:
            self._known.add(Kind.REJECTED, [checkpoints.rejected.load()])
        for (reason,), entries in checkpoints.left_out.load().group_by("reason"):
            kind = Kind.FILTERED if reason == LeftOut.SANDBOX else Kind.DUPLICATE
            self._known.add(kind, [entries])

    def unprocessed(self) -> Iterator[Source]:
        """Yield the objects that must be read, and count the others.

        Raises
        ------
        S3Error
            The objects could not be listed.
        """
        for entries in itertools.batched(self._event_files(), _LOOK_UP):
            kinds = self._known.look_up(
                [entry.key for entry in entries], [entry.etag.strip('"') for entry in entries]
            )
            for entry, kind in zip(entries, kinds, strict=True):
                if self._must_be_read(kind):
                    yield listed_source(entry)

    def _open(self, update: CheckpointUpdate, key: str) -> None:
        self.updates[key] = update
        update.open(for_rebuild=self._options.rebuild)
        if update.file and update.file.has_sources and not self._options.rebuild:
            self._known.add(Kind.ROW, update.object_ids())

    def _must_be_read(self, kind: int) -> bool:
        balance = self.balance
        match kind:
            case Kind.ROW:
                balance.in_checkpoint += 1
            case Kind.REJECTED:
                balance.rejected += 1
            case Kind.FILTERED:
                balance.filtered += 1
            case Kind.DUPLICATE:
                balance.duplicates += 1
            case _ if self._requested == self._options.max_objects:
                balance.deferred += 1
            case _:
                self._requested += 1
                return True
        return False

    def _event_files(self) -> Iterator[ObjectSummary]:
        """Yield objects named like event files; of versions with the same content, the oldest."""
        for key, versions in itertools.groupby(self._listing, lambda entry: entry.key):
            if self._reader.is_late(self._options.deadline):
                # Without time to save, everything read would be lost, in the next run too.
                self.listed_all = False
                return
            if is_event_file(key, self._listing.prefix):
                yield from self._distinct_versions([*versions])
            else:
                others = sum(1 for _ in versions)
                self.balance.listed += others
                self.balance.other_names += others

    def _distinct_versions(self, versions: list[ObjectSummary]) -> Iterator[ObjectSummary]:
        seen = set()
        # S3 lists the newest version first.
        for version in reversed(versions):
            self.balance.listed += 1
            if version.etag in seen:
                self.balance.duplicates += 1
            else:
                seen.add(version.etag)
                yield version
