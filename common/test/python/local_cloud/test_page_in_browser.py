"""The status page in a real browser: on a phone, in dark mode, with a keyboard, on paper."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3
import pytest

from lambda_testing.browser import emulate, hidden_width, low_contrast, running_browser
from local_cloud.page import PATH, REFRESH_SECONDS

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

type Clients = Callable[[str], Any]

LONG_KEY = "k" * 300

HOSTILE_KEY = "<script>document.title='hacked'</script>\"' onfocus='x\u202efdp.exe"

TEXT = "word " * 200 + "x" * 500

LINES = "\n\n first\n\tlast <b>\n"

PHONE = 390


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with running_browser() as chrome:
        yield chrome


@dataclass(frozen=True)
class Addresses:
    """Pages about resources with long and hostile names."""

    cloud: str
    name: str
    machine: str

    def __call__(self, path: str = "", **query: str) -> str:
        return f"{self.cloud}{PATH}{path}{'?' if query else ''}{urlencode(query)}"

    @property
    def all(self) -> dict[str, str]:
        return {
            "overview": self(),
            "bucket": self(f"buckets/{self.name}"),
            "object": self(f"buckets/{self.name}", key=LONG_KEY),
            "hostile object": self(f"buckets/{self.name}", key=HOSTILE_KEY),
            "binary object": self(f"buckets/{self.name}", key="binary"),
            "execution": self(f"executions/{self.machine}"),
            "queue": self(f"queues/{self.name}"),
            "table": self(f"tables/{self.name}-{'t' * 200}"),
            "topic": self(f"topics/{self.name}-{'t' * 200}"),
            "missing": self(f"topics/{LONG_KEY}"),
        }


@pytest.fixture(scope="module")
def clients(cloud: str) -> Clients:
    return lambda service: boto3.client(
        service,
        endpoint_url=cloud,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - not a real key
    )  # type: ignore[call-overload]  # any service


@pytest.fixture(scope="module")
def pages(cloud: str, clients: Clients) -> Addresses:
    name = f"browser-{uuid.uuid4().hex[:12]}"
    s3 = clients("s3")
    s3.create_bucket(Bucket=name)
    for key in (LONG_KEY, HOSTILE_KEY, "folder/report.csv"):
        metadata = {"x" * 200: "y" * 200}
        s3.put_object(Bucket=name, Key=key, Body=TEXT.encode(), Metadata=metadata)
    s3.put_object(Bucket=name, Key="binary", Body=bytes(range(256)))
    s3.put_object(Bucket=name, Key="lines", Body=LINES.encode())
    for number in range(60):
        s3.put_object(Bucket=name, Key=f"older/{number}", Body=b"x")
    queue = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
    clients("sqs").send_message(
        QueueUrl=queue,
        MessageBody=TEXT,
        MessageAttributes={"a" * 200: {"DataType": "String", "StringValue": "v" * 500}},
    )
    topic = clients("sns").create_topic(Name=f"{name}-{'t' * 200}")["TopicArn"]
    clients("sns").publish(TopicArn=topic, Subject="s" * 100, Message=TEXT)
    clients("dynamodb").create_table(
        TableName=f"{name}-{'t' * 200}",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    clients("dynamodb").put_item(
        TableName=f"{name}-{'t' * 200}", Item={"id": {"S": LONG_KEY}, "text": {"S": TEXT}}
    )
    for state in ("ALARM", "OK", "INSUFFICIENT_DATA"):
        alarm = f"{name}-{state}-{'a' * 180}"
        clients("cloudwatch").put_metric_alarm(
            AlarmName=alarm,
            MetricName="m",
            Namespace="n",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
        clients("cloudwatch").set_alarm_state(
            AlarmName=alarm, StateValue=state, StateReason="r" * 300
        )
    return Addresses(cloud, name, run_machine(clients, name))


def run_machine(clients: Clients, name: str) -> str:
    """Run a state machine that passes one state and fails in the next; return the execution."""
    definition = {
        "StartAt": "p" * 80,
        "States": {
            "p" * 80: {"Type": "Pass", "Next": "f" * 80},
            "f" * 80: {"Type": "Fail", "Error": "e" * 200, "Cause": TEXT},
        },
    }
    functions = clients("stepfunctions")
    machine = functions.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]
    execution: str = functions.start_execution(
        stateMachineArn=machine, name="n" * 80, input=json.dumps({"text": TEXT})
    )["executionArn"]
    deadline = time.monotonic() + 60
    while functions.describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return execution


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 10 * REFRESH_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {10 * REFRESH_SECONDS} s: {what}"
        time.sleep(0.1)


def text_of(chrome: Chrome) -> str:
    return str(chrome.execute_script("return document.getElementById('main').innerText"))


def updated_at(chrome: Chrome) -> str:
    return str(chrome.execute_script("return document.querySelector('time').dateTime"))


def wait_for_update(chrome: Chrome) -> None:
    before = updated_at(chrome)
    wait_until(lambda: updated_at(chrome) != before, "an update")


def focused(chrome: Chrome) -> WebElement:
    return chrome.switch_to.active_element


def find(chrome: Chrome, identifier: str) -> WebElement:
    return chrome.find_element("id", identifier)


def press(chrome: Chrome, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(chrome).send_keys(*keys).perform()


@pytest.mark.parametrize("width", [320, PHONE, 768, 1280])
def test_no_page_scrolls_horizontally(chrome: Chrome, pages: Addresses, width: int) -> None:
    emulate(chrome, width=width)
    for what, address in pages.all.items():
        chrome.get(address)
        assert hidden_width(chrome) == 0, what
        cut = chrome.execute_script(
            """return [...document.querySelectorAll("main *")]
              .filter((part) => part.getBoundingClientRect().right > innerWidth + 0.5)
              .map((part) => part.outerHTML.slice(0, 80))"""
        )
        assert cut == [], what


def test_a_page_that_is_too_wide_is_found(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome, width=PHONE)
    chrome.get(pages())
    chrome.execute_script("document.getElementById('main').style.width = '500px'")
    assert hidden_width(chrome) >= 500 - PHONE


@pytest.mark.parametrize("width", [PHONE, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_enough_contrast(
    chrome: Chrome, pages: Addresses, dark: bool, width: int
) -> None:
    emulate(chrome, dark=dark, width=width)
    backgrounds = set()
    for what, address in pages.all.items():
        chrome.get(address)
        assert low_contrast(chrome) == [], what
        backgrounds.add(
            chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        )
    assert backgrounds == {"rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)"}


def test_low_contrast_is_found(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome)
    chrome.get(pages())
    chrome.execute_script("document.querySelector('h1').style.color = '#aaa'")
    assert low_contrast(chrome) == ["2.32: Overview"]


def test_a_hostile_name_is_only_text(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome)
    chrome.get_log("browser")  # type: ignore[no-untyped-call]
    for address in pages.all.values():
        chrome.get(address)
        assert chrome.execute_script("return document.scripts.length") == 1
        assert "Local cloud" in chrome.title
        # The log has an entry if the browser blocked something or the script failed.
        entries = chrome.get_log("browser")  # type: ignore[no-untyped-call]
        unexpected = [entry for entry in entries if "404" not in entry["message"]]
        assert unexpected == []
    chrome.get(pages(f"buckets/{pages.name}", key=HOSTILE_KEY))
    heading = chrome.find_element("css selector", "h1 bdi")
    assert heading.get_attribute("textContent") == HOSTILE_KEY
    # The override ends with the name: what follows is at its right.
    chrome.execute_script("document.querySelector('h1').append('after')")
    name, after = chrome.execute_script(
        """const range = document.createRange();
        range.selectNode(document.querySelector("h1").lastChild);
        const last = [...document.querySelector("h1 bdi").getClientRects()].at(-1);
        return [last.right, range.getBoundingClientRect().left]"""
    )
    assert after >= name - 1


def test_text_keeps_its_lines_and_spaces(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome)
    chrome.get(pages(f"buckets/{pages.name}", key="lines"))
    text = chrome.find_element("tag name", "pre").get_attribute("textContent")
    assert text == LINES


def test_the_page_updates_itself_and_keeps_the_focus(
    chrome: Chrome, pages: Addresses, clients: Clients
) -> None:
    emulate(chrome, height=300)
    chrome.get(pages(f"buckets/{pages.name}"))
    chrome.execute_script("arguments[0].focus()", find_link(chrome, "older/40"))
    identifier = focused(chrome).get_attribute("id")
    assert identifier
    place = chrome.execute_script("return document.activeElement.getBoundingClientRect().top")
    clients("s3").put_object(Bucket=pages.name, Key="new/1", Body=b"x")
    wait_until(lambda: "new/1" in text_of(chrome), "the new object")
    assert focused(chrome).get_attribute("id") == identifier
    assert focused(chrome).get_attribute("isConnected") == "true"
    moved = chrome.execute_script("return document.activeElement.getBoundingClientRect().top")
    assert abs(moved - place) < 100
    # Enter still opens what has the focus.
    press(chrome, "\ue007")
    wait_until(lambda: "key=older" in chrome.current_url, "the object's page")


def find_link(chrome: Chrome, text: str) -> WebElement:
    # A single call, because the page may replace its links between two calls.
    link: WebElement = chrome.execute_script(
        "return [...document.links].find(link => link.innerText === arguments[0])", text
    )
    return link


def address_of_link(chrome: Chrome, text: str) -> str:
    script = "return [...document.links].find(link => link.innerText === arguments[0]).href"
    return str(chrome.execute_script(script, text))


def test_the_focus_moves_to_the_content_if_what_had_it_is_gone(
    chrome: Chrome, pages: Addresses, clients: Clients
) -> None:
    emulate(chrome)
    clients("s3").put_object(Bucket=pages.name, Key="gone", Body=b"x")
    chrome.get(pages(f"buckets/{pages.name}"))
    chrome.execute_script("arguments[0].focus()", find_link(chrome, "gone"))
    clients("s3").delete_object(Bucket=pages.name, Key="gone")
    wait_until(lambda: "gone" not in text_of(chrome), "the object to disappear")
    assert focused(chrome).get_attribute("id") == "main"


def test_updates_can_be_paused_and_resumed(
    chrome: Chrome, pages: Addresses, clients: Clients
) -> None:
    emulate(chrome)
    chrome.get(pages())
    button = find(chrome, "pause")
    assert button.is_displayed()
    assert button.text == "Pause updates"
    wait_for_update(chrome)
    chrome.execute_script("arguments[0].focus()", button)
    press(chrome, " ")
    wait_until(lambda: button.text == "Resume updates", "the button's new text")
    assert focused(chrome).get_attribute("id") == "pause"
    wait_until(
        lambda: "paused=" in address_of_link(chrome, pages.name),
        "links that keep the page paused",
    )
    # Other pages, and this page after a reload, are paused too.
    find_link(chrome, pages.name).click()
    assert find(chrome, "pause").text == "Resume updates"
    chrome.get(chrome.current_url)
    assert find(chrome, "pause").text == "Resume updates"
    before = updated_at(chrome)
    time.sleep(REFRESH_SECONDS + 1)
    assert updated_at(chrome) == before
    find(chrome, "pause").click()
    assert find(chrome, "pause").text == "Pause updates"
    assert "paused" not in chrome.current_url
    wait_for_update(chrome)


def test_text_that_is_selected_stays_selected(
    chrome: Chrome, pages: Addresses, clients: Clients
) -> None:
    emulate(chrome)
    chrome.get(pages(f"buckets/{pages.name}"))
    chrome.execute_script("getSelection().selectAllChildren(document.querySelector('h1'))")
    clients("s3").put_object(Bucket=pages.name, Key="new/selected", Body=b"x")
    time.sleep(REFRESH_SECONDS + 1)
    assert pages.name in chrome.execute_script("return getSelection().toString()")
    chrome.execute_script("getSelection().removeAllRanges()")
    wait_until(lambda: "new/selected" in text_of(chrome), "the new object")


def test_a_server_that_does_not_answer_is_reported(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome)
    chrome.get(pages())
    content = text_of(chrome)
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    chrome.execute_cdp_cmd("Network.enable", {})
    try:
        chrome.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        wait_until(
            lambda: "The local cloud does not answer" in find(chrome, "trouble").text, "the message"
        )
        assert text_of(chrome) == content
    finally:
        online = {**offline, "offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
        chrome.execute_cdp_cmd("Network.emulateNetworkConditions", online)
    wait_until(lambda: find(chrome, "trouble").text == "", "the message to disappear")


def test_a_keyboard_reaches_everything(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome)
    chrome.get(pages(paused=""))
    press(chrome, "\ue004")
    assert focused(chrome).text == "Skip to content"
    assert focused(chrome).location["y"] >= 0
    outline = chrome.execute_script("return getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    press(chrome, "\ue007")
    assert focused(chrome).get_attribute("id") == "main"
    chrome.get(pages(paused=""))
    reached = []
    for _ in range(200):
        press(chrome, "\ue004")
        identifier = focused(chrome).get_attribute("id")
        if focused(chrome).tag_name == "body" or identifier in reached:
            break
        reached.append(identifier)
    focusable = chrome.execute_script(
        "return [...document.querySelectorAll('a, button')].map((part) => part.id)"
    )
    assert set(focusable) == set(reached)
    assert "pause" in reached
    assert f"queues/{pages.name}" in reached


def test_columns_have_names_on_a_phone(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome, width=PHONE)
    chrome.get(pages(f"buckets/{pages.name}"))
    labels = chrome.execute_script(
        """return [...document.querySelectorAll("tbody tr:first-child td")].map((cell) =>
          [getComputedStyle(cell, "::before").content, cell.getBoundingClientRect().width])"""
    )
    assert [content for content, _ in labels] == ['"Size" / ""', '"Last modified" / ""']
    roles = chrome.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found = {node["role"]["value"] for node in roles if "role" in node}
    assert {"table", "row", "cell", "columnheader", "rowheader", "main", "navigation"} <= found


def test_nothing_moves(chrome: Chrome, pages: Addresses) -> None:
    for reduced in (False, True):
        emulate(chrome, reduced_motion=reduced)
        chrome.get(pages())
        moving = chrome.execute_script(
            """return [...document.querySelectorAll("*")].filter((part) => {
              const style = getComputedStyle(part);
              return style.animationName !== "none" || style.scrollBehavior !== "auto"
                || parseFloat(style.transitionDuration) > 0;
            }).length"""
        )
        assert moving == 0


def test_the_print_is_light_and_has_no_controls(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome, dark=True, media="print", width=700)
    chrome.get(pages())
    assert not find(chrome, "pause").is_displayed()
    assert not chrome.find_element("css selector", ".sections").is_displayed()
    colour = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    assert low_contrast(chrome) == []
    assert hidden_width(chrome) == 0


def test_it_works_without_javascript(chrome: Chrome, pages: Addresses) -> None:
    emulate(chrome)
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chrome.get(pages())
        assert not find(chrome, "pause").is_displayed()
        assert (
            "Reload this page to update it."
            in find(chrome, "updated").find_element("xpath", "..").text
        )
        find(chrome, f"queues/{pages.name}").click()
        assert chrome.find_element("tag name", "h1").text == f"Queue {pages.name}"
    finally:
        chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
