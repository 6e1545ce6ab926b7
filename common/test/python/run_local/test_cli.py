"""The command `run-local.sh`: its help, and the region report in difficult environments."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aws_ssm_fetcher.outputs.files import SUMMARY_FILE
from command_line.command import COMPLETE, INTERRUPTED, WRONG_USAGE
from run_local import cli


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--output-dir", "", "is not the path of a folder"),
        ("--output-dir", os.fsdecode(b"a\xff"), "not text in UTF-8"),
        ("--rss-url", os.fsdecode(b"http://x/\xff"), "not text in UTF-8"),
    ],
)
def test_wrong_options_are_wrong_usage(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["region-report", option, value])
    assert ended.value.code == WRONG_USAGE
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_web_proxy_is_not_used_for_the_local_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Restores what the command sets for its own process.
    for name in ("AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "intranet.example")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    options = [f"--output-dir={tmp_path}", "--no-zones", "--format=json", "--in-process"]
    assert cli.main(["region-report", *options]) == COMPLETE
    assert (tmp_path / SUMMARY_FILE).exists()


def test_the_help_shows_the_folder_that_the_command_uses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["region-report", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"folder of the reports (default: {cli.OUTPUT_DIR})" in text
    assert "OUTPUT_DIR" not in text, "this command does not read the variable"


COMMANDS = ("region-report", "event-log", "event-checkpoint", "patch-tracker", "invoke", "up")


def test_without_arguments_the_full_help_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run-local.sh"])
    assert cli.main() == WRONG_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "Needs no AWS account" in err
    for command in COMMANDS:
        assert command in err
    assert "bin/run-local.sh invoke fetch_patches" in err
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == COMPLETE
    assert capsys.readouterr().out == err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == COMPLETE
    text = " ".join(capsys.readouterr().out.split())
    name = "event-log" if command == "event-checkpoint" else command
    assert text.startswith(f"usage: run-local.sh {name} ")
    assert "130 interrupted" in text


def test_the_examples_in_the_help_are_valid_commands() -> None:
    examples = [line.split() for line in cli.EXAMPLES.splitlines() if "bin/run-local.sh" in line]
    assert len(examples) == 5
    for _, *arguments in examples:
        cli._parser().parse_args(arguments)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("region-report", "interrupted; nothing was published"),
        ("patch-tracker", "interrupted"),
        ("up", "interrupted"),
    ],
)
def test_only_a_command_that_publishes_says_that_nothing_was_published(
    command: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    for module in ("run_local.cli", "run_local.patch_tracker.arguments", "run_local.up"):
        monkeypatch.setattr(f"{module}.clear_aws_environment", interrupt)
    assert cli.main([command]) == INTERRUPTED
    assert capsys.readouterr().err == f"run-local.sh {command}: {message}\n"
