"""The status page shows what the local cloud contains, escapes it, and changes nothing."""

from __future__ import annotations

import datetime as dt
import doctest
import http.client
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_testing.fresh_interpreter import packages_after_import
from local_cloud import page as page_module
from local_cloud import state as state_module
from local_cloud.page import OBJECTS_PER_PAGE, PATH, PREVIEW_BYTES, download_name, preview, render
from local_cloud.state import (
    Alarm,
    Bucket,
    ObjectSummary,
    Queue,
    QueueMessage,
    Snapshot,
    state_runs,
)

type Clients = Callable[[str], Any]

type Archive = Callable[[Mapping[str, str]], bytes]

MARKUP = "<script>alert('&\"')</script>"

REVERSED = "invoice\u202efdp.exe"

LONG = "long-" + "k" * 295

QUOTES = """' onmouseover='x" onmouseover="y `"""

HOSTILE_NAMES = (MARKUP, REVERSED, LONG, QUOTES, "{{ 7 * 7 }}", "</pre></bdi><h1>", "\u2069x\u2067")

ROLE = "arn:aws:iam::123456789012:role/any"

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

EMPTY = Snapshot((), (), (), (), 0, (), (), ())


def fetch(
    cloud: str, path: str = "", *, method: str = "GET", **query: str
) -> tuple[int, Mapping[str, str], str]:
    status, headers, content = download(cloud, path, method=method, **query)
    return status, headers, content.decode()


def download(
    cloud: str, path: str = "", *, method: str = "GET", **query: str
) -> tuple[int, Mapping[str, str], bytes]:
    address = urlsplit(cloud).netloc
    connection = http.client.HTTPConnection(address, timeout=20)
    target = f"{PATH}{quote(path)}{'?' if query else ''}{urlencode(query)}"
    connection.request(method, target, headers={"Host": address})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


class Page(HTMLParser):
    """Collects what a page contains, without its script and style sheet.

    `isolated` holds the texts that are in `<bdi>` or `<pre dir="auto">`; `open` is the path to the
    current element.
    """

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.isolated: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self.open):
            return
        self.texts.append(data)
        if {"bdi", "pre"} & set(self.open):
            self.isolated.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @property
    def text(self) -> str:
        return "|".join(text.strip() for text in self.texts if text.strip())

    @property
    def names(self) -> set[str]:
        return {tag for tag, _ in self.elements} | {
            name for _, attributes in self.elements for name in attributes
        }

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def name() -> str:
    return f"page-{uuid.uuid4().hex[:12]}"


def ended(client: Clients, arn: str) -> None:
    deadline = time.monotonic() + 60
    while client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_shows_the_contents(cloud: str, client: Clients, archive: Archive, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    client("s3").put_object(Bucket=name, Key=f"{MARKUP}.csv", Body=b"x" * 1500)
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName=name, Item={"id": {"S": MARKUP}})
    client("sqs").create_queue(QueueName=name)
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").publish(TopicArn=topic, Subject="A subject", Message=MARKUP)
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
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=MARKUP)
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = f"def handler(event, context):\n  print({MARKUP!r})\n  raise ValueError({MARKUP!r})"
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
        stateMachineArn=machine, name="once", input=json.dumps({"given": MARKUP})
    )["executionArn"]
    ended(client, execution)

    answers = {
        path: fetch(cloud, path)
        for path in (
            "",
            f"buckets/{name}",
            f"tables/{name}",
            f"functions/{name}",
            f"executions/{execution}",
            f"topics/{name}",
            f"queues/{name}",
        )
    }
    assert {status for status, _, _ in answers.values()} == {200}
    pages = {path: Page(content) for path, (_, _, content) in answers.items()}
    overview = pages[""].text
    assert overview.count(name) >= 7
    assert "1.5 kB" in overview
    assert "Call it|failed after 1 ×|ValueError" in overview
    assert "A subject" in overview
    assert f"alarm|{MARKUP}" in overview
    assert f"{MARKUP}.csv" in pages[f"buckets/{name}"].text
    assert "alert(" in pages[f"tables/{name}"].text
    assert f"[ERROR] ValueError: {MARKUP}" in pages[f"functions/{name}"].text
    assert "REPORT RequestId" in pages[f"functions/{name}"].text
    assert "Call it|failed" in pages[f"executions/{execution}"].text
    assert "given" in pages[f"executions/{execution}"].text
    assert MARKUP in pages[f"topics/{name}"].text
    assert "The queue is empty." in pages[f"queues/{name}"].text
    for path, (_, _, content) in answers.items():
        assert MARKUP not in content
        assert not {"img", "link", "src", "onclick", "style"} & (pages[path].names - {"style"})
        assert len(pages[path].all("script")) == len(pages[path].all("style")) == 1
        assert not [attributes for _, attributes in pages[path].elements if "style" in attributes]


