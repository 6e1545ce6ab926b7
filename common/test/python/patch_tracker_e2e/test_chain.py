"""The packaged functions, one of which starts the other, and outages of their sources."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from patch_tracker_testing.mails import make_mail
from patch_tracker_testing.sources import Sources, running_sources
from patch_tracker_testing.tables import PROJECT, Tables, new_tables

from artefacts.function_settings import read_settings
from artefacts.repository import SETTINGS_FILE, Artefacts, architecture
from lambda_testing.fault_proxy import Fault, FaultProxy, respond
from local_cloud.clients import Clients, clients_of
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.loopback_server import ReceivedRequest
from local_cloud.server import moto_server
from patch_tracker.models import MailKind
from run_local.deployer import Deployer
from run_local.patch_tracker.demonstration import FETCHES, PIPELINE

END_SECONDS = 120.0

MAILS = [
    make_mail("c", kind=MailKind.COVER),
    make_mail("p", parents=["c"], kind=MailKind.PATCH, minute=1),
    make_mail("r", parents=["p", "c"], minute=2),
]

GATE = b"<!doctype html><html><title>Making sure you're not a bot!</title></html>"


@dataclass
class Deployment:
    """Both functions. `fetch_patches` starts `fetch_discussions`; all other results go to a queue.

    Attributes
    ----------
    out
        Names of the sources that return the page of a proof-of-work gate.
    """

    clients: Clients
    deployer: Deployer
    tables: Tables
    sources: Sources
    out: set[str]
    queue: str

    def start(self, function: str, event: object = None) -> None:
        """Invoke a function asynchronously, like a schedule."""
        self.clients("lambda").invoke(
            FunctionName=self.deployer.function_name(function),
            InvocationType="Event",
            Payload=json.dumps(event or {}).encode(),
        )

    def result(self) -> dict[str, Any]:
        """Wait for the record of the result."""
        deadline = time.monotonic() + END_SECONDS
        sqs = self.clients("sqs")
        while time.monotonic() < deadline:
            found = sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1).get("Messages", ())
            for message in found:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                record: dict[str, Any] = json.loads(message["Body"])
                return record
        pytest.fail(f"no result after {END_SECONDS:.0f} s")


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    out: set[str] = set()

    def gate(name: str) -> Fault:
        def is_out(_request: ReceivedRequest) -> bool:
            return name in out

        return Fault(is_out, respond(200, GATE, {"Content-Type": "text/html"}))

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    # Pants copies packages next to the tests; otherwise they are in `dist`.
    packages = Path() if Path("functions").is_dir() else Path("dist")
    options = FunctionOptions(lambda_runtime_python(), retry_delays=(0.1, 0.1))
    with (
        moto_server(functions=options) as url,
        running_sources(MAILS) as sources,
        FaultProxy(sources.patchwork.url, [gate("patchwork")]) as patchwork,
        FaultProxy(sources.lore.url, [gate("lore")]) as lore,
    ):
        clients = clients_of(url)
        deployer = Deployer(clients, Artefacts(packages, architecture()))
        tables = new_tables(url)
        variables = {
            "CONTACT": "tests@example.org",
            "DISCUSSIONS_TABLE": tables.names["discussions"],
            # The mails are older, so that only the result of `fetch_patches` leads to them.
            "FIRST_DAYS": "1",
            "LORE_LIST": PROJECT,
            "LORE_URL": lore.url,
            "PATCHES_TABLE": tables.names["patches"],
            "PATCHWORK_PROJECT": PROJECT,
            "PATCHWORK_URL": patchwork.url,
            "REQUEST_SPACING_SECONDS": "0",
        }
        settings = read_settings(SETTINGS_FILE)[PIPELINE]
        arns = {name: deployer.function(name, settings[name], variables) for name in FETCHES}
        sqs = clients("sqs")
        queue = sqs.create_queue(QueueName="ends")["QueueUrl"]
        end = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        ends = end["Attributes"]["QueueArn"]
        for name, then in (
            ("fetch_patches", arns["fetch_discussions"]),
            ("fetch_discussions", ends),
        ):
            clients("lambda").put_function_event_invoke_config(
                FunctionName=deployer.function_name(name),
                DestinationConfig={
                    "OnSuccess": {"Destination": then},
                    "OnFailure": {"Destination": ends},
                },
            )
        yield Deployment(clients, deployer, tables, sources, out, queue)


def check_everything_is_stored(tables: Tables) -> None:
    """Fail unless each mail is stored once, linked and counted."""
    found = tables.discussions.by_thread("c").items
    assert sorted(mail.message_id for mail in found) == ["c", "p", "r"]
    (patch,) = tables.patches.by_status("new").items
    assert (patch.message_id, patch.reply_count, patch.thread) == ("p", 1, "c")


def test_fetch_patches_starts_fetch_discussions(deployment: Deployment) -> None:
    deployment.start("fetch_patches")
    record = deployment.result()
    assert record["requestContext"]["condition"] == "Success", record
    assert record["responsePayload"]["threads"] == 1
    assert record["responsePayload"]["new"] == 3
    check_everything_is_stored(deployment.tables)
    # A second run finds nothing new and writes nothing.
    before = deployment.tables.everything()
    deployment.start("fetch_patches")
    record = deployment.result()
    assert record["requestContext"]["condition"] == "Success", record
    assert (record["responsePayload"]["new"], record["responsePayload"]["writes"]) == (0, 0)
    assert deployment.tables.everything() == before


def test_after_an_outage_of_the_archive_the_next_run_stores_everything(
    deployment: Deployment,
) -> None:
    deployment.out.add("lore")
    deployment.start("fetch_patches")
    record = deployment.result()
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorType"] == "OutageError"
    assert "fetch-discussions" in record["requestContext"]["functionArn"]
    # The patch is stored without its mail.
    (patch,) = deployment.tables.patches.by_status("new").items
    assert (patch.message_id, patch.thread) == ("p", "")
    assert not deployment.tables.discussions.by_thread("c").items

    deployment.out.clear()
    # Like an operator who repeats a failed invocation from the queue.
    deployment.start("fetch_discussions", record["requestPayload"])
    assert deployment.result()["requestContext"]["condition"] == "Success"
    check_everything_is_stored(deployment.tables)


def test_an_outage_of_patchwork_starts_nothing(deployment: Deployment) -> None:
    deployment.out.add("patchwork")
    deployment.start("fetch_patches")
    record = deployment.result()
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"]["errorType"] == "OutageError"
    assert deployment.sources.requests == 0
    assert not any(deployment.tables.everything().values())

    deployment.out.clear()
    deployment.start("fetch_patches")
    assert deployment.result()["requestContext"]["condition"] == "Success"
    check_everything_is_stored(deployment.tables)
