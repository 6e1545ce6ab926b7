"""What functions can rely on, and how their failures are handled, as on Lambda."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_cloud.lambda_runtime.function_process import Host
from local_cloud.lambda_runtime.sandbox import Outcome, Sandbox

type MakeSandbox = Callable[..., Sandbox]


both_ways = pytest.mark.parametrize("host", ["own-root", "plain"], indirect=True)
"""With a separate root file system, and without, for kernels that do not allow it."""


def answer(outcome: Outcome) -> Any:  # noqa: ANN401  # JSON
    assert outcome.error_type is None, outcome.payload
    return json.loads(outcome.payload)


def error(outcome: Outcome) -> dict[str, Any]:
    assert outcome.error_type is not None
    failure: dict[str, Any] = json.loads(outcome.payload)
    assert failure["errorType"] == outcome.error_type
    return failure


@both_ways
def test_a_handler_answers_its_event(sandbox: MakeSandbox) -> None:
    box = sandbox("def handler(event, context): return {'received': event, 'naïve': 'ü'}")
    assert answer(box.invoke('{"a": ["ü", 1.5, null]}'.encode())) == {
        "received": {"a": ["ü", 1.5, None]},
        "naïve": "ü",
    }


def test_a_large_event_and_a_large_response_arrive_completely(sandbox: MakeSandbox) -> None:
    box = sandbox("def handler(event, context): return event", memory_mb=512)
    event = {"text": "0123456789ü" * 400_000}
    assert answer(box.invoke(json.dumps(event).encode())) == event


def test_the_context_has_the_function_and_the_remaining_time(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        def handler(event, context):
            return [
                context.function_name, context.function_version, context.memory_limit_in_mb,
                context.aws_request_id, context.invoked_function_arn,
                context.get_remaining_time_in_millis(),
            ]
        """,
        memory_mb=256,
        timeout_seconds=30,
    )
    *known, remaining = answer(box.invoke(b"{}", "request-1"))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:probe"
    assert known == ["probe", "$LATEST", "256", "request-1", arn]
    assert 0 < remaining <= 30_000


def test_a_process_stays_warm_and_reports_the_duration_of_its_start(sandbox: MakeSandbox) -> None:
    box = sandbox("calls = []\ndef handler(event, context): calls.append(event); return calls")
    first, second = box.invoke(b"1"), box.invoke(b"2")
    assert answer(first) == [1]
    assert answer(second) == [1, 2]
    assert first.init_ms is not None
    assert second.init_ms is None


def test_an_exception_is_returned_and_does_not_end_the_process(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        class NoSuchRegion(Exception):
            pass

        calls = 0

        def handler(event, context):
            global calls
            calls += 1
            if event:
                raise NoSuchRegion(f"no region {event}")
            return calls
        """
    )
    failure = error(box.invoke(b'"xx-1"', "request-1"))
    assert failure["errorType"] == "NoSuchRegion"
    assert failure["errorMessage"] == "no region xx-1"
    assert failure["requestId"] == "request-1"
    assert "in handler" in "".join(failure["stackTrace"])
    assert answer(box.invoke(b"null")) == 2


@pytest.mark.parametrize(
    ("code", "handler", "kind", "text"),
    [
        ("import not_there", "function.handler", "Runtime.ImportModuleError", "not_there"),
        ("", "function.handler", "Runtime.HandlerNotFound", "handler"),
        ("x = 1", "other.handler", "Runtime.ImportModuleError", "other"),
        ("def handler(", "function.handler", "Runtime.UserCodeSyntaxError", "never closed"),
        ("raise KeyError('TABLE')", "function.handler", "KeyError", "TABLE"),
    ],
)
def test_a_function_that_cannot_be_loaded(
    sandbox: MakeSandbox, code: str, handler: str, kind: str, text: str
) -> None:
    box = sandbox(code, handler=handler)
    for _ in range(2):
        outcome = box.invoke(b"{}")
        failure = error(outcome)
        assert failure["errorType"] == kind
        assert text in failure["errorMessage"]
        assert f"Error Type: {kind}" in outcome.log[-1]


@both_ways
def test_only_packages_of_the_runtime_can_be_imported(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import importlib

        def handler(event, context):
            found = {}
            for name in event:
                try:
                    found[name] = importlib.import_module(name).__file__
                except ImportError:
                    found[name] = None
            return found
        """
    )
    missing = ["pydantic", "polars", "requests", "aws_lambda_powertools", "moto", "pytest"]
    missing += ["local_cloud", "lambda_core", "launcher"]
    found = answer(box.invoke(json.dumps([*missing, "boto3", "botocore"]).encode()))
    assert {name for name, file in found.items() if file} == {"boto3", "botocore"}


