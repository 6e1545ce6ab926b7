"""The command line as a new user sees it: wrong input, no network, a full disk, Ctrl-C."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from aws_ssm_fetcher import __version__, cli
from command_line.command import COMPLETE, FAILED, INTERRUPTED, WRONG_USAGE, guarded
from lambda_testing import fault_proxy as fault
from lambda_testing.fault_proxy import Fault, FaultProxy
from local_cloud.server import moto_server

PROGRAM = (sys.executable, "-m", "aws_ssm_fetcher.cli")


def start(arguments: Sequence[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    # Without coverage, which would report on standard error what the tests do to the process.
    unmeasured = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    return subprocess.Popen(  # noqa: S603  # our own program
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**unmeasured, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def only_line(text: str) -> str:
    """Return the only line of an error, after the lines about progress."""
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unknown"], "unrecognized arguments: --unknown"),
        (["--format", "pdf"], "'pdf' is not a format; choose from csv, excel, json"),
        (["--format", ""], "is not a format"),
        (["--max-tps", "0"], "'0' is not above zero"),
        (["--max-tps", "nan"], "'nan' is not a number"),
        (["--cache-hours", "soon"], "'soon' is not a number"),
        (["--log-level", "loud"], "invalid choice"),
        (["--rss"], "unrecognized arguments: --rss"),
        (["--output-dir", ""], "'' is not the path of a folder"),
        (["--output-dir", os.fsdecode(b"a\xff")], r"'a\udcff' is not text in UTF-8"),
        (["--rss-url", os.fsdecode(b"http://x/\xff")], r"'http://x/\udcff' is not text in UTF-8"),
    ],
)
def test_wrong_options_are_named(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == WRONG_USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CACHE_HOURS", "soon"),
        ("MAX_WORKERS", "0"),
        ("SSM_REGIONS", "us-east-1,us-east-1"),
        ("CACHE_TTL", "-1"),
        ("MAX_RETRIES", "1.5"),
        ("LOG_LEVEL", "loud"),
        ("AWS_CA_BUNDLE", "/nowhere/bundle.pem"),
    ],
)
def test_wrong_settings_are_wrong_usage_and_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    assert cli.main([]) == WRONG_USAGE
    error = only_line(capsys.readouterr().err)
    assert variable in error
    assert value in error


def test_a_negative_age_of_the_cache_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--cache-hours=-1"]) == WRONG_USAGE
    assert "--cache-hours" in only_line(capsys.readouterr().err)


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"aws-ssm-fetcher {__version__}"
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in (
        *("--clear-cache", "--cache-info", "--cache-hours", "--no-cache", "--cache-dir"),
        *("--output-dir", "--region", "--profile", "--max-tps", "--cross-check", "--format"),
        *("--log-level", "--version", "--help", "--rss-url", "--no-zones", "--ssm-regions"),
    ):
        assert option in text
    assert "folder of the reports (OUTPUT_DIR, output)" in " ".join(text.split())


def test_the_version_is_the_changelogs_newest(pytestconfig: pytest.Config) -> None:
    del pytestconfig
    here = Path(__file__).resolve()
    changelog = next(
        (folder / "CHANGELOG.md" for folder in here.parents if (folder / "CHANGELOG.md").exists()),
        None,
    )
    assert changelog is not None
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog.read_text(), re.MULTILINE)
    assert versions[0] == __version__


def test_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # No server listens at the default endpoint of tests.
    assert cli.main([f"--output-dir={tmp_path}", "--no-cache"]) == FAILED
    error = only_line(capsys.readouterr().err)
    assert "127.0.0.1:9" in error
    assert "check the network" in error
    assert list(tmp_path.iterdir()) == []


def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    program = start(["--no-cache"], tmp_path)
    _, errors = program.communicate(timeout=60)
    assert program.returncode == FAILED
    assert "credentials" in only_line(errors)
    assert "AWS_PROFILE" in only_line(errors)


def test_a_profile_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main([f"--output-dir={tmp_path}", "--no-cache", "--profile=nobody"])
    assert code == WRONG_USAGE
    assert "nobody" in only_line(capsys.readouterr().err)


def test_an_output_folder_that_cannot_be_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    with FaultProxy("http://127.0.0.1:9") as proxy:
        assert cli.main([f"--output-dir={tmp_path}/file/reports", "--no-cache"]) == FAILED
        assert not proxy.calls, "it is noticed before anything is fetched"
    assert f"{tmp_path}/file/reports" in only_line(capsys.readouterr().err)


def test_an_output_folder_of_another_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "summary.json").write_text('{"total": 3}')
    with FaultProxy("http://127.0.0.1:9") as proxy:
        assert cli.main([f"--output-dir={tmp_path}", "--no-cache"]) == FAILED
        assert not proxy.calls, "it is noticed before anything is fetched"
    assert f"{tmp_path}: the summary.json there" in only_line(capsys.readouterr().err)
    assert (tmp_path / "summary.json").read_text() == '{"total": 3}'


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files simulates a full disk."""
    with moto_server() as endpoint:
        program = start(
            ["--no-zones", "--no-cache", "--max-tps=100000", "--rss-url=http://127.0.0.1:9/feed"],
            tmp_path,
            AWS_ENDPOINT_URL=endpoint,
            # The limit would truncate bytecode files too, and break later runs.
            PYTHONDONTWRITEBYTECODE="1",
        )
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
        _, errors = program.communicate(timeout=120)
    assert program.returncode == FAILED
    assert "cannot write the reports into" in only_line(errors)
    assert list((tmp_path / "output").iterdir()) == []


