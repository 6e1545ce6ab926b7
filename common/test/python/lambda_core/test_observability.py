from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.errors import ConfigurationError, DataSourceError
from lambda_core.observability import (
    MetricValue,
    StepTiming,
    StepTimings,
    configure_logging,
    count,
    get_logger,
    in_lambda,
    instrumented,
    log_in_every_line,
    measure,
    measure_apart,
    timed_step,
)

CONTEXT = SimpleNamespace(
    function_name="report-processor",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:report-processor",
    aws_request_id="request-1",
)


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test configures the logs itself; their configuration is restored afterwards."""
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "_X_AMZN_TRACE_ID"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lambda_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "report-processor")


def chained() -> DataSourceError:
    try:
        try:
            raise KeyError("root")
        except KeyError as root:
            raise DataSourceError("no regions", path="/aws") from root
    except DataSourceError as error:
        error.add_note("gave up after 3 attempts")
        return error


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestReadableLines:
    def test_a_line_shows_level_logger_message_and_fields(self) -> None:
        out = io.StringIO()
        configure_logging("info", stream=out)
        get_logger("some.module").info("Read %d regions", 39, extra={"source": "a b", "n": 2})
        get_logger("some.module").debug("hidden")
        time, rest = out.getvalue().split(" ", 1)
        assert time.count(":") == 2
        assert rest == 'INFO     some.module: Read 39 regions source="a b" n=2\n'

    def test_an_application_error_is_shown_with_causes_and_without_traceback(self) -> None:
        out = io.StringIO()
        configure_logging(stream=out)
        get_logger("x").error("It failed", exc_info=chained())
        assert out.getvalue().splitlines()[1:] == [
            '    DataSourceError: no regions; {"path": "/aws"}; gave up after 3 attempts',
            "    KeyError: 'root'",
        ]

    def test_level_debug_shows_the_traceback(self) -> None:
        out = io.StringIO()
        configure_logging("DEBUG", stream=out)
        get_logger("x").error("It failed", exc_info=chained())
        assert "Traceback" in out.getvalue()

    def test_an_unexpected_error_is_shown_with_its_traceback(self) -> None:
        out = io.StringIO()
        configure_logging(stream=out)
        get_logger("x").error("It failed", exc_info=ZeroDivisionError("division"))
        assert "    ZeroDivisionError: division\n" in out.getvalue()

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_an_external_name_cannot_forge_a_line(self, name: str) -> None:
        out = io.StringIO()
        configure_logging(stream=out)
        get_logger("x").error("Feed %s", name, extra={"name_of_feed": name})
        lines = out.getvalue().splitlines()
        assert len(lines) == 1
        assert lines[0].isprintable()

    def test_lines_go_to_the_current_standard_error(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure_logging()
        get_logger("x").warning("first")
        other = io.StringIO()
        monkeypatch.setattr(sys, "stderr", other)
        get_logger("x").warning("second")
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "first" in captured.err
        assert "second" in other.getvalue()

    def test_a_second_configuration_does_not_repeat_lines(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        old, new = io.StringIO(), io.StringIO()
        configure_logging(stream=old)
        configure_logging(stream=new)
        get_logger("x").info("once")
        assert old.getvalue() == ""
        assert new.getvalue().count("once") == 1
        assert caplog.messages == ["once"]

    def test_libraries_do_not_log_below_warning(self) -> None:
        out = io.StringIO()
        configure_logging("DEBUG", stream=out)
        logging.getLogger("botocore.auth").debug("signature")
        logging.getLogger("urllib3.connectionpool").info("connection")
        assert out.getvalue() == ""


def test_an_unknown_level_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="'LOUD' does not exist; use DEBUG, INFO"):
        configure_logging("LOUD")


@pytest.mark.usefixtures("lambda_environment")
class TestInLambda:
    def test_lines_are_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging("INFO", service="report")
        get_logger("some.module").info("Read\nregions", extra={"regions": 39})
        (line,) = json_lines(capsys.readouterr().out)
        assert line["message"] == "Read\nregions"
        assert (line["level"], line["service"], line["regions"]) == ("INFO", "report", 39)
        assert line["timestamp"].endswith("+00:00")

    def test_an_error_is_logged_with_its_causes(self, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging()
        get_logger("x").error("It failed", exc_info=chained())
        (line,) = json_lines(capsys.readouterr().out)
        assert line["error"] == [
            {
                "type": "DataSourceError",
                "message": "no regions",
                "context": {"path": "/aws"},
                "notes": ["gave up after 3 attempts"],
            },
            {"type": "KeyError", "message": "'root'"},
        ]
        assert line["exception_name"] == "DataSourceError"

    def test_the_log_handler_of_the_runtime_is_removed(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        runtime = io.StringIO()
        logging.getLogger().addHandler(logging.StreamHandler(runtime))
        configure_logging()
        get_logger("x").info("once")
        assert runtime.getvalue() == ""
        assert len(json_lines(capsys.readouterr().out)) == 1

    def test_a_handler_logs_its_request_and_publishes_its_metrics(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @instrumented("processor", namespace="Report")
        def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
            get_logger("x").info("working")
            count("regions", 39)
            return {"got": event}

        for _ in range(2):
            assert handler({"a": 1}, CONTEXT) == {"got": {"a": 1}}
            line, metrics = json_lines(capsys.readouterr().out)
            assert line["message"] == "working"
            assert line["function_request_id"] == "request-1"
            assert metrics["regions"] == [39]
            assert metrics["service"] == "processor"
            assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Report"

    @pytest.mark.parametrize(("named", "expected"), [("Report/dev", "Report/dev"), ("", "Report")])
    def test_the_environment_can_set_the_namespace(
        self,
        named: str,
        expected: str,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", named)

        @instrumented("processor", namespace="Report")
        def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
            count("regions", 39)
            return {}

        handler({}, CONTEXT)
        (metrics,) = json_lines(capsys.readouterr().out)
        assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == expected

    def test_a_failure_of_a_handler_is_logged_and_raised(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @instrumented("processor", namespace="Report")
        def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
            count("tried")
            raise chained()

        with pytest.raises(DataSourceError):
            handler({}, CONTEXT)
        line, metrics = json_lines(capsys.readouterr().out)
        assert line["message"] == "The invocation failed: no regions"
        assert line["error"][1]["type"] == "KeyError"
        assert metrics["tried"] == [1]

    def test_a_field_is_in_every_line_of_its_invocation_only(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @instrumented("processor", namespace="Report")
        def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
            get_logger("x").info("before")
            if event:
                log_in_every_line(**event)
            get_logger("y").info("working", extra={"run": "its own"})
            raise chained()

        for event in ({"run": "run-1", "stage": "process"}, {}):
            with pytest.raises(DataSourceError):
                handler(event, CONTEXT)
        lines = json_lines(capsys.readouterr().out)
        first, second = lines[:3], lines[3:]
        assert [line.get("run") for line in first] == [None, "its own", "run-1"]
        assert [line.get("stage") for line in first] == [None, "process", "process"]
        assert [line.get("run") for line in second] == [None, "its own", None]

    def test_a_value_is_published_with_its_unit(self, capsys: pytest.CaptureFixture[str]) -> None:
        @instrumented("processor", namespace="Report")
        def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
            measure("Duration", 1.5, "Seconds")
            return {}

        handler({}, CONTEXT)
        (metrics,) = json_lines(capsys.readouterr().out)
        assert metrics["Duration"] == [1.5]
        assert metrics["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [
            {"Name": "Duration", "Unit": "Seconds"}
        ]

    def test_values_with_additional_dimensions_are_separate(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @instrumented("processor", namespace="Report")
        def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
            count("regions", 39)
            for group in ("a", "b"):
                measure_apart({"Size": MetricValue(7, "Bytes")}, {"Group": group})
            return {}

        handler({}, CONTEXT)
        first, second, shared = json_lines(capsys.readouterr().out)
        assert [first["Group"], second["Group"], shared.get("Group")] == ["a", "b", None]
        for line in (first, second):
            (published,) = line["_aws"]["CloudWatchMetrics"]
            assert published["Namespace"] == "Report"
            assert published["Metrics"] == [{"Name": "Size", "Unit": "Bytes"}]
            assert sorted(published["Dimensions"][0]) == ["Group", "service"]
            assert line["service"] == "processor"
        assert shared["regions"] == [39]
        assert "Size" not in shared


def test_a_handler_runs_outside_lambda(caplog: pytest.LogCaptureFixture) -> None:
    @instrumented("processor", namespace="Report")
    def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
        count("regions")
        measure_apart({"Size": MetricValue(7, "Bytes")}, {"Group": "a"})
        if event.get("fail"):
            raise chained()
        return event

    assert handler({"a": 1}, None) == {"a": 1}
    with pytest.raises(DataSourceError):
        handler({"fail": True}, None)
    assert caplog.messages == ["The invocation failed: no regions"]


@pytest.mark.parametrize("name", ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"])
def test_lambda_is_detected_by_its_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert not in_lambda()
    monkeypatch.setenv(name, "x")
    assert in_lambda()


class TestTimedStep:
    def test_durations_are_collected_and_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        timings = StepTimings()
        ticks = iter([10.0, 12.5, 20.0, 20.25, 30.0, 31.0])
        for name in ("fetch", "process", "fetch"):
            with timed_step(name, timings, clock=lambda: next(ticks)):
                pass
        assert timings.steps == (
            StepTiming("fetch", 2.5, False),
            StepTiming("process", 0.25, False),
            StepTiming("fetch", 1.0, False),
        )
        assert timings.seconds() == {"fetch": 3.5, "process": 0.25}
        assert caplog.messages[0] == "fetch took 2.500 s"
        assert caplog.records[0].__dict__["seconds"] == 2.5

    def test_a_failed_step_is_collected_too(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        timings = StepTimings()
        ticks = iter([1.0, 3.0])
        with (
            pytest.raises(ValueError, match="no"),
            timed_step("fetch", timings, clock=lambda: next(ticks)),
        ):
            raise ValueError("no")
        assert timings.steps == (StepTiming("fetch", 2.0, True),)
        assert caplog.messages == ["fetch failed after 2.000 s"]

    def test_as_a_decorator_it_measures_each_call(self) -> None:
        timings = StepTimings()

        @timed_step("double", timings)
        def double(value: int) -> int:
            return 2 * value

        assert [double(1), double(2)] == [2, 4]
        assert [step.name for step in timings.steps] == ["double", "double"]


def run_python(code: str, folder: Path, **environ: str) -> str:
    """Run code in a new interpreter, which has not imported what the tests import."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_powertools_is_not_imported_outside_lambda(tmp_path: Path) -> None:
    code = """
import sys
from lambda_core.observability import *
configure_logging("INFO")
with timed_step("fetch"):
    count("regions")
print([name for name in ("aws_xray_sdk", "aws_lambda_powertools", "boto3") if name in sys.modules])
"""
    assert run_python(code, tmp_path) == "[]\n"


