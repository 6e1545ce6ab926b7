"""Prints the demonstration of the event log: tables on a terminal, text elsewhere."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import polars as pl

from event_log.monthly_report import RULES
from event_log.monthly_report_files import (
    MEDIANS,
    SHEETS,
    TEXT_TABLES,
    TITLE,
    basis,
    is_left_aligned,
    lay_out,
    scope,
    text_cells,
)
from lambda_core.spreadsheet import visible
from run_local.event_log.demonstration import Demonstration, Run
from run_local.event_log.event_files import Kind

WIDTH = 98

_SHOWN = 48
"""Maximum length of a reason or name, in characters."""

_MOST_REJECTED = 20
"""Rejected files that are printed; the file contains all."""

BECAME = {
    Kind.EVENT: "rows",
    Kind.PRACTICE: "left out",
    Kind.OTHER: "ignored",
    Kind.LATE: "rows",
    Kind.REWRITTEN: "rows, in addition to the older version",
    Kind.REPEATED: "no new rows",
    Kind.BROKEN: "rejected",
}

BALANCE = {
    "in_checkpoint": "rows in the checkpoint",
    "duplicates": "same content stored again",
    "filtered": "practice projects",
    "rejected": "rejected",
    "other_names": "other names",
    "archived": "archived",
    "gone": "deleted before they were read",
    "failed": "could not be read",
    "unsaved": "could not be saved",
    "deferred": "left for the next run",
}


@dataclass(frozen=True)
class Section:
    """A section of the output: a title, lines of text, and a table.

    Attributes
    ----------
    head
        Titles of the table's columns.
    left
        For each column, whether it is aligned left.
    """

    title: str
    lines: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    left: Sequence[bool] = ()


def show(shown: Demonstration, out: TextIO) -> None:
    """Print all sections, in the form that suits the output."""
    if out.isatty():
        _print_rich(sections(shown), out)
    else:
        print("\n\n".join(map(as_text, sections(shown))), file=out, flush=True)


def sections(shown: Demonstration) -> Iterator[Section]:
    """Yield the sections in their order."""
    rounds = shown.rounds
    kinds = [kind for kind in Kind if rounds.count(kind)]
    yield Section(
        "Event files",
        [f"Source: {rounds.origin}"],
        ("Files", "Round", "Count", "Result"),
        [
            (
                kind.value,
                "first" if any(file.kind is kind for file in rounds.first) else "second",
                f"{rounds.count(kind):,}",
                BECAME[kind] if rounds.generated else "",
            )
            for kind in sorted(kinds, key=[*BECAME].index)
        ],
        (True, True, False, True),
    )
    yield Section(
        "Runs of the function",
        (),
        ("", "First run", "Second run"),
        [
            *(
                (title, *(f"{run.response[name]:,}" for run in shown.runs))
                for title, name in (
                    ("status", "statusCode"),
                    ("new rows", "new_events_processed"),
                    ("rows in total", "total_events"),
                    ("rejected files", "events_failed"),
                )
            ),
            ("seconds", *(f"{run.seconds:.1f}" for run in shown.runs)),
            ("peak memory, MB", *(f"{run.peak_mb:,}" for run in shown.runs)),
        ],
        (True, False, False),
    )
    yield from _rejected_files(shown.rejected)
    yield _balance(shown.runs[-1], shown.listed)
    yield from _report(shown)
    yield Section("Files", [_described(path) for path in shown.files])


def as_text(section: Section) -> str:
    """Lay a section out in plain text."""
    parts = [f"{section.title}\n{'-' * len(section.title)}"]
    parts += [textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in section.lines]
    if section.head:
        table = lay_out([section.head, *section.rows], section.left)
        parts.append(f"\n{table}" if section.lines else table)
    return "\n".join(parts)


def _rejected_files(rejected: pl.DataFrame) -> Iterator[Section]:
    if rejected.is_empty():
        return
    ordered = rejected.sort("reason", "source_key")
    yield Section(
        "Rejected files",
        ["A rejected file is read again when it is stored again, or with retry_rejected."],
        ("Reason", "Details", "File"),
        [
            (reason, _begin(visible(errors.split("\n")[0])), _end(visible(Path(key).name)))
            for reason, errors, key in ordered.select("reason", "errors", "source_key").rows()[
                :_MOST_REJECTED
            ]
        ],
        (True, True, True),
    )


def _balance(run: Run, listed: int) -> Section:
    balance = run.response["balance"]
    rows = [
        (f"{title}", f"{balance[name]:,}")
        for name, title in BALANCE.items()
        if balance[name] or name in ("in_checkpoint", "failed")
    ]
    total = sum(balance[name] for name in BALANCE)
    return Section(
        "Every object is accounted for",
        [f"S3 lists {listed:,} object versions; the function reports {total:,}."],
        ("Result", "Objects"),
        rows,
        (True, False),
    )


def _report(shown: Demonstration) -> Iterator[Section]:
    report = shown.report
    yield Section(f"{TITLE}: {scope(report)}", basis(report))
    for table in TEXT_TABLES:
        head, *rows = text_cells(report, table)
        title = f"{SHEETS[table]} ({MEDIANS})"
        yield Section(title, (), head, rows, is_left_aligned(table))
    yield Section("How events are counted", [f"- {rule}" for rule in RULES])


def _described(path: Path) -> str:
    return f"{path}  ({path.stat().st_size / 1000:,.0f} kB)"


def _begin(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _end(text: str) -> str:
    """Return the end of a name, because all names have the same beginning."""
    return text if len(text) <= _SHOWN else f"…{text[1 - _SHOWN :]}"


def _print_rich(found: Iterator[Section], out: TextIO) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    for section in found:
        console.print(Text(f"\n{section.title}", style="bold cyan"))
        for line in section.lines:
            console.print(Text(line), soft_wrap=False)
        if not section.head:
            continue
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for title, left in zip(section.head, section.left, strict=True):
            table.add_column(Text(title), justify="left" if left else "right", overflow="fold")
        for row in section.rows:
            # `Text` prevents markup in labels.
            table.add_row(*map(Text, row))
        console.print(table)
