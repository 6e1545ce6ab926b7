"""The demonstration, with the packaged function: nothing is lost and nothing is invented."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import polars as pl

from artefacts.function_settings import FunctionSettings
from command_line.stages import SilentStages
from run_local.deployer import Deployer
from run_local.event_log.demonstration import (
    CHECKPOINT_FILE,
    FUNCTION,
    REJECTED_FILE,
    Demonstration,
    run_both_rounds,
)
from run_local.event_log.event_files import Kind, Rounds, from_folder, made_up
from run_local.event_log.view import as_text, sections

FILES = 120


def demonstrate(
    deployer: Deployer, settings: dict[str, FunctionSettings], rounds: Rounds, folder: Path
) -> Demonstration:
    return run_both_rounds(deployer, settings[FUNCTION], rounds, folder, SilentStages())


def test_every_file_that_was_made_is_found_again(
    deployer: Deployer, settings: dict[str, FunctionSettings], tmp_path: Path
) -> None:
    rounds = made_up(FILES)
    shown = demonstrate(deployer, settings, rounds, tmp_path)

    # What was made, told by itself: not by the function, nor by the demonstration.
    rows = {
        (f"logs/{one.key}", json.loads(one.read())["timestamp"][:19])
        for one in (*rounds.first, *rounds.second)
        if one.kind in (Kind.EVENT, Kind.LATE)
    }
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        found = database.execute(
            "select source_key, strftime(\"timestamp\", '%Y-%m-%dT%H:%M:%S') from read_parquet(?)",
            [str(tmp_path / CHECKPOINT_FILE)],
        ).fetchall()
        refused = database.execute(
            "select reason, count(*) from read_parquet(?) group by reason",
            [str(tmp_path / REJECTED_FILE)],
        ).fetchall()
    assert set(found) == rows
    assert len(found) == FILES + rounds.count(Kind.REWRITTEN)
    assert dict(refused) == {
        "duplicate_field": 1,
        "encoding": 1,
        "json": 2,
        "schema": 4,
        "too_large": 1,
    }

    visits = sum(map(sum, shown.report.detail.select("visits", "deleted").rows()))
    events = [json.loads(one.read()) for one in rounds.first if one.kind is Kind.EVENT]
    events += [json.loads(one.read()) for one in rounds.second if one.kind is Kind.LATE]
    names = ("ptid", "visit_date", "visit_number", "datatype", "module")
    made = {(int(one["pipeline_adcid"]), *(one[name] for name in names)) for one in events}
    assert visits == len(made)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in shown.files}

    text = "\n".join(map(as_text, sections(shown)))
    assert f"S3 lists {shown.listed:,} object versions" in text
    assert "a field is there more than once" in text
    for one in events:
        assert str(one["ptid"]) not in text, "the demonstration names no participant"


def test_files_of_a_folder_go_the_same_way(
    deployer: Deployer, settings: dict[str, FunctionSettings], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    events = [one for one in made_up(60).first if one.kind is Kind.EVENT]
    for one in events:
        (source / one.key).write_bytes(one.read())
    (source / "notes.txt").write_text("of nobody's concern")
    (source / "log-submit-20260701.json").write_text("{")

    shown = demonstrate(deployer, settings, from_folder(source), target)

    latest = shown.checkpoint.group_by("source_key").agg(pl.len())
    assert latest.height == len(events)
    assert shown.report.basis.superseded == shown.checkpoint.height - len(events) > 0
    assert shown.rejected.height == 10
    balance = shown.runs[-1].answer["balance"]
    assert (balance["other_names"], balance["failed"]) == (1, 0)