@both_ways
def test_code_comes_before_layers_and_both_before_the_runtime(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import json, boto3, both, first, second, versioned
        def handler(event, context):
            return [
                boto3.LAYER, both.LAYER, first.LAYER, second.LAYER, versioned.LAYER, json.__name__
            ]
        """,
        {"python/both.py": "LAYER = 'first'", "python/first.py": "LAYER = 'first'"},
        {
            "python/both.py": "LAYER = 'second'",
            "python/second.py": "LAYER = 'second'",
            "python/boto3.py": "LAYER = 'layer'",
            "python/lib/python3.12/site-packages/versioned.py": "LAYER = 'site'",
        },
    )
    # If several layers contain the same file, the last layer wins.
    assert answer(box.invoke(b"{}")) == ["layer", "second", "first", "second", "site", "json"]


@both_ways
def test_a_function_sees_only_its_own_environment_variables(
    sandbox: MakeSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "x")
    box = sandbox(
        "import os\ndef handler(event, context): return dict(os.environ)",
        environment={"TABLE": "patches", "AWS_REGION": "eu-west-1"},
        memory_mb=256,
    )
    variables = answer(box.invoke(b"{}"))
    assert variables["TABLE"] == "patches"
    assert variables["AWS_REGION"] == "eu-west-1"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/probe"
    assert variables["_HANDLER"] == "function.handler"
    assert "SECRET_OF_THIS_MACHINE" not in variables
    assert "HOME" not in variables


@both_ways
def test_each_sandbox_has_its_own_temporary_files(sandbox: MakeSandbox, host: Host) -> None:
    code = """
        import os, tempfile
        from pathlib import Path

        def handler(event, context):
            folder = Path(tempfile.gettempdir())
            (folder / event).write_text("x")
            # Only files, because the folder of the interpreter may be below /tmp.
            return [str(folder), sorted(p.name for p in folder.iterdir() if p.is_file())]
        """
    first, second = sandbox(code), sandbox(code)
    folder, files = answer(first.invoke(b'"a"'))
    assert files == ["a"]
    assert answer(first.invoke(b'"b"'))[1] == ["a", "b"], "files remain while the process is warm"
    assert answer(second.invoke(b'"c"'))[1] == ["c"]
    if host.own_root:
        assert folder == "/tmp"  # noqa: S108 - the path in the sandbox
        assert not Path("/tmp/a").exists()  # noqa: S108 - the path of this machine


@both_ways
def test_the_size_of_temporary_files_is_limited(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import tempfile
        def handler(event, context):
            with tempfile.TemporaryFile() as file:
                for _ in range(event):
                    file.write(b"x" * 1_048_576)
        """,
        storage_mb=16,
    )
    assert error(box.invoke(b"20"))["errorType"] == "OSError"
    assert answer(box.invoke(b"10")) is None


def test_a_function_cannot_change_its_code(sandbox: MakeSandbox, host: Host) -> None:
    if not host.own_root:
        pytest.skip("the kernel does not allow a separate root file system")
    box = sandbox(
        """
        import os
        def handler(event, context):
            assert __file__ == "/var/task/function.py" and os.getcwd() == "/var/task"
            open("/var/task/more.py", "w")
        """,
        {"python/x.py": ""},
    )
    assert "Read-only" in error(box.invoke(b"{}"))["errorMessage"]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_a_process_that_exits(sandbox: MakeSandbox, statement: str, message: str) -> None:
    box = sandbox(
        f"""
        import os, sys
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            if event:
                {statement}
            return calls
        """
    )
    assert answer(box.invoke(b"0")) == 1
    failure = error(box.invoke(b"1", "request-1"))
    assert failure["errorType"] == "Runtime.ExitError"
    assert failure["errorMessage"] == f"RequestId: request-1 Error: {message}"
    again = box.invoke(b"0")
    assert answer(again) == 1, "it starts cold"
    assert again.init_ms is not None