def test_an_object_can_be_opened_and_saved(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    content = f"id,text\n1,{MARKUP}\n".encode()
    for key in (*HOSTILE_NAMES, "folder/a b+c%20d.csv"):
        client("s3").put_object(
            Bucket=name,
            Key=key,
            Body=content,
            ContentType="text/html",
            Metadata={"source": "a test"},
        )
        [address] = [
            attributes["href"]
            for attributes in Page(fetch(cloud, f"buckets/{name}")[2]).all("a")
            if f"key={quote(key, safe='').replace('%20', '+')}" in str(attributes["href"])
        ]
        assert address
        status, headers, page = fetch(cloud, f"buckets/{name}", key=key)
        assert status == 200
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        text = Page(page).text
        assert key in text
        assert content.decode().strip() in text
        assert "content-type|text/html" in text.lower()
        assert "x-amz-meta-source|a test" in text
        assert f"{len(content)} B" in text
        status, headers, saved = download(cloud, f"buckets/{name}", key=key, download="")
        assert (status, saved) == (200, content)
        # Browsers never display it as a page of the local cloud, even if it is stored as HTML.
        assert headers["Content-Type"].startswith("text/plain")
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_an_object_that_is_not_text(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    content = b"PAR1\x00\xff" + b"<b>" * 500
    client("s3").put_object(Bucket=name, Key="data", Body=content)
    text = Page(fetch(cloud, f"buckets/{name}", key="data")[2]).text
    assert "This is not UTF-8 text. The first 256 bytes:" in text
    assert "50 41 52 31 00 ff 3c 62 3e" in text
    _, headers, saved = download(cloud, f"buckets/{name}", key="data", download="")
    assert saved == content
    assert headers["Content-Type"] == "application/octet-stream"


def test_a_long_object_says_that_it_is_cut(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    # The limit is within a character of two bytes.
    client("s3").put_object(Bucket=name, Key="long", Body=("a" + "é" * PREVIEW_BYTES).encode())
    client("s3").put_object(Bucket=name, Key="empty", Body=b"")
    page = Page(fetch(cloud, f"buckets/{name}", key="long")[2])
    assert "This is only the beginning. Download the object to see all 40.0 kB." in page.text
    assert "a" + "é" * (PREVIEW_BYTES // 2 - 1) in page.isolated[-1]
    assert "not UTF-8" not in page.text
    assert "The object is empty." in fetch(cloud, f"buckets/{name}", key="empty")[2]


def test_deleted_objects_are_not_shown(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client("s3").put_object(Bucket=name, Key="k", Body=b"first")
    client("s3").put_object(Bucket=name, Key="k", Body=b"second")
    page = Page(fetch(cloud, f"buckets/{name}", key="k")[2]).text
    assert "second" in page
    assert "first" not in page
    assert "|Version|" in page
    client("s3").delete_object(Bucket=name, Key="k")
    assert fetch(cloud, f"buckets/{name}", key="k")[0] == 404
    assert "The bucket is empty." in fetch(cloud, f"buckets/{name}")[2]


def test_every_object_of_a_bucket_can_be_reached() -> None:
    objects = tuple(
        ObjectSummary(f"key-{number:03}", number, NOW) for number in range(2 * OBJECTS_PER_PAGE + 1)
    )
    state = bucket_of(objects)
    found: list[str] = []
    for number in (1, 2, 3):
        page = render(state, "buckets/b", {"page": str(number)})
        assert page
        found += re.findall(r">(key-\d+)<", page)
        assert ("page-newer" in page, "page-older" in page) == (number > 1, number < 3)
    assert found == [stored.key for stored in objects]
    for wrong in ("0", "4", "-1", "x", "1.0", "", "１"):
        assert render(state, "buckets/b", {"page": wrong}) is None


def bucket_of(objects: tuple[ObjectSummary, ...], name: str = "b") -> Snapshot:
    return Snapshot((Bucket(name, objects),), (), (), (), 0, (), (), ())


def test_a_queue_shows_its_messages_without_receiving_them(
    cloud: str, client: Clients, name: str
) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(
        QueueUrl=url,
        MessageBody=f"first {MARKUP}",
        MessageAttributes={
            "source": {"DataType": "String", "StringValue": "a test"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    [received] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    sqs.send_message(QueueUrl=url, MessageBody="second")
    sqs.send_message(QueueUrl=url, MessageBody="third", DelaySeconds=600)
    for _ in range(3):
        page = Page(fetch(cloud, f"queues/{name}")[2])
    assert "1 available, 1 in flight, 1 delayed" in page.text
    assert f"first {MARKUP}" in page.text
    assert "source|a test|raw|(Binary value)" in page.text
    assert re.search(r"in flight\|Sent\|[^|]+\|UTC\|Received\|1 time\|", page.text)
    assert re.search(r"available\|Sent\|[^|]+\|UTC\|Received\|0 times\|second", page.text)
    assert re.search(r"delayed\|Sent\|[^|]+\|UTC\|Received\|0 times\|third", page.text)
    overview = Page(fetch(cloud)[2]).text
    assert f"{name}|1|1|1" in overview
    [second] = sqs.receive_message(
        QueueUrl=url, AttributeNames=["ApproximateReceiveCount"], MaxNumberOfMessages=10
    )["Messages"]
    assert second["Body"] == "second"
    assert second["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    assert "0 available, 1 in flight, 1 delayed" in Page(fetch(cloud, f"queues/{name}")[2]).text


def test_limits_are_stated() -> None:
    message = QueueMessage("id", "available", NOW, 0, {}, "x" * 20_001)
    queue = Queue("q", 70, 0, 0, (message,) * 50)
    page = render(Snapshot((), (), (), (), 0, (), (), (queue,)), "queues/q", {})
    assert page
    assert "Showing the oldest 50 of 70." in page
    assert page.count("The first 20,000 of 20,001 characters.") == 50


def test_nothing_is_loaded_from_elsewhere(cloud: str) -> None:
    _, headers, page = fetch(cloud)
    assert "://" not in page
    policy = headers["Content-Security-Policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[^ ']+'; script-src 'sha256-[^ ']+'; "
        r"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        policy,
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"


def test_links_keep_the_page_paused(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    for query, expected in (({}, False), ({"paused": ""}, True)):
        links = [
            str(link["href"])
            for link in Page(fetch(cloud, **query)[2]).all("a")
            if not str(link["href"]).startswith("#")
        ]
        assert len(links) >= 2
        assert {"paused=" in link for link in links} == {expected}


def test_resources_that_do_not_exist(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    for path in ("buckets/none", "nothing", "functions/", "../etc/passwd", "queues/none"):
        status, _, page = fetch(cloud, path)
        assert status == 404
        assert "The local cloud does not contain" in page
    for bucket in (name, "none"):
        for query in ({}, {"download": ""}):
            status, _, page = fetch(cloud, f"buckets/{bucket}", key=MARKUP, **query)
            assert status == 404
            assert MARKUP in Page(page).isolated
            assert MARKUP not in page
    status, headers, _ = fetch(cloud, method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    status, headers, page = fetch(cloud, method="HEAD")
    assert (status, page) == (200, "")
    assert int(headers["Content-Length"]) > 1000


def test_other_paths_belong_to_aws(cloud: str, client: Clients) -> None:
    assert fetch(cloud)[2].startswith("<!doctype html>")
    client("s3").list_buckets()


def test_the_structure_of_a_page(cloud: str, client: Clients, name: str) -> None:
    client("s3").create_bucket(Bucket=name)
    client("s3").put_object(Bucket=name, Key="k", Body=b"x")
    for path, query in (("", {}), (f"buckets/{name}", {}), (f"buckets/{name}", {"key": "k"})):
        page = Page(fetch(cloud, path, **query)[2])
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
        assert page.all("a")[0]["href"] == "#main"
        assert page.all("main")[0]["id"] == "main"
        assert all(heading["scope"] in ("col", "row") for heading in page.all("th"))
        assert all(table["aria-label"] for table in page.all("table"))
        assert all(navigation["aria-label"] for navigation in page.all("nav"))
        identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(identifiers) == len(set(identifiers))
        # The script finds what had the focus by its ID.
        assert all("id" in link for link in page.all("a")[1:] + page.all("button"))


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_names_cannot_leave_their_place(text: str) -> None:
    message = QueueMessage(text, "available", NOW, 0, {text: text}, text)
    state = Snapshot(
        buckets=(Bucket(text, (ObjectSummary(text, 1, NOW),)),),
        tables=(),
        functions=(),
        executions=(),
        all_executions=0,
        alarms=(Alarm(text, "OK", text),),
        topics=(),
        queues=(Queue(text, 1, 0, 0, (message,)),),
    )
    plain = structure(render(replaced(state, text, "plain"), "", {}))
    for what, count in (("", 4), (f"buckets/{text}", 2), (f"queues/{text}", 5)):
        page = Page(render(state, what, {}) or "")
        assert [found.removeprefix("\n") for found in page.isolated].count(text) == count
        # Every name has its own element, except in <title>, which cannot contain elements.
        assert "".join(page.texts).count(text) - count == (1 if what else 0)
    assert structure(render(state, "", {})) == plain


def structure(page: str | None) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in Page(page or "").elements]


def replaced(state: Snapshot, old: str, new: str) -> Snapshot:
    bucket, alarm, queue = state.buckets[0], state.alarms[0], state.queues[0]
    assert bucket.name == alarm.name == queue.name == old
    return Snapshot(
        (Bucket(new, bucket.objects),),
        (),
        (),
        (),
        0,
        (Alarm(new, "OK", new),),
        (),
        (Queue(new, 1, 0, 0, ()),),
    )


@given(st.text(min_size=1))
def test_every_text_survives_and_none_becomes_an_element(text: str) -> None:
    page = Page(render(bucket_of((ObjectSummary(text, 1, NOW),)), "buckets/b", {}) or "")
    assert page.isolated[-1] == text.translate(page_module._CONTROL_PICTURES)
    assert structure(render(bucket_of((ObjectSummary("k", 1, NOW),)), "buckets/b", {})) == [
        (tag, sorted(attributes)) for tag, attributes in page.elements
    ]


def test_a_page_can_always_be_encoded(cloud: str, client: Clients, name: str) -> None:
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").publish(TopicArn=topic, Message="escape \x1b[1m, half a pair in JSON")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    execution = client("stepfunctions").start_execution(
        stateMachineArn=machine, input='{"half": "\\ud800", "nul": "\\u0000"}'
    )["executionArn"]
    ended(client, execution)
    assert fetch(cloud, f"executions/{execution}")[0] == 200
    assert fetch(cloud)[0] == 200


@given(st.binary(max_size=600))
def test_a_preview_is_what_the_object_contains(content: bytes) -> None:
    shown = preview(content)
    assert shown.is_text == (b"\0" not in content and decodes(content))
    if shown.is_text:
        assert shown.text.encode() == content
    else:
        digits = "".join(line[:47] for line in shown.text.splitlines())
        if len(content) >= 16:
            assert bytes.fromhex(digits) == content[:256]
        assert shown.is_cut == (len(content) > 256)


def decodes(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.text())
def test_a_download_has_a_harmless_name(key: str) -> None:
    name = download_name(key)
    assert name
    assert not set(name) & set("/\\\u202e\0\r\n")
    assert name.strip(". ") == name


def test_only_the_process_that_serves_the_page_imports_what_renders_it() -> None:
    loaded = packages_after_import("local_cloud.page")
    assert "local_cloud" in loaded
    assert not {"jinja2", "moto", "werkzeug"} & loaded


def test_examples() -> None:
    for module in (page_module, state_module):
        results = doctest.testmod(module)
        assert results.attempted
        assert not results.failed


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
    assert [run.outcome for run in state_runs(events, running=False)] == [
        "failed",
        "passed",
        "passed",
        "failed",
    ]
