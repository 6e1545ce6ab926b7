"""The status page tells what is there, escapes it, and is for this machine's eyes only."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from local_cloud.html import Node
from local_cloud.page import PATH
from local_cloud.state import state_runs

type Clients = Callable[[str], Any]

type Archive = Callable[[Mapping[str, str]], bytes]

HOSTILE = "<script>alert('&\"')</script>"

ROLE = "arn:aws:iam::123456789012:role/any"


def fetch(cloud: str, path: str = "", *, method: str = "GET") -> tuple[int, Mapping[str, str], str]:
    address = urlsplit(cloud).netloc
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request(method, f"{PATH}{quote(path)}", headers={"Host": address})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


class Text(HTMLParser):
    """Collects texts and the names of elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.names: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}


def read(page: str) -> Text:
    parser = Text()
    parser.feed(page)
    return parser


def ended(client: Clients, arn: str) -> None:
    deadline = time.monotonic() + 60
    while client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_shows_what_is_there(cloud: str, client: Clients, archive: Archive) -> None:
    name = f"page-{uuid.uuid4().hex[:12]}"
    client("s3").create_bucket(Bucket=name)
    client("s3").put_object(Bucket=name, Key=f"{HOSTILE}.csv", Body=b"x" * 1500)
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName=name, Item={"id": {"S": HOSTILE}})
    client("sqs").create_queue(QueueName=name)
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").publish(TopicArn=topic, Subject="A subject", Message=HOSTILE)
    client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=HOSTILE)
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = f"def handler(event, context):\n  print({HOSTILE!r})\n  raise ValueError({HOSTILE!r})"
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="function.handler",
        Role=role,
        Code={"ZipFile": archive({"function.py": code})},
    )
    definition = {
        "StartAt": "Call it",
        "States": {
            "Call it": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": name},
                "End": True,
            }
        },
    }
    machine = client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    execution = client("stepfunctions").start_execution(
        stateMachineArn=machine, name="once", input=json.dumps({"given": HOSTILE})
    )["executionArn"]
    ended(client, execution)

    pages = {
        path: fetch(cloud, path)
        for path in (
            "",
            f"buckets/{name}",
            f"tables/{name}",
            f"functions/{name}",
            f"executions/{execution}",
            f"topics/{name}",
        )
    }
    assert {status for status, _, _ in pages.values()} == {200}
    texts = {path: "|".join(read(page).texts) for path, (_, _, page) in pages.items()}
    overview = texts[""]
    assert overview.count(name) >= 7
    assert "1.5 kB" in overview
    assert "Call it after 1 × ValueError" in overview
    assert "A subject" in overview
    assert f"alarm|{HOSTILE}" in overview
    assert f"{HOSTILE}.csv" in texts[f"buckets/{name}"]
    assert "alert(" in texts[f"tables/{name}"]
    assert f"[ERROR] ValueError: {HOSTILE}" in texts[f"functions/{name}"]
    assert "REPORT RequestId" in texts[f"functions/{name}"]
    assert "Call it|failed" in texts[f"executions/{execution}"]
    assert "given" in texts[f"executions/{execution}"]
    assert HOSTILE in texts[f"topics/{name}"]
    for _, _, page in pages.values():
        assert HOSTILE not in page
        assert not {"script", "img", "link", "src", "onclick"} & read(page).names


def test_nothing_is_loaded_from_elsewhere(cloud: str) -> None:
    _, headers, page = fetch(cloud)
    assert "://" not in page
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_it_renews_itself(cloud: str) -> None:
    assert re.search(r'http-equiv="refresh" content="\d+"', fetch(cloud)[2])


def test_what_is_not_there(cloud: str) -> None:
    for path in ("buckets/none", "nothing", "functions/", "../etc/passwd"):
        assert fetch(cloud, path)[0] == 404
    assert fetch(cloud, method="POST")[0] == 405


def test_other_paths_are_those_of_aws(cloud: str, client: Clients) -> None:
    assert fetch(cloud)[2].startswith("<!doctype html>")
    client("s3").list_buckets()


@given(st.text(), st.text())
def test_every_text_survives_and_none_becomes_an_element(text: str, attribute: str) -> None:
    # A browser makes one line end of the others, and no text holds these two.
    text, attribute = (re.sub(r"[\r\x00]", "", one) for one in (text, attribute))
    found = read(str(Node("p", text, title=attribute)))
    assert "".join(found.texts) == text
    assert found.names == {"p", "title"}


def event(number: int, kind: str, previous: int, **details: Any) -> dict[str, Any]:  # noqa: ANN401  # of the API
    moment = dt.datetime(2026, 1, 1, 0, 0, number, tzinfo=dt.UTC).isoformat()
    return {
        "id": number,
        "type": kind,
        "previousEventId": previous,
        "timestamp": moment,
        **details,
    }


def test_states_from_a_history_with_branches_and_retries() -> None:
    def entered(name: str) -> dict[str, Any]:
        return {"stateEnteredEventDetails": {"name": name}}

    def left(name: str) -> dict[str, Any]:
        return {"stateExitedEventDetails": {"name": name}}

    events = [
        event(1, "ExecutionStarted", 0),
        event(2, "ParallelStateEntered", 1, **entered("Both")),
        event(3, "TaskStateEntered", 2, **entered("A")),
        event(4, "TaskStateEntered", 2, **entered("B")),
        event(5, "TaskFailed", 3, taskFailedEventDetails={"error": "Late"}),
        event(6, "TaskScheduled", 5),
        event(7, "TaskStateExited", 4, **left("B")),
        event(8, "TaskStateExited", 6, **left("A")),
        event(9, "TaskStateEntered", 8, **entered("C")),
    ]
    both, a, b, c = state_runs(events, running=True)
    assert (both.outcome, a.outcome, b.outcome, c.outcome) == (
        "running",
        "passed",
        "passed",
        "running",
    )
    assert (a.errors, b.errors) == (["Late"], [])
    assert a.left is not None
    assert a.left.second == 8
    assert [one.outcome for one in state_runs(events, running=False)] == [
        "failed",
        "passed",
        "passed",
        "failed",
    ]
