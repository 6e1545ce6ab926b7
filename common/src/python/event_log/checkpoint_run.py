"""A run: reads the event files that no earlier run processed, and adds their events as rows.

A run has three steps: `plan` (what to read), `intake` (sort what was read) and `commit` (save).
Every write is conditional on what was read before it, and every step can be repeated. If a run ends
early, wherever it is, the next run completes its work.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from event_log.commit import Commit
from event_log.intake import Intake
from event_log.plan import Plan
from event_log.reader import Unread
from event_log.results import RunResult
from lambda_core.observability import timed_step

if TYPE_CHECKING:
    from event_log.checkpoint_bucket import CheckpointBucket
    from event_log.listing import Listing
    from event_log.reader import EventReader
    from event_log.results import Balance, GroupResult, RunOptions


def run_checkpoints(
    listing: Listing,
    reader: EventReader,
    checkpoints: CheckpointBucket,
    options: RunOptions,
    *,
    now: dt.datetime,
) -> RunResult:
    """Bring checkpoints up to date with the event files of a bucket.

    Parameters
    ----------
    listing
        The event files.
    reader
        Reads them.
    checkpoints
        The checkpoints.
    options
        How the run differs from the default.
    now
        The time noted for rejected objects.

    Raises
    ------
    S3Error
        The objects could not be listed, or a ledger could not be read or written.
    CheckpointError
        The single checkpoint could not be read or written.
    """
    plan, intake = Plan(listing, reader, options), Intake(checkpoints.layout, now)
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as name:
        folder = Path(name)
        with timed_step("load"):
            plan.load(checkpoints, folder)
        with timed_step("read"):
            for outcome in reader.read_all(plan.unprocessed(), deadline=options.deadline):
                intake.add(outcome)
        _count_outcomes(plan.balance, intake)
        with timed_step("save"):
            commit = Commit(checkpoints, plan, intake, options, since=listing.since, now=now)
            groups = commit.save(folder)
    complete_list = plan.listed_all and listing.since is None
    return RunResult(
        balance=plan.balance,
        groups=groups,
        rejected_keys=intake.rejected_keys,
        filtered=intake.filtered,
        failed_keys=intake.failed_keys,
        rows_without_object=_rows_without_object(groups, plan.balance) if complete_list else None,
        listed_all=plan.listed_all,
    )


def _count_outcomes(balance: Balance, intake: Intake) -> None:
    balance.filtered += intake.filtered
    balance.rejected += len(intake.rejected_keys)
    balance.archived += intake.unread[Unread.ARCHIVED]
    balance.gone += intake.unread[Unread.GONE]
    balance.failed += intake.unread[Unread.FAILED]
    balance.deferred += intake.unread[Unread.DEFERRED]


def _rows_without_object(groups: list[GroupResult], balance: Balance) -> int | None:
    if any(group.error for group in groups):
        return None
    return sum(group.total_events for group in groups) - balance.in_checkpoint
