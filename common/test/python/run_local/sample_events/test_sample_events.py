"""Every sample event of every function succeeds with `run-local.sh invoke`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artefacts.function_settings import read_settings
from artefacts.repository import SETTINGS_FILE
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.server import moto_server
from run_local.invoke import run_packaged

# One invocation may have to run four other functions first.
pytestmark = pytest.mark.timeout(900)

BUCKET = "aws-ssm-data-local-123456789012"


class Runner:
    """Invokes sample events one after the other in one local cloud."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Pants puts packages next to the tests; otherwise they are in `dist`.
        self.packages = Path() if Path("functions").is_dir() else Path("dist")
        self.lines: list[str] = []

    def run(self, event: str, **variables: str) -> dict[str, Any]:
        """Invoke `FUNCTION/EVENT`; returns the response. `lines` are the reported lines."""
        function, _, name = event.partition("/")
        self.lines = []
        result = run_packaged(
            Path(),
            function,
            Path("lambda", function, "events", f"{name}.json").read_bytes(),
            self.url,
            variables=variables,
            report=self.lines.append,
            packages=self.packages,
        )
        answer: dict[str, Any] = json.loads(result.payload)
        assert not result.failed, (event, answer)
        return answer

    def reported(self, text: str) -> bool:
        """Whether a line of the last run contains a text."""
        return any(text in line for line in self.lines)


def test_all_sample_events_succeed_and_what_they_need_is_created() -> None:
    samples = {f"{path.parts[1]}/{path.stem}" for path in Path("lambda").glob("*/events/*.json")}
    pipelines = read_settings(SETTINGS_FILE).values()
    functions = {name for pipeline in pipelines for name in pipeline}
    assert {sample.partition("/")[0] for sample in samples} == functions
    invoked: set[str] = set()

    with moto_server(functions=FunctionOptions(lambda_runtime_python())) as url:
        runner = Runner(url)

        def run(event: str, **variables: str) -> dict[str, Any]:
            invoked.add(event)
            return runner.run(event, **variables)

        # Later stages first, so that earlier ones have to be run for them.
        answer = run("json_csv_generator/sample")
        assert answer["statistics"]["files"] > 0
        assert runner.lines[0] == f"created bucket {BUCKET}"
        assert [line.split(" in ")[0] for line in runner.lines if line.startswith("ran")] == [
            "ran data_fetcher",
            "ran processor",
        ]
        assert runner.lines[-1] == f"created s3://{BUCKET}/processed-data/sample-1/"

        assert run("processor/sample")["statistics"]["pairs"] > 1000
        assert runner.lines == [], "the output of the data fetcher exists"
        assert run("excel_generator/sample")["statistics"]["files"] == 1
        answer = run("report_orchestrator/sample")
        assert (answer["published"], answer["complete"]) == (True, True)
        assert runner.lines == [], "the output of all stages exists"
        assert run("data_fetcher/cross_check")["statistics"]["regions"] > 30
        answer = run("report_orchestrator/excel_failed")
        assert (answer["published"], answer["complete"]) == (True, False)
        assert [line.split(" in ")[0] for line in runner.lines if line.startswith("ran")] == [
            "ran processor",
            "ran json_csv_generator",
        ]
        run("data_fetcher/scheduled")

        assert run("event_log_backfill/merge")["new_events"] > 0
        assert runner.reported("60 sample files")
        assert run("event_log_backfill/read")["rows"] == 1
        answer = run("event_log_checkpoint/retry_rejected")
        assert (answer["statusCode"], answer["events_failed"]) == (200, 9)
        assert runner.reported("created a checkpoint in s3://checkpoints")
        for name in ("scheduled", "rebuild", "groups"):
            answer = run(f"event_log_checkpoint/{name}")
            assert (answer["statusCode"], answer["total_events"]) == (200, 48), name
            assert runner.lines == [], "everything exists"

        answer = run("fetch_discussions/threads")
        assert (answer["threads"], answer["not_found"]) == (0, []), "the mail is a recent one"
        assert answer["new"] > 10
        assert runner.lines[:2] == [
            "created table local-patches",
            "created table local-discussions",
        ]
        assert runner.reported("started a stand-in for lore with")
        run("fetch_discussions/destination")
        run("fetch_discussions/recent")
        assert run("fetch_patches/changes")["written"] > 0
        run("fetch_patches/refresh")
        assert run("refresh_discussions/scheduled")["mails"] > 10
        run("refresh_discussions/half_a_year")
        assert invoked == samples

        # Another table is created once, then used.
        runner.run("fetch_patches/changes", PATCHES_TABLE="my-patches")
        assert runner.lines[0] == "created table my-patches"
        runner.run("fetch_patches/changes", PATCHES_TABLE="my-patches")
        assert not runner.reported("created")
