"""`run-local.sh patch-tracker` without its packages."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line.stages import SilentStages
from lambda_core.errors import ConfigurationError
from patch_tracker.models import UNKNOWN_TIME
from run_local import cli
from run_local.patch_tracker.demonstration import Demonstration, Options, demonstration
from run_local.patch_tracker.lore_server import mbox
from run_local.patch_tracker.sample_mails import bundled_mails, message_id
from run_local.patch_tracker.view import FORMATS, board, export, search, show

SET = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
"""Variables that the command sets for its process; they are restored after a test."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SET:
        monkeypatch.setenv(name, "set-by-the-test")


@pytest.fixture(scope="module")
def shown() -> Iterator[Demonstration]:
    with pytest.MonkeyPatch.context() as patched:
        for name in SET:
            patched.setenv(name, "set-by-the-test")
        with demonstration(Options(in_process=True), SilentStages()) as found:
            yield found


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["patch-tracker", "--in-process", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_board_shows_what_is_waiting_and_for_whom(shown: Demonstration) -> None:
    out = board(shown)
    blocks = {block.splitlines()[0]: block for block in out.split("\n\n") if "waiting" in block}
    assert "NOT LIVE DATA" in out
    assert "v3; 2 of 3 patches; Ada Quill" in blocks["door: visitors"]
    assert "waiting for: the author" in blocks["door: visitors"]
    assert "waiting for: the author" in blocks["fan: turn the other way on Sundays"]
    assert "Acked-by 1 (not verified)" in blocks["kettle: whistle in a lower key"]
    assert "waiting for: the reviewers" in blocks["kettle: whistle in a lower key"]
    assert "accepted; v1; 1 patch; Tom" in blocks["bell: ring once"]
    assert "waiting for: nobody" in blocks["bell: ring once"]
    assert (
        f"bin/run-local.sh patch-tracker show {message_id('pull-1')}"
        in blocks["house: fixes for the week"]
    )
    assert "http://" not in out, "the stand-ins have ended when somebody reads this"
    assert "b4 " not in out
    first = out.index("new; v2 of v1, v2; 2 patches; Mira Sole")
    assert "Reviewed-by 1, Tested-by 1; 2 replies" in out[first:]
    assert "7 series; 10 patches" in out


def test_real_servers_have_links_and_b4_commands(
    shown: Demonstration, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = dataclasses.replace(shown, live=True)
    link = shown.tracker.lore.link(message_id("pull-1"))
    assert link in board(live)
    assert "b4 " not in board(live), "b4 reads from lore.kernel.org only"
    assert f"Link:   {link}" in show(live, message_id("pull-1"))
    settings = shown.tracker.settings.model_copy(update={"lore_url": "https://lore.kernel.org/"})
    monkeypatch.setattr(shown.tracker, "settings", settings)
    assert f"    b4 pr {message_id('pull-1')}\n" in board(live)
    assert f"    b4 am {message_id('fan-1')}\n" in board(live)


def test_a_patch_is_shown_with_its_discussion(shown: Demonstration) -> None:
    out = show(shown, f"<{message_id('lamp-v1-2')}>")
    assert f"ID:     {message_id('lamp-v1-2')}" in out
    assert "http://" not in out
    assert "Status: superseded" in out
    assert "new -> superseded" in out
    assert "Paths:  drivers/lamp/dim.c" in out
    assert "review, sounds like concern (by concern wording)" in out
    with pytest.raises(ConfigurationError, match=r"no mail has the message ID 'nothing@like\.it'"):
        show(shown, "nothing@like.it")


@pytest.mark.parametrize(
    ("criteria", "titles"),
    [
        ({"path": "drivers/lamp/"}, ["lamp: dim slowly", "lamp: dim slowly"]),
        (
            {"submitter": "TOMAS@potok.example"},
            ["kettle: whistle in a lower key", "bell: ring once"],
        ),
        ({"status": "accepted"}, ["bell: ring once"]),
        ({"status": "new", "submitter": "tomas@potok.example"}, ["kettle: whistle in a lower key"]),
        ({"series": 9999}, []),
    ],
)
def test_searches(shown: Demonstration, criteria: dict[str, Any], titles: list[str]) -> None:
    out = board(shown, search(shown.tracker, **criteria))
    blocks = [block for block in out.split("\n\n") if "waiting" in block]
    assert [block.splitlines()[0] for block in blocks] == titles
    assert ("No series." in out) == (not titles)


def test_exports(shown: Demonstration, tmp_path: Path) -> None:
    rows: dict[str, list[dict[str, object]]] = {}
    for form in FORMATS:
        target = tmp_path / "new" / f"board.{form}"
        assert export(shown, form, target) == 7
        content = target.read_bytes()
        if form == "csv":
            rows[form] = list(csv.DictReader(io.StringIO(content.decode())))
        elif form == "json":
            rows[form] = json.loads(content)
        else:
            rows[form] = pl.read_parquet(content).to_dicts()
    assert rows["parquet"] == rows["json"]
    assert [{name: str(row[name]) for name in row} for row in rows["json"]] == rows["csv"]
    assert [row["tested_by"] for row in rows["json"]] == [0, 0, 0, 1, 0, 0, 0]
    assert {row["link"] for row in rows["json"]} == {""}, "the stand-ins have ended"


def test_a_file_that_cannot_be_written_is_named(shown: Demonstration, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        export(shown, "csv", tmp_path / "file" / "board.csv")


def test_an_mbox_of_the_user(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "list.mbox.gz"
    path.write_bytes(mbox(list(bundled_mails(UNKNOWN_TIME.replace(year=2024)))))
    code, out, _ = run(capsys, "--mbox", str(path))
    assert code == 0
    assert "Patches of example-driver" in out
    # The stand-in knows no states for these mails.
    assert "accepted" not in out
    assert "7 series" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mbox", "/nowhere/x.mbox"], "cannot be read: No such file"),
        (["--lore-url", "https://lore.example/"], "--project, and --contact"),
        (["--mbox", __file__], "is not an mbox"),
    ],
)
def test_wrong_input_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_damaged_mbox_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kept: float
) -> None:
    path = tmp_path / "list.mbox.gz"
    content = mbox(list(bundled_mails(UNKNOWN_TIME.replace(year=2024))))
    path.write_bytes(content[: int(len(content) * kept)])
    code, out, err = run(capsys, "--mbox", str(path))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f"{path} cannot be read: the gzipped mbox is damaged" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "--series", "-5"], "'-5' is not the number of a series"),
        (["search", "--series", "9" * 30], f"'{'9' * 30}' is not the number of a series"),
        (["search", "--status", "no such!"], "'no such!' is not a status"),
        (["search", "--status", ""], "'' is not a status"),
        (["search", "--submitter", "ada"], "'ada' is not a mail address"),
        (["search", "--path", " "], "the path is empty"),
        (["show", "<>"], "'<>' is not a message ID"),
        (["--days", "0"], "'0' is not a valid number of days"),
        (["export", "--format", "xls"], "invalid choice: 'xls'"),
    ],
)
def test_wrong_options_are_reported_before_anything_is_started(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as exited:
        run(capsys, *arguments)
    out, err = capsys.readouterr()
    assert (exited.value.code, out) == (2, "")
    assert message in err.splitlines()[-1]


def test_a_status_may_be_written_in_upper_case(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "search", "--status", "Accepted")
    assert code == 0
    assert "bell: ring once" in out
