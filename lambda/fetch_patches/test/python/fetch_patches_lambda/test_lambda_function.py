from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patch_tracker_testing.functions import function_environment
from patch_tracker_testing.sources import Sources
from patch_tracker_testing.tables import Tables

from fetch_patches_lambda import lambda_function
from lambda_core.errors import ConfigurationError
from lambda_testing.events import sample_events
from lambda_testing.fresh_interpreter import packages_after_import
from local_cloud.server import moto_server
from patch_tracker.contracts import FetchPatchesRequest, parse_request
from patch_tracker.errors import InvalidRequestError

pytest_plugins = ["lambda_testing.pytest_plugin"]

EVENTS = sample_events(Path(__file__).parents[3] / "events")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def world(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Tables, Sources]]:
    lambda_function._tracker.cache_clear()
    with function_environment(endpoint, monkeypatch) as found:
        yield found


def call(event: dict[str, Any]) -> dict[str, Any]:
    return lambda_function.handler(event, None)


@pytest.mark.parametrize("name", EVENTS)
def test_the_sample_events_are_valid(name: str) -> None:
    parse_request(FetchPatchesRequest, EVENTS[name])


def test_it_stores_what_changed_and_nothing_twice(world: tuple[Tables, Sources]) -> None:
    tables, sources = world
    first = call({})
    assert (first["mode"], first["written"], first["message_ids"]) == ("changes", 1, ["p"])
    assert tables.patches.by_message_id("p").status == "new"
    again = call({})
    assert (again["events"], again["requests"], again["writes"]) == (0, 1, 0)
    sources.patchwork.set_state("p", "under-review", event=False)
    assert call({"mode": "refresh"})["written"] == 1
    sources.patchwork.set_state("p", "accepted")
    assert call({"mode": "changes"})["written"] == 1
    assert tables.patches.by_message_id("p").status == "accepted"


def test_a_wrong_event_is_told_before_anything_is_done(world: tuple[Tables, Sources]) -> None:
    with pytest.raises(InvalidRequestError, match="mode"):
        call({"mode": "everything"})
    assert world[1].requests == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONTACT", ""),
        ("PATCHES_TABLE", "no table"),
        ("LORE_URL", "file:///etc/passwd"),
        ("REQUEST_SPACING_SECONDS", "-1"),
    ],
)
def test_a_wrong_setting_is_named(
    world: tuple[Tables, Sources], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        call({})


def test_it_imports_what_its_layers_have() -> None:
    elsewhere = ["openpyxl", "polars", "moto", "feedparser"]
    assert packages_after_import(
        "fetch_patches_lambda.lambda_function", blocked=elsewhere
    ).isdisjoint(elsewhere)
