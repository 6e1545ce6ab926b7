"""The demonstration with the packaged function: nothing is lost, nothing is invented."""

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
from run_local.event_log.event_files import Kind, Rounds, from_folder, generate_rounds
from run_local.event_log.view import as_text, sections

FILES = 120


def demonstrate(
    deployer: Deployer, settings: dict[str, FunctionSettings], rounds: Rounds, folder: Path
) -> Demonstration:
    return run_both_rounds(deployer, settings[FUNCTION], rounds, folder, SilentStages())


def test_every_generated_file_is_found(
    deployer: Deployer, settings: dict[str, FunctionSettings], tmp_path: Path
) -> None:
    rounds = generate_rounds(FILES)
    shown = demonstrate(deployer, settings, rounds, tmp_path)

    # Expected rows, computed from the files and not by the function or the demonstration.
    rows = {
        (f"logs/{file.key}", json.loads(file.read())["timestamp"][:19])
        for file in (*rounds.first, *rounds.second)
        if file.kind in (Kind.EVENT, Kind.LATE)
    }
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        found = database.execute(
            "select source_key, strftime(\"timestamp\", '%Y-%m-%dT%H:%M:%S') from read_parquet(?)",
            [str(tmp_path / CHECKPOINT_FILE)],
        ).fetchall()
        rejected = database.execute(
            "select reason, count(*) from read_parquet(?) group by reason",
            [str(tmp_path / REJECTED_FILE)],
        ).fetchall()
    assert set(found) == rows
    assert len(found) == FILES + rounds.count(Kind.REWRITTEN)
    assert dict(rejected) == {
        "duplicate_field": 1,
        "encoding": 1,
        "json": 2,
        "schema": 4,
        "too_large": 1,
    }

    visits = sum(map(sum, shown.report.detail.select("visits", "deleted").rows()))
    events = [json.loads(file.read()) for file in rounds.first if file.kind is Kind.EVENT]
    events += [json.loads(file.read()) for file in rounds.second if file.kind is Kind.LATE]
    names = ("ptid", "visit_date", "visit_number", "datatype", "module")
    made = {(int(file["pipeline_adcid"]), *(file[name] for name in names)) for file in events}
    assert visits == len(made)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in shown.files}

    text = "\n".join(map(as_text, sections(shown)))
    assert f"S3 lists {shown.listed:,} object versions" in text
    assert "a field occurs more than once" in text
    for file in events:
        assert str(file["ptid"]) not in text, "the demonstration shows no participant ID"


def test_files_from_a_folder(
    deployer: Deployer, settings: dict[str, FunctionSettings], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    events = [file for file in generate_rounds(60).first if file.kind is Kind.EVENT]
    for file in events:
        (source / file.key).write_bytes(file.read())
    (source / "notes.txt").write_text("not an event")
    (source / "log-submit-20260701.json").write_text("{")

    shown = demonstrate(deployer, settings, from_folder(source), target)

    latest = shown.checkpoint.group_by("source_key").agg(pl.len())
    assert latest.height == len(events)
    assert shown.report.basis.superseded == shown.checkpoint.height - len(events) > 0
    assert shown.rejected.height == 10
    balance = shown.runs[-1].response["balance"]
    assert (balance["other_names"], balance["failed"]) == (1, 0)
