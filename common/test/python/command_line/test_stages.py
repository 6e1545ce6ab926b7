"""Stages and their progress: plain lines in a pipe, bars on a terminal."""

from __future__ import annotations

import io
import itertools
import re

from command_line.stages import BarStages, PlainStages, stage_display
from command_line.table import table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_come_every_few_seconds() -> None:
    stream = io.StringIO()
    clock = itertools.count(0.0, 2.0)
    display = PlainStages(stream, lambda: next(clock))
    with display.stage("Reading") as progress:
        for done in range(1, 7):
            progress(done, 6)
    assert stream.getvalue().splitlines() == [
        "Reading ...",
        "Reading: 3 of 6",
        "Reading: 6 of 6",
        "Reading: done in 14.0 s",
    ]


def test_a_failed_stage_is_not_reported_as_done() -> None:
    stream = io.StringIO()
    try:
        with PlainStages(stream).stage("Reading"):
            raise ValueError
    except ValueError:
        pass
    assert stream.getvalue() == "Reading ...\n"


def test_the_display_suits_the_stream() -> None:
    assert isinstance(stage_display(io.StringIO()), PlainStages)
    assert isinstance(stage_display(Terminal()), BarStages)


def test_a_bar_shows_the_stage_and_its_progress() -> None:
    stream = Terminal()
    with stage_display(stream).stage("Reading the parameters") as progress:
        progress(1, 4)
    text = stream.getvalue()
    assert "Reading the parameters" in text
    assert "4/4" in text


def test_a_stage_without_progress_shows_no_numbers() -> None:
    stream = Terminal()
    with stage_display(stream).stage("Deploying"):
        pass
    text = stream.getvalue()
    assert "Deploying" in text
    assert not re.search(r"[\d?]/[\d?]", text)


def test_tables_align_names_and_lines() -> None:
    assert table("Title", [("One", "a\nb"), ("Three", "c")]).splitlines() == [
        "Title",
        "-----",
        "One    a",
        "       b",
        "Three  c",
    ]
