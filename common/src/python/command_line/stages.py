"""Progress of a command's stages.

On a terminal, a bar shows how far each stage is. Elsewhere (a pipe, a CI log) each step is a plain
line. Progress goes to standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from command_line.progress import Progress, no_progress

if TYPE_CHECKING:
    pass


SECONDS_BETWEEN_LINES = 5.0


class StageDisplay(Protocol):
    """Shows the stages of a run, one after the other."""

    def stage(self, title: str) -> AbstractContextManager[Progress]:
        """Show a stage while the block runs; the value tells how far it is."""


class SilentStages:
    """Shows nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show nothing while the block runs."""
        del title
        yield no_progress


class PlainStages:
    """One line when a stage starts and ends, and every few seconds in between."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show one stage."""
        started = said = self._clock()
        self._say(f"{title} ...")

        def progress(done: int, total: int) -> None:
            nonlocal said
            now = self._clock()
            if now - said >= SECONDS_BETWEEN_LINES:
                said = now
                self._say(f"{title}: {done} of {total}")

        yield progress
        self._say(f"{title}: done in {self._clock() - started:.1f} s")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class BarStages:
    """A bar a stage, on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show one stage."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Bars

        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
            total = bars.tasks[task].total or 1
            bars.update(task, completed=total, total=total)


def stage_display(stream: TextIO = sys.stderr) -> StageDisplay:
    """Choose the display that fits where the output goes."""
    return BarStages(stream) if stream.isatty() else PlainStages(stream)
