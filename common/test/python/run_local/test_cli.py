"""The report on one machine, in surroundings that get in its way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aws_ssm_fetcher.outputs.files import SUMMARY_FILE
from command_line.command import COMPLETE, WRONG_USAGE
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


def test_a_proxy_for_the_web_is_not_asked_for_the_local_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What the command sets for its own process is undone after the test.
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
    assert "OUTPUT_DIR" not in text  # this command does not read the variable
