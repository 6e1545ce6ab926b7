"""How long work tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a piece of work is."""

    def __call__(self, done: int, total: int) -> None:
        """Take note that `done` of `total` steps are done; both may still grow."""


def no_progress(done: int, total: int) -> None:
    """Take no note."""
    del done, total
