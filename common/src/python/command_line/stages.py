"""Shows the stages of a command and their progress on standard error.

On a terminal, each stage has a bar. Elsewhere (a pipe, a CI log) each step is a plain line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from command_line.progress import Progress, no_progress

SECONDS_BETWEEN_LINES = 5.0


class StageDisplay(Protocol):
    """Shows the stages of a command, one after the other."""

    def stage(self, title: str) -> AbstractContextManager[Progress]:
        """Show a stage while the block runs; the block receives a function for its progress."""


class SilentStages:
    """Shows nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show nothing while the block runs."""
        del title
        yield no_progress


class PlainStages:
    """Prints a line when a stage starts and ends, and every few seconds in between."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show one stage."""
        started = printed = self._clock()
        self._print(f"{title} ...")

        def progress(done: int, total: int) -> None:
            nonlocal printed
            now = self._clock()
            if now - printed >= SECONDS_BETWEEN_LINES:
                printed = now
                self._print(f"{title}: {done} of {total}")

        yield progress
        self._print(f"{title}: done in {self._clock() - started:.1f} s")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class BarStages:
    """Shows a bar for each stage, on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)

    @contextmanager
    def stage(self, title: str) -> Iterator[Progress]:
        """Show one stage; numbers appear only if the stage reports its progress."""
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<32}"),
            BarColumn(),
            TextColumn("{task.fields[count]:<11}"),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=None, count="")

            def progress(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total, count=f"{done}/{total}")

            yield progress
            total = bars.tasks[task].total
            bars.update(task, completed=total or 1, total=total or 1)
            if total is not None:
                bars.update(task, count=f"{total:.0f}/{total:.0f}")


def stage_display(stream: TextIO = sys.stderr) -> StageDisplay:
    """Return the display that suits the stream: bars on a terminal, else plain lines."""
    return BarStages(stream) if stream.isatty() else PlainStages(stream)
