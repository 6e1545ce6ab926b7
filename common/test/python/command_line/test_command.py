"""Exit codes and messages that all commands share."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_line.command import (
    COMPLETE,
    FAILED,
    INTERRUPTED,
    WRONG_USAGE,
    add_log_level_argument,
    guarded,
)
from command_line.output_folder import STAGING_SUFFIX, writing_into
from lambda_core.errors import ConfigurationError, ProcessingError, ReportError, UsageError


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("no such file"), WRONG_USAGE, "program: no such file\n"),
        (ConfigurationError("not set"), WRONG_USAGE, "program: not set\n"),
        (ProcessingError("wrong\ndata"), FAILED, "program: failed: wrong data\n"),
        (KeyboardInterrupt(), INTERRUPTED, "program: interrupted; nothing was changed\n"),
    ],
)
def test_every_error_has_its_exit_code_and_one_line(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert guarded("program", None, fail, interrupted="nothing was changed") == code
    assert capsys.readouterr().err == message


def test_an_interruption_reports_only_the_known_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt() -> int:
        raise KeyboardInterrupt

    assert guarded("program", None, interrupt) == INTERRUPTED
    assert capsys.readouterr().err == "program: interrupted\n"


def test_a_wrong_log_level_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    assert guarded("program", None, lambda: COMPLETE) == WRONG_USAGE
    assert "LOG_LEVEL is 'loud'; it must be one of DEBUG" in capsys.readouterr().err
    parser = argparse.ArgumentParser()
    add_log_level_argument(parser)
    assert parser.parse_args(["--log-level=debug"]).log_level == "DEBUG"


def test_a_closed_pipe_is_not_an_error() -> None:
    program = (
        "import sys\n"
        "from command_line.command import ignoring_broken_pipe\n"
        "sys.stdin.read()\n"
        "with ignoring_broken_pipe():\n"
        "    print('x' * 1_000_000, flush=True)\n"
        "print('more')\n"
    )
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), errors) == (0, b"")


def test_a_failed_write_names_the_output_folder_and_not_the_staging_folder(tmp_path: Path) -> None:
    staging = tmp_path / f".any-report-1{STAGING_SUFFIX}"
    staging.mkdir()
    (staging / "table.csv").mkdir()
    with pytest.raises(ReportError) as caught, writing_into(staging):
        (staging / "table.csv").write_text("x")
    assert str(caught.value) == (
        f"cannot write the reports into {tmp_path}: table.csv is a folder there; "
        "remove it or choose another output folder"
    )
