"""Adopts a checkpoint without source columns, as the public implementation writes it.

Such a checkpoint does not say which objects its rows come from. It is therefore replaced: all event
files are read, and events that no file contains are kept with null source columns.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from event_log.errors import AdoptionError
from event_log.models import SANDBOX
from event_log.schema import EVENT_COLUMNS

if TYPE_CHECKING:
    from event_log.checkpoint_file import CheckpointFile
    from event_log.results import Balance


def check_all_read(path: str, balance: Balance, *, listed_all: bool, since: dt.date | None) -> None:
    """Check that a run read every object, so that it can adopt the checkpoint at `path`.

    Raises
    ------
    AdoptionError
        An object that was not read may explain a row.
    """
    missing = balance.failed + balance.deferred + balance.archived
    if not listed_all:
        obstacle = "there was not enough time to list them"
    elif missing:
        obstacle = f"{missing} could not be read now"
    elif since:
        obstacle = 'invoke the function with "full": true'
    else:
        return
    raise AdoptionError(
        f"{path} does not say which objects its rows come from. Only a run that reads all objects "
        f"can adopt it: {obstacle}",
        checkpoint_path=path,
    )


def adopted_rows(file: CheckpointFile, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the events of a file without source columns that are not among `rows`.

    Events of sandbox projects are dropped.

    Raises
    ------
    DamagedCheckpointError
        The file cannot be decoded.
    """
    return rows_missing_from(file.events(), rows).filter(
        ~pl.col("project_label").str.starts_with(SANDBOX)
    )


def rows_missing_from(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the events of `old` that do not occur in `new`, or occur less often."""
    nth = pl.int_range(pl.len()).over(EVENT_COLUMNS).alias("nth")
    return (
        old.with_columns(nth)
        .join(
            new.select(EVENT_COLUMNS).with_columns(nth),
            on=[*EVENT_COLUMNS, "nth"],
            how="anti",
            nulls_equal=True,
        )
        .drop("nth")
    )