HANDLER = """
import sys
from types import SimpleNamespace
from lambda_core.observability import instrumented, timed_step

@instrumented("processor", namespace="Report")
def handler(event, context):
    with timed_step("fetch-regions"):
        return event

handler({}, SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"))
print("aws_xray_sdk" in sys.modules)
"""


@pytest.mark.parametrize("sampled", [True, False])
def test_steps_are_in_a_sampled_trace(tmp_path: Path, sampled: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        root = "1-5759e988-bd862e3fe1be46a994272793"
        out = run_python(
            HANDLER,
            tmp_path,
            AWS_LAMBDA_FUNCTION_NAME="f",
            LAMBDA_TASK_ROOT=str(tmp_path),
            AWS_XRAY_DAEMON_ADDRESS=f"127.0.0.1:{daemon.getsockname()[1]}",
            _X_AMZN_TRACE_ID=f"Root={root};Parent=53995c3f42cd8ad8;Sampled={int(sampled)}",
        )
        assert out.splitlines()[-1] == str(sampled)
        if not sampled:
            return
        sent = [json.loads(daemon.recv(65536).splitlines()[-1]) for _ in range(2)]
    assert [segment["name"] for segment in sent] == ["fetch-regions", "## handler"]
    assert {segment["trace_id"] for segment in sent} == {root}