@both_ways
def test_a_function_that_takes_too_long_is_killed(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import subprocess, time
        def handler(event, context):
            if event:
                print("before", flush=True)
                subprocess.Popen(["sleep", "1000"])
                time.sleep(1000)
            return "quick"
        """,
        timeout_seconds=0.5,
    )
    outcome = box.invoke(b"1", "request-1")
    failure = error(outcome)
    assert failure["errorType"] == "Sandbox.Timedout"
    assert (
        failure["errorMessage"] == "RequestId: request-1 Error: Task timed out after 0.50 seconds"
    )
    assert outcome.duration_ms == 500
    assert outcome.log[1] == "before"
    assert outcome.log[2].endswith("request-1 Task timed out after 0.50 seconds")
    assert outcome.log[-1].endswith("Status: timeout")
    assert answer(box.invoke(b"0")) == "quick"


@pytest.mark.parametrize(
    "use",
    [
        # Gradually; only briefly, between two checks; in a child process.
        "blocks = [b'x' * 1_000_000 for _ in range(1000)]",
        "large = b'x' * 200_000_000; del large",
        "subprocess.run([sys.executable, '-c', 'x = b\"x\" * 300_000_000; input()'])",
    ],
)
def test_a_function_that_exceeds_its_memory_is_killed(sandbox: MakeSandbox, use: str) -> None:
    box = sandbox(
        f"""
        import subprocess, sys
        def handler(event, context):
            if event:
                {use}
            return "small"
        """,
        memory_mb=128,
    )
    outcome = box.invoke(b"1", "request-1")
    failure = error(outcome)
    assert failure["errorType"] == "Runtime.OutOfMemory"
    assert "signal: killed" in failure["errorMessage"]
    assert "Max Memory Used: 128 MB" in outcome.log[-1]
    assert answer(box.invoke(b"0")) == "small"


def test_memory_that_is_only_reserved_does_not_count(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import mmap
        def handler(event, context):
            area = mmap.mmap(-1, 4_000_000_000)
            area[0] = 1
            return "reserved"
        """
    )
    outcome = box.invoke(b"{}")
    assert answer(outcome) == "reserved"
    assert 0 < outcome.peak_mb < 128


def test_printed_and_logged_lines_are_in_order(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import logging, sys
        print("while loading")
        def handler(event, context):
            print("to stdout", event)
            print("to stderr", file=sys.stderr)
            logging.getLogger().warning("logged")
        """
    )
    first, second = box.invoke(b"1", "request-1"), box.invoke(b"2", "request-2")
    start, loading, out, err, logged, end, report = first.log
    assert start == "START RequestId: request-1 Version: $LATEST"
    assert (loading, out, err) == ("while loading", "to stdout 1", "to stderr")
    assert "logged" in logged
    assert "request-1" in logged
    assert end == "END RequestId: request-1"
    names = [part.split(":")[0] for part in report.split("\t")]
    assert names == [
        "REPORT RequestId",
        "Duration",
        "Billed Duration",
        "Memory Size",
        "Max Memory Used",
        "Init Duration",
    ]
    assert second.log[1] == "to stdout 2"
    assert "Init Duration" not in second.log[-1]


def test_invalid_bytes_in_output_are_replaced(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import os
        def handler(event, context):
            os.write(1, b"\\xff\\xfe bytes\\n")
        """
    )
    assert box.invoke(b"{}").log[1] == "\ufffd\ufffd bytes"


def test_a_slow_start_counts_as_part_of_the_invocation(sandbox: MakeSandbox) -> None:
    code = "import time\ntime.sleep(1.5)\ndef handler(event, context): return 'done'"
    box = sandbox(code, init_seconds=0.5)
    outcome = box.invoke(b"{}")
    assert answer(outcome) == "done"
    assert outcome.init_ms is None
    assert outcome.duration_ms > 1000

    stuck = sandbox("import time\ntime.sleep(1000)", timeout_seconds=0.5, init_seconds=0.5)
    assert error(stuck.invoke(b"{}"))["errorType"] == "Sandbox.Timedout"


def test_invocations_run_in_sequence(sandbox: MakeSandbox) -> None:
    box = sandbox(
        """
        import time
        running = 0
        def handler(event, context):
            global running
            running += 1
            time.sleep(0.05)
            concurrent = running
            running -= 1
            return concurrent
        """
    )
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(answer(box.invoke(b"{}")))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 5


@both_ways
def test_closing_ends_an_invocation_and_removes_all_files(sandbox: MakeSandbox, host: Host) -> None:
    box = sandbox("import time\ndef handler(event, context): time.sleep(1000)", timeout_seconds=900)
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(box.invoke(b"{}")))
    thread.start()
    deadline = time.monotonic() + 60
    while not any(host.folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    box.close()
    thread.join(20)
    assert outcomes[0].error_type == "Runtime.ExitError"
    box.close()
    assert not list(host.folder.iterdir())
