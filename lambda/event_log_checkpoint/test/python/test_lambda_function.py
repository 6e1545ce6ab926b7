from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import pytest
from event_log_testing.cloud import KEY, PREFIX, CheckpointCloud, minutes, name_of, new_cloud

from checkpoint_lambda.lambda_function import RunFailedError, lambda_handler
from event_log.schema import SCHEMA
from event_log.settings import CheckpointRequest
from lambda_core.contracts import parse_event
from lambda_testing.events import sample_events
from lambda_testing.fresh_interpreter import packages_after_import

EVENTS = sample_events(Path(__file__).parents[2] / "events")


@pytest.mark.parametrize("name", EVENTS)
def test_sample_events_are_valid(name: str) -> None:
    assert parse_event(CheckpointRequest, EVENTS[name]).source_bucket == "events"


def test_first_run_and_a_run_with_nothing_new(cloud: CheckpointCloud) -> None:
    for number in range(3):
        cloud.put(name_of(number), ptid=str(number), timestamp=minutes(5 - number))
    cloud.put(name_of(3), project_label="sandbox-form")
    cloud.put("log-delete-20240115.json", b"{")
    cloud.put("notes.txt", b"")
    answer = cloud.quiet()
    del answer["execution_time_ms"]
    balance = {"listed": 6, "other_names": 1, "in_checkpoint": 3, "filtered": 1, "rejected": 1}
    others = dict.fromkeys(["duplicates", "archived", "gone", "failed", "unsaved", "deferred"], 0)
    assert answer == {
        "statusCode": 200,
        "checkpoint_path": f"s3://{cloud.target}/{KEY}",
        "new_events_processed": 3,
        "total_events": 3,
        "events_failed": 1,
        "events_filtered": 1,
        "last_processed_timestamp": "2024-01-01T00:05:00+00:00",
        "complete": True,
        "balance": balance | others,
        "rows_without_object": 0,
        "details": {"failed_files": [f"{PREFIX}log-delete-20240115.json"], "error_count": 1},
    }
    frame = cloud.frame()
    assert dict(frame.schema) == SCHEMA
    assert frame["ptid"].to_list() == ["2", "1", "0"]
    assert frame["source_key"].to_list() == [PREFIX + name_of(n) for n in (2, 1, 0)]

    again = cloud.quiet()
    assert (again["new_events_processed"], again["total_events"]) == (0, 3)
    assert (again["events_failed"], again["events_filtered"]) == (0, 0)
    assert again["balance"] == answer["balance"]


def test_mock_context_has_no_deadline(cloud: CheckpointCloud) -> None:
    cloud.put(name_of(1))
    cloud.context = Mock()
    assert cloud.quiet()["new_events_processed"] == 1


def test_bucket_without_events(cloud: CheckpointCloud) -> None:
    answer = cloud.quiet()
    assert (answer["total_events"], answer["last_processed_timestamp"]) == (0, None)
    assert cloud.stored_keys() == []


