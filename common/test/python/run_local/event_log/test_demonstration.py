"""The demonstration of the event log checkpoint without the function: what goes in and out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line.command import WRONG_USAGE
from event_log.event_file import RefusedError, parse_event
from event_log.file_names import is_event_file
from event_log.ledger import LEDGER_SCHEMA
from event_log.monthly_report import monthly_report
from event_log.schema import SCHEMA
from lambda_core.errors import UsageError
from run_local import cli
from run_local.event_log.demonstration import FATES, Demonstration, Run, imbalances
from run_local.event_log.event_files import CENTERS, Kind, Rounds, from_folder, made_up
from run_local.event_log.view import as_text, sections, show


@pytest.mark.parametrize("files", [1, 2, 30, 1000])
def test_as_many_events_are_made_as_were_asked_for(files: int) -> None:
    rounds = made_up(files)
    assert rounds.count(Kind.EVENT) + rounds.count(Kind.LATE) == files
    every = [one.key for one in rounds.first] + [
        one.key for one in rounds.second if one.kind is Kind.LATE
    ]
    assert len(set(every)) == len(every), "no file takes the place of another"
    there = {one.key: one.read() for one in rounds.first}
    for one in (*rounds.first, *rounds.second):
        assert is_event_file(one.key, "") is (one.kind is not Kind.OTHER)
        match one.kind:
            case Kind.BROKEN:
                if len(one.read()) < 2**20:
                    with pytest.raises(RefusedError):
                        parse_event(one.read())
            case Kind.OTHER:
                pass
            case _:
                assert parse_event(one.read()).is_practice is (one.kind is Kind.PRACTICE)
        if one.kind is Kind.REPEATED:
            assert there[one.key] == one.read()
        if one.kind is Kind.REWRITTEN:
            assert there[one.key] != one.read()


def test_the_same_files_are_made_again() -> None:
    assert made_up(50) == made_up(50)
    assert made_up(50) != made_up(50, seed=1)


def test_events_of_all_kinds_are_made() -> None:
    rounds = made_up(1000)
    events = [json.loads(one.read()) for one in rounds.first if one.kind is Kind.EVENT]
    assert {one["action"] for one in events} == {"submit", "pass-qc", "not-pass-qc", "delete"}
    assert {one["center_label"] for one in events} == set(CENTERS.values())
    assert {type(one["pipeline_adcid"]) for one in events} == {int, str}
    assert len({one["datatype"] for one in events}) > 4
    first = max(parse_event(one.read()).timestamp for one in rounds.first if one.kind is Kind.EVENT)
    late = [parse_event(one.read()).timestamp for one in rounds.second if one.kind is Kind.LATE]
    assert min(late) < first
    for kind in Kind:
        assert rounds.count(kind) > 0


def test_a_folder_gives_its_files(tmp_path: Path) -> None:
    events = [one for one in made_up(60).first if one.kind is Kind.EVENT]
    for one in events:
        (tmp_path / one.key).write_bytes(one.read())
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    rounds = from_folder(tmp_path)
    taken = {one.key: one.read() for one in rounds.first}
    taken |= {one.key: one.read() for one in rounds.second if one.kind is Kind.LATE}
    assert taken == {one.key: one.read() for one in events} | {"notes.txt": b"x"}
    assert all(rounds.count(kind) for kind in Kind if kind is not Kind.PRACTICE)
    for one in rounds.second:
        if one.kind is Kind.REWRITTEN:
            assert one.read() != taken[one.key]
            assert parse_event(one.read()) == parse_event(taken[one.key])


def test_a_folder_that_is_no_use_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none cannot be read: No such file"):
        from_folder(tmp_path / "none")
    with pytest.raises(UsageError, match="is empty"):
        from_folder(tmp_path)
    other = tmp_path / "other.txt"
    other.touch()
    with pytest.raises(UsageError, match="Not a directory"):
        from_folder(other)
    with pytest.raises(UsageError, match=r"named as event files are: log-submit-\d{8}-\d{6}-"):
        from_folder(tmp_path)


def test_a_file_that_goes_away_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log-submit-20260701.json"
    path.touch()
    (one,) = from_folder(tmp_path).first
    path.unlink()
    with pytest.raises(UsageError, match=r"20260701\.json cannot be read: No such file"):
        one.read()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the command runs on Linux only")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--files=0"], "'0' is no number of files"),
        (["--files=many"], "'many' is no number of files"),
        (["--files=1000000000"], "1 to 200,000 can be made"),
        (["--files=10", "--source=x"], "not allowed with"),
        (["--fils=10"], "unrecognized arguments: --fils=10"),
        (["--source=/no/such/folder"], "/no/such/folder cannot be read: No such file"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    # What the command changes of the environment is undone after the test.
    for name in os.environ:
        monkeypatch.setenv(name, os.environ[name])
    try:
        code = cli.main(["event-checkpoint", *options])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == WRONG_USAGE
    told = capsys.readouterr()
    assert message in told.err.splitlines()[-1]
    assert not told.out


BALANCE = {
    "listed": 0,
    **dict.fromkeys(FATES, 0),
    "in_checkpoint": 2,
    "rejected": 1,
}


@pytest.fixture
def shown(tmp_path: Path) -> Demonstration:
    row: dict[str, Any] = {
        "action": "submit",
        "study": "adrc",
        "pipeline_adcid": 42,
        "project_label": "ingest-form",
        "center_label": "[bold]rowan[/bold]\x1b[2J",
        "gear_name": "gear",
        "ptid": "SECRET",
        "visit_date": "2026-07-01",
        "datatype": "form",
        "module": "UDS",
        "packet": "I",
        "timestamp": dt.datetime(2026, 7, 2, tzinfo=dt.UTC),
        "source_key": "a",
    }
    checkpoint = pl.DataFrame([row, row | {"source_key": "b"}], schema=SCHEMA)
    refusal = {"source_key": "logs/[red].json", "reason": "json", "errors": "no JSON\nat all"}
    path = tmp_path / "checkpoint.parquet"
    path.write_bytes(b"x" * 2_000)
    answer = {
        "statusCode": 200,
        "new_events_processed": 2,
        "total_events": 2,
        "events_failed": 1,
        "balance": BALANCE | {"listed": 3},
    }
    run = Run(answer, 1.25, 150)
    return Demonstration(
        rounds=Rounds("of a test", False, made_up(5).first, ()),
        runs=(run, run),
        listed=3,
        checkpoint=checkpoint,
        rejected=pl.DataFrame([refusal], schema=LEDGER_SCHEMA),
        report=monthly_report(checkpoint),
        files=(path,),
    )


def test_what_balances_is_passed(shown: Demonstration) -> None:
    assert imbalances(shown) == []


def test_each_lost_object_is_told(shown: Demonstration) -> None:
    def found(**changed: Any) -> str:  # noqa: ANN401 - of any field
        return "; ".join(imbalances(dataclasses.replace(shown, **changed)))

    assert "objects that the function listed, and S3: 3 and 4" in found(listed=4)
    assert "the checkpoint: 2 and 1" in found(checkpoint=shown.checkpoint.head(1))
    assert "those on record: 1 and 0" in found(rejected=shown.rejected.clear())
    last = shown.runs[-1]
    lost = Run({**last.answer, "balance": last.answer["balance"] | {"in_checkpoint": 1}}, 1, 1)
    assert "what became of them: 3 and 2" in found(runs=(last, lost))
    made = dataclasses.replace(shown.rounds, made_up=True)
    assert "in_checkpoint that were made, and that were found: 5 and 2" in found(rounds=made)


def test_all_is_told_in_plain_text(shown: Demonstration) -> None:
    out = io.StringIO()
    show(shown, out)
    text = out.getvalue()
    assert "Event files of a test." in text
    assert "S3 lists 3 versions of objects; the function accounts for 3." in text
    assert "no JSON" in text
    assert "days are medians" in text
    assert "checkpoint.parquet  (2 kB)" in text
    assert "\x1b" not in text
    assert "SECRET" not in text
    assert max(map(len, text.splitlines())) < 140


def test_a_terminal_gets_tables_without_taking_labels_for_markup(
    shown: Demonstration, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "150")
    out = Terminal()
    show(shown, out)
    text = out.getvalue()
    assert "\x1b[1;36m" in text, "titles stand out"
    assert "[bold]rowan[/bold]\\x1b[2J" in text
    assert "[red].json" in text
    assert "\x1b[2J" not in text


def test_without_refusals_there_is_no_table_of_them(shown: Demonstration) -> None:
    titles = [
        one.title for one in sections(dataclasses.replace(shown, rejected=shown.rejected.clear()))
    ]
    assert "What was refused, and why" not in titles
    assert "To the last object" in titles
    assert all(as_text(one).startswith(one.title) for one in sections(shown))