def test_ctrl_c_during_a_run_ends_it_immediately_and_publishes_nothing(tmp_path: Path) -> None:
    """This also holds during a call that would take half a minute to time out."""
    faults = [Fault(fault.always, fault.hang())]
    with FaultProxy("http://127.0.0.1:9", faults) as proxy:
        program = start(["--no-cache"], tmp_path, AWS_ENDPOINT_URL=proxy.url)
        assert program.stderr is not None
        while not proxy.calls:
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=10)
    assert program.returncode == INTERRUPTED
    assert only_line(errors) == "aws-ssm-fetcher: interrupted; nothing was published"
    assert list((tmp_path / "output").iterdir()) == []


def test_ctrl_c_during_the_imports_ends_the_program_silently(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    (tmp_path / "pydantic.py").write_text(
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(60)\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    program = start(["--no-cache"], tmp_path, PYTHONPATH=path)
    while not begun.exists():
        assert program.poll() is None
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=10)
    assert program.returncode == -signal.SIGINT
    assert errors == ""


def test_a_closed_pipe_is_not_an_error(tmp_path: Path) -> None:
    """As in `… | head -1`: the report is published anyway, and the program succeeds."""
    with moto_server() as endpoint:
        program = start(
            [
                *("--no-zones", "--no-cache", "--max-tps=100000", "--format=json"),
                "--rss-url=http://127.0.0.1:9/feed",
            ],
            tmp_path,
            AWS_ENDPOINT_URL=endpoint,
        )
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        errors = program.stderr.read()
        program.stderr.close()
        assert program.wait(timeout=120) == COMPLETE, errors
    assert "Writing the reports: done" in only_line(errors)
    assert (tmp_path / "output" / "summary.json").exists()


def test_the_cache_is_shown_and_cleared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from aws_ssm_fetcher.core.cache import CacheManager
    from aws_ssm_fetcher.core.config import Config

    CacheManager(Config(cache_dir=str(tmp_path))).set("greeting", "hello")
    folder = f"--cache-dir={tmp_path}"
    assert cli.main([folder, "--cache-info"]) == COMPLETE
    assert "greeting" in capsys.readouterr().out
    assert cli.main([folder, "--clear-cache"]) == COMPLETE
    assert capsys.readouterr().out == "cleared 1 cache entry\n"
    assert cli.main([folder, "--clear-cache"]) == COMPLETE
    assert capsys.readouterr().out == "cleared 0 cache entries\n"
    assert cli.main([folder, "--cache-info"]) == COMPLETE
    assert "greeting" not in capsys.readouterr().out


def test_an_unexpected_error_is_one_line_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> int:
        raise ZeroDivisionError("by zero")

    assert guarded("program", None, broken) == FAILED
    error = only_line(capsys.readouterr().err)
    why = "ZeroDivisionError: by zero (--log-level DEBUG shows the traceback)"
    assert error == f"program: failed: {why}"
    with pytest.raises(ZeroDivisionError):
        guarded("program", "DEBUG", broken)
