"""The demonstration of the event log without the function: its files, checks and output."""

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
from event_log.event_file import RejectedError, parse_event
from event_log.file_names import is_event_file
from event_log.ledger import LEDGER_SCHEMA
from event_log.monthly_report import monthly_report
from event_log.schema import SCHEMA
from lambda_core.errors import UsageError
from run_local import cli
from run_local.event_log.demonstration import FATES, Demonstration, Run, imbalances
from run_local.event_log.event_files import CENTERS, Kind, Rounds, from_folder, generate_rounds
from run_local.event_log.view import as_text, sections, show


@pytest.mark.parametrize("files", [1, 2, 30, 1000])
def test_the_requested_number_of_events_is_generated(files: int) -> None:
    rounds = generate_rounds(files)
    assert rounds.count(Kind.EVENT) + rounds.count(Kind.LATE) == files
    keys = [file.key for file in rounds.first] + [
        file.key for file in rounds.second if file.kind is Kind.LATE
    ]
    assert len(set(keys)) == len(keys), "no file replaces another"
    stored = {file.key: file.read() for file in rounds.first}
    for file in (*rounds.first, *rounds.second):
        assert is_event_file(file.key, "") is (file.kind is not Kind.OTHER)
        match file.kind:
            case Kind.BROKEN:
                if len(file.read()) < 2**20:
                    with pytest.raises(RejectedError):
                        parse_event(file.read())
            case Kind.OTHER:
                pass
            case _:
                assert parse_event(file.read()).is_sandbox is (file.kind is Kind.PRACTICE)
        if file.kind is Kind.REPEATED:
            assert stored[file.key] == file.read()
        if file.kind is Kind.REWRITTEN:
            assert stored[file.key] != file.read()


def test_generated_files_are_reproducible() -> None:
    assert generate_rounds(50) == generate_rounds(50)
    assert generate_rounds(50) != generate_rounds(50, seed=1)


def test_events_of_all_kinds_are_generated() -> None:
    rounds = generate_rounds(1000)
    contents = [file.read() for file in rounds.first if file.kind is Kind.EVENT]
    events = [json.loads(content) for content in contents]
    assert {event["action"] for event in events} == {"submit", "pass-qc", "not-pass-qc", "delete"}
    assert {event["center_label"] for event in events} == set(CENTERS.values())
    assert {type(event["pipeline_adcid"]) for event in events} == {int, str}
    assert len({event["datatype"] for event in events}) > 4
    first = max(parse_event(content).timestamp for content in contents)
    late = [parse_event(file.read()).timestamp for file in rounds.second if file.kind is Kind.LATE]
    assert min(late) < first
    for kind in Kind:
        assert rounds.count(kind) > 0


def test_the_files_of_a_folder_are_used(tmp_path: Path) -> None:
    events = [file for file in generate_rounds(60).first if file.kind is Kind.EVENT]
    for file in events:
        (tmp_path / file.key).write_bytes(file.read())
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    rounds = from_folder(tmp_path)
    taken = {file.key: file.read() for file in rounds.first}
    taken |= {file.key: file.read() for file in rounds.second if file.kind is Kind.LATE}
    assert taken == {file.key: file.read() for file in events} | {"notes.txt": b"x"}
    assert all(rounds.count(kind) for kind in Kind if kind is not Kind.PRACTICE)
    for file in rounds.second:
        if file.kind is Kind.REWRITTEN:
            assert file.read() != taken[file.key]
            assert parse_event(file.read()) == parse_event(taken[file.key])


def test_a_folder_without_event_files_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none cannot be read: No such file"):
        from_folder(tmp_path / "none")
    with pytest.raises(UsageError, match="is empty"):
        from_folder(tmp_path)
    other = tmp_path / "other.txt"
    other.touch()
    with pytest.raises(UsageError, match="Not a directory"):
        from_folder(other)
    with pytest.raises(UsageError, match=r"name of an event file, such as log-submit-\d{8}-\d{6}-"):
        from_folder(tmp_path)


def test_a_file_that_disappears_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "log-submit-20260701.json"
    path.touch()
    (file,) = from_folder(tmp_path).first
    path.unlink()
    with pytest.raises(UsageError, match=r"20260701\.json cannot be read: No such file"):
        file.read()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the command runs on Linux only")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--files=0"], "'0' is not a valid number of files"),
        (["--files=many"], "'many' is not a valid number of files"),
        (["--files=1000000000"], "number of files: 1 to 200,000"),
        (["--files=10", "--source=x"], "not allowed with"),
        (["--fils=10"], "unrecognized arguments: --fils=10"),
        (["--source=/no/such/folder"], "/no/such/folder cannot be read: No such file"),
    ],
)
@pytest.mark.parametrize("command", ["event-log", "event-checkpoint"])
def test_wrong_usage_is_one_clear_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    options: list[str],
    message: str,
) -> None:
    # Restores the environment after the test.
    for name in os.environ:
        monkeypatch.setenv(name, os.environ[name])
    try:
        code = cli.main([command, *options])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == WRONG_USAGE
    output = capsys.readouterr()
    assert message in output.err.splitlines()[-1]
    assert not output.out


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
        rounds=Rounds("of a test", False, generate_rounds(5).first, ()),
        runs=(run, run),
        listed=3,
        checkpoint=checkpoint,
        rejected=pl.DataFrame([refusal], schema=LEDGER_SCHEMA),
        report=monthly_report(checkpoint),
        files=(path,),
    )


def test_equal_numbers_are_accepted(shown: Demonstration) -> None:
    assert imbalances(shown) == []


def test_every_lost_object_is_reported(shown: Demonstration) -> None:
    def found(**changed: Any) -> str:  # noqa: ANN401 - of any field
        return "; ".join(imbalances(dataclasses.replace(shown, **changed)))

    assert "objects listed by the function and by S3: 3 and 4" in found(listed=4)
    assert "in the checkpoint: 2 and 1" in found(checkpoint=shown.checkpoint.head(1))
    assert "on record: 1 and 0" in found(rejected=shown.rejected.clear())
    last = shown.runs[-1]
    lost = Run({**last.response, "balance": last.response["balance"] | {"in_checkpoint": 1}}, 1, 1)
    assert "listed objects and their results: 3 and 2" in found(runs=(last, lost))
    made = dataclasses.replace(shown.rounds, generated=True)
    assert "in_checkpoint generated and found: 5 and 2" in found(rounds=made)


def test_plain_text_contains_all_sections(shown: Demonstration) -> None:
    out = io.StringIO()
    show(shown, out)
    text = out.getvalue()
    assert "Source: of a test" in text
    assert "S3 lists 3 object versions; the function reports 3." in text
    assert "no JSON" in text
    assert "days are medians" in text
    assert "checkpoint.parquet  (2 kB)" in text
    assert "\x1b" not in text
    assert "SECRET" not in text
    assert max(map(len, text.splitlines())) < 140


def test_labels_are_not_markup_on_a_terminal(
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


def test_the_table_of_rejected_files_is_omitted_if_there_are_none(shown: Demonstration) -> None:
    without = dataclasses.replace(shown, rejected=shown.rejected.clear())
    titles = [section.title for section in sections(without)]
    assert "Rejected files" not in titles
    assert "Every object is accounted for" in titles
    assert "Rejected files" in [section.title for section in sections(shown)]
    assert all(as_text(section).startswith(section.title) for section in sections(shown))
