"""Second step of a run, and of a backfill: sort what was read."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from event_log.event_file import Reason
from event_log.layout import Group
from event_log.ledger import LeftOut, entry, ledger_frame
from event_log.reader import EventRead, NotRead, Rejected, Unread
from event_log.rows import RowBuffer

if TYPE_CHECKING:
    import polars as pl

    from event_log.layout import Layout
    from event_log.reader import Outcome

_logger = logging.getLogger(__name__)


class Intake:
    """Sorts outcomes into rows, rejected objects, sandbox objects and unread objects.

    Parameters
    ----------
    layout
        Maps events to checkpoints.
    now
        The time noted for rejected and sandbox objects.

    Attributes
    ----------
    rejected_keys, failed_keys
        Keys of objects that were rejected, and that could not be read.
    unread
        Number of unread objects for each reason.
    """

    def __init__(self, layout: Layout, now: dt.datetime) -> None:
        self.rejected_keys: list[str] = []
        self.failed_keys: list[str] = []
        self.unread: Counter[Unread] = Counter()
        self._layout = layout
        self._now = now
        self._buffers: defaultdict[str, RowBuffer] = defaultdict(RowBuffer)
        self._rejected: list[dict[str, object]] = []
        self._left_out: list[dict[str, object]] = []

    def add(self, outcome: Outcome) -> None:
        """Sort an outcome."""
        match outcome:
            case EventRead():
                self._add_event(outcome)
            case Rejected():
                self._reject(outcome)
            case NotRead():
                self._count_unread(outcome)

    def rows(self) -> dict[str, pl.DataFrame]:
        """Return the rows for each checkpoint, by its key."""
        return {key: buffer.frame() for key, buffer in self._buffers.items()}

    def rejected(self) -> pl.DataFrame:
        """Return the ledger entries of rejected objects."""
        return ledger_frame(self._rejected)

    @property
    def filtered(self) -> int:
        """Number of sandbox objects."""
        return len(self._left_out)

    def left_out(self) -> pl.DataFrame:
        """Return the ledger entries of sandbox objects."""
        return ledger_frame(self._left_out)

    def _add_event(self, read: EventRead) -> None:
        source, event = read.source, read.event
        if event.is_sandbox:
            self._left_out.append(entry(source, LeftOut.SANDBOX, (), self._now))
            return
        try:
            key = self._layout.key_of(Group(event.study, event.datatype))
        except ValueError:
            message = "study: too long for the key of a checkpoint"
            self._reject(Rejected(source, Reason.GROUP, (message,)))
        else:
            self._buffers[key].add(read)

    def _reject(self, rejected: Rejected) -> None:
        source = rejected.source
        self.rejected_keys.append(source.key)
        self._rejected.append(entry(source, rejected.reason, rejected.errors, self._now))
        _logger.warning(
            "An event file was rejected",
            extra={
                "source_key": source.key,
                "reason": str(rejected.reason),
                "validation_errors": list(rejected.errors),
            },
        )

    def _count_unread(self, unread: NotRead) -> None:
        self.unread[unread.why] += 1
        if unread.why is Unread.FAILED:
            self.failed_keys.append(unread.source.key)
            _logger.warning(
                "An event file could not be read; the next run retries",
                extra={"source_key": unread.source.key, "reason": unread.message},
            )
