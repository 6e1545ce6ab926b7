"""`run-local.sh invoke` with functions created by the test."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from artefacts.errors import ArtefactMissingError
from artefacts.repository import architecture
from lambda_core.errors import UsageError
from run_local import cli
from run_local.invoke import run_packaged

type Archive = Callable[[Mapping[str, str]], bytes]

FUNCTION = """
import os, shared
def handler(event, context):
    print("got", event)
    for number in range(event.get("lines", 0)):
        print("line", number)
    if "error" in event:
        raise KeyError(event["error"])
    return {"shared": shared.VALUE, "level": os.environ["LEVEL"], "ö": os.environ["SOURCE_LABEL"]}
"""


@pytest.fixture
def root(tmp_path: Path, archive: Archive) -> Path:
    """A repository with a packaged function and one that has not been packaged."""
    settings = {
        "region_report": {
            "packaged": {
                "memory_mb": 128,
                "timeout_seconds": 10,
                "layers": ["shared"],
                "environment": {"LEVEL": "high"},
            },
            "unpackaged": {"memory_mb": 128, "timeout_seconds": 10},
        }
    }
    files = {
        "lambda/functions.json": json.dumps(settings).encode(),
        "dist/functions/packaged.zip": archive({"lambda_function.py": FUNCTION}),
        f"dist/layers/{architecture()}/shared.zip": archive({"python/shared.py": "VALUE = 1"}),
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_an_answer_has_its_duration_and_memory(root: Path, cloud: str) -> None:
    first = run_packaged(root, "packaged", b"{}", cloud)
    assert json.loads(first.payload)["shared"] == 1
    assert json.loads(first.payload)["level"] == "high"
    assert json.loads(first.payload)["ö"].startswith("snapshot in moto")
    assert not first.failed
    assert first.init_ms is not None
    assert 0 < first.peak_mb < first.memory_mb == 128
    second = run_packaged(root, "packaged", b"{}", cloud)
    assert second.init_ms is None, "nothing changed, so it is warm"


def test_the_log_contains_all_lines_of_the_invocation(root: Path, cloud: str) -> None:
    run_packaged(root, "packaged", b'{"lines": 1}', cloud)
    log = run_packaged(root, "packaged", b'{"lines": 3000}', cloud).log
    assert log[1] == "got {'lines': 3000}"
    assert log[2:3002] == tuple(f"line {number}" for number in range(3000))
    assert [line.split()[0] for line in (log[0], *log[3002:])] == ["START", "END", "REPORT"]


def test_a_failure_has_the_type_of_the_error(root: Path, cloud: str) -> None:
    result = run_packaged(root, "packaged", b'{"error": "x"}', cloud)
    assert result.failed
    assert json.loads(result.payload)["errorType"] == "KeyError"


def test_a_local_cloud_is_started_if_none_is_given(root: Path) -> None:
    result = run_packaged(root, "packaged", b"{}")
    assert json.loads(result.payload)["shared"] == 1


def test_wrong_names_are_reported_before_anything_starts(root: Path) -> None:
    with pytest.raises(UsageError, match="the functions are: packaged, unpackaged"):
        run_packaged(root, "other", b"{}", "http://127.0.0.1:9")
    with pytest.raises(ArtefactMissingError, match=r"unpackaged\.zip.*bin/pants package ::"):
        run_packaged(root, "unpackaged", b"{}", "http://127.0.0.1:9")


@pytest.fixture
def command(
    root: Path, cloud: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in the repository; returns its exit code, output and errors."""
    monkeypatch.setattr("run_local.invoke.repository_root", lambda: root)
    for name in ("NO_PROXY", "no_proxy", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        # Restores what the command sets for its own process.
        monkeypatch.setenv(name, "")

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = cli.main(["invoke", *arguments, f"--endpoint={cloud}"])
        except SystemExit as error:
            code = int(error.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_response_goes_to_stdout_and_the_rest_to_stderr(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    code, out, err = command("packaged", str(event))
    assert code == 0
    assert json.loads(out)["shared"] == 1
    assert "ö" in out
    *created, line = err.splitlines()
    assert set(created) <= {"packaged: created bucket aws-ssm-data-local-123456789012"}
    assert line.startswith("packaged: ")
    assert "peak memory" in line
    assert "cold start" in line or "warm" in line

    _, out, err = command("packaged", str(event), "--logs")
    assert json.loads(out)["shared"] == 1
    assert "got {}" in err.splitlines()


def test_a_failed_function_ends_with_1(
    command: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO(b'{"error": "gone"}'))
    monkeypatch.setattr(sys, "stdin", given)
    code, out, err = command("packaged", "-")
    assert code == 1
    assert json.loads(out)["errorType"] == "KeyError"
    assert "packaged: KeyError: 'gone'" in err.splitlines()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_wrong_events_end_with_2(
    content: str | None,
    message: str,
    command: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:
    event = tmp_path / "event.json"
    if content is not None:
        event.write_text(content)
    code, out, err = command("packaged", str(event))
    assert (code, out) == (2, "")
    assert message in err
    assert str(event) in err


def test_an_unknown_function_ends_with_2(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("{}")
    code, _, err = command("other", str(tmp_path / "event.json"))
    assert code == 2
    assert "the functions are: packaged, unpackaged" in err


def test_debug_shows_the_traceback_of_an_unexpected_error(
    command: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr("run_local.invoke.run_packaged", broken)
    (tmp_path / "event.json").write_text("{}")
    code, _, err = command("packaged", str(tmp_path / "event.json"))
    assert (code, "--log-level DEBUG" in err) == (1, True)
    with pytest.raises(ZeroDivisionError):
        command("packaged", str(tmp_path / "event.json"), "--log-level=DEBUG")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:4566",
        "https://lambda.amazonaws.com",
        "x",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
    ],
)
def test_only_a_local_cloud_is_accepted_as_endpoint(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["invoke", "packaged", "-", f"--endpoint={url}"])
    assert ended.value.code == 2
    assert "is not a local cloud" in capsys.readouterr().err


def test_variables_override_the_settings(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text("{}")
    options = ["--env=LEVEL=low=er", "--env", "SOURCE_LABEL="]
    code, out, _ = command("packaged", str(tmp_path / "event.json"), *options)
    assert (code, json.loads(out)["level"], json.loads(out)["ö"]) == (0, "low=er", "")


@pytest.mark.parametrize("text", ["", "NAME", "=x", "1X=y", "A-B=c", "Ä=x", "_X=y"])
def test_wrong_variables_are_wrong_usage(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["invoke", "packaged", "-", f"--env={text}"])
    assert ended.value.code == 2
    assert f"--env: {text!r} is not a variable such as LOG_LEVEL=DEBUG" in capsys.readouterr().err


def test_a_bucket_that_the_event_names_is_created_once(root: Path, cloud: str) -> None:
    event = json.dumps({"data_location": "s3://my-own-bucket/raw-data/x/"}).encode()
    lines: list[str] = []
    run_packaged(root, "packaged", event, cloud, report=lines.append)
    assert lines == ["created bucket my-own-bucket"]
    run_packaged(root, "packaged", event, cloud, report=lines.append)
    assert lines == ["created bucket my-own-bucket"]
    wrong = event.replace(b"my-own-bucket", b"No Bucket")
    with pytest.raises(UsageError, match="the bucket 'No Bucket' cannot be created"):
        run_packaged(root, "packaged", wrong, cloud)


@pytest.mark.parametrize("event", [b"[]", b"null", b'{"data_location": 1, "fetch": []}'])
def test_the_function_itself_reports_a_wrong_event(root: Path, cloud: str, event: bytes) -> None:
    # This function accepts objects only, like the real ones.
    result = run_packaged(root, "packaged", event, cloud)
    assert result.failed == (event in {b"[]", b"null"})
