"""How a long-running operation reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a long-running operation."""

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` steps are finished; both numbers may grow."""


def no_progress(done: int, total: int) -> None:
    """Ignore the progress."""
    del done, total