class TestConfiguration:
    """The event takes precedence over the environment."""

    def test_environment_only(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud.put(name_of(1))
        for name in ("source_bucket", "checkpoint_bucket", "checkpoint_key", "prefix"):
            monkeypatch.setenv(name.upper(), str(cloud.event.pop(name)))
        assert lambda_handler({}, None)["total_events"] == 1
        assert lambda_handler({"prefix": "elsewhere"}, None)["balance"]["listed"] == 0
        other = lambda_handler({"checkpoint_key": "other.parquet"}, None)
        assert other["checkpoint_path"] == f"s3://{cloud.target}/other.parquet"
        monkeypatch.setenv("CHECKPOINT_KEY_TEMPLATE", "{study}-{datatype}.parquet")
        assert lambda_handler({}, None)["groups_processed"] == 1
        assert "groups_processed" not in lambda_handler({"checkpoint_key": KEY}, None)

    def test_single_bucket_for_both(
        self, cloud: CheckpointCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud.put(name_of(1))
        monkeypatch.setenv("BUCKET", cloud.source)
        event = {"checkpoint_key": "c/events.parquet", "prefix": PREFIX}
        answer = lambda_handler(event, None)
        assert answer["checkpoint_path"] == f"s3://{cloud.source}/c/events.parquet"
        # The checkpoint is in the listed bucket, but it is not an event file.
        answer = lambda_handler(event | {"prefix": ""}, None)
        assert answer["balance"]["other_names"] == answer["balance"]["listed"] == 2

    @pytest.mark.parametrize(
        ("event", "message"),
        [
            ({}, "source_bucket, checkpoint_bucket, checkpoint_key"),
            ({"source_bucket": "a", "checkpoint_key": "k"}, "sets checkpoint_bucket: add it"),
            ({"source_bucket": 1}, "source_bucket: Input should be a valid string"),
            ({"rebuild": "perhaps"}, "rebuild: "),
            ({"checkpoint_key": "../up.parquet"}, "not a valid object key"),
            ({"checkpoint_key_template": "{study}.parquet"}, "{study} and {datatype} once each"),
            ({"checkpoint_key_template": "{study}{study}{datatype}"}, "once each"),
            ({"checkpoint_key_template": "/{study}/{datatype}"}, "not a valid object key"),
        ],
    )
    def test_invalid_event_is_reported_before_anything_is_done(
        self, event: dict[str, object], message: str
    ) -> None:
        answer = lambda_handler(event, None)
        assert (answer["statusCode"], answer["error"]) == (400, "ValidationError")
        assert message in answer["message"]
        assert answer["details"] == {"failed_files": [], "error_count": 1}

    @pytest.mark.parametrize("event", [{"source_bucket": 1}, {}], ids=["invalid", "incomplete"])
    def test_invalid_event_with_raise_on_error(
        self, monkeypatch: pytest.MonkeyPatch, event: dict[str, object]
    ) -> None:
        monkeypatch.setenv("RAISE_ON_ERROR", "true")
        with pytest.raises(RunFailedError) as caught:
            lambda_handler(event, None)
        content = json.loads(str(caught.value))
        assert (content["statusCode"], content["error"]) == (400, "ValidationError")

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("LOOK_BACK_DAYS", "0"),
            ("READ_VERSIONS", "always"),
            ("MAX_EVENT_BYTES", "-1"),
            ("MAX_OBJECTS_PER_RUN", "many"),
            ("READ_CONCURRENCY", "0"),
            ("RAISE_ON_ERROR", "perhaps"),
        ],
    )
    def test_invalid_variable_is_named(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        for event in ({}, {"source_bucket": 1}):
            answer = lambda_handler(event, None)
            assert (answer["statusCode"], answer["error"]) == (400, "ConfigurationError")
            assert variable in answer["message"]

    def test_missing_bucket(self, cloud: CheckpointCloud) -> None:
        answer = cloud.run(source_bucket="no-such-bucket")
        assert (answer["statusCode"], answer["error"]) == (500, "S3Error")
        assert "no-such-bucket" in answer["message"]
        cloud.put(name_of(1))
        answer = cloud.run(checkpoint_bucket="no-such-bucket")
        assert (answer["statusCode"], answer["error"]) == (500, "CheckpointError")


class TestInLambda:
    @pytest.fixture(autouse=True)
    def _lambda(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "event-log-checkpoint")
        monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")

    class Context:
        function_name = "event-log-checkpoint"
        memory_limit_in_mb = 3008
        invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:event-log-checkpoint"
        aws_request_id = "1"

        def get_remaining_time_in_millis(self) -> int:
            return 900_000

    def test_metrics_of_each_group_have_its_dimensions(
        self, aws_endpoint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        groups = new_cloud(aws_endpoint, checkpoint_key_template="g/{study}/{datatype}.parquet")
        groups.context = self.Context()
        groups.put(name_of(1))
        groups.put(name_of(2), ptid="2")
        groups.put(name_of(3), datatype="gwas", module=None)
        groups.put(name_of(4), b"{")
        groups.put(name_of(5), project_label="sandbox-x")
        groups.quiet()
        capsys.readouterr()
        groups.put(name_of(6), ptid="6")
        groups.quiet()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        whole, form, gwas = [line for line in lines if "_aws" in line]
        assert whole["EventsFailed"] == whole["EventsFiltered"] == [0]
        assert whole["ExecutionTime"][0] > 0
        assert (whole["NewEventsProcessed"], whole["TotalEvents"]) == ([1], [4])
        assert whole["CheckpointFileSize"][0] > 2000
        assert "IncrementalRun" not in whole
        for line, datatype, new, total in ((form, "form", 1, 3), (gwas, "gwas", 0, 1)):
            assert (line["Study"], line["Datatype"]) == ("adrc", datatype)
            assert (line["NewEventsProcessed"], line["TotalEvents"]) == ([new], [total])
            assert line["IncrementalRun"] == [1]
            assert line["CheckpointFileSize"][0] > 1000
        # The only data of participants in logs are the keys of rejected files.
        for line in lines:
            assert "110001" not in json.dumps(line)

    def test_metrics_of_a_single_checkpoint(
        self, cloud: CheckpointCloud, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cloud.context = self.Context()
        cloud.put(name_of(1))
        cloud.put(name_of(2), b"{")
        cloud.quiet()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (line,) = [line for line in lines if "_aws" in line]
        assert line["NewEventsProcessed"] == line["TotalEvents"] == [1]
        assert (line["EventsFailed"], line["IncrementalRun"]) == ([1], [0])
        units = {
            metric["Name"]: metric["Unit"]
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        }
        assert units["CheckpointFileSize"] == "Bytes"
        assert units["ExecutionTime"] == "Seconds"


def test_imports_only_what_it_needs() -> None:
    loaded = packages_after_import(
        "checkpoint_lambda.lambda_function", blocked=["openpyxl", "requests", "feedparser"]
    )
    assert {"polars", "obstore", "pydantic"} <= loaded
    assert loaded.isdisjoint(["openpyxl", "requests", "moto"])
