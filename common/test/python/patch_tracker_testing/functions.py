"""Shared tests of the functions, with an environment of tables, servers and a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from patch_tracker_testing.mails import make_mail
from patch_tracker_testing.sources import Sources, running_sources
from patch_tracker_testing.tables import PROJECT, Tables, new_tables

from lambda_core.contracts import Contract, parse_event
from lambda_core.errors import ConfigurationError, InvalidEventError
from lambda_testing.events import sample_events
from lambda_testing.fresh_interpreter import packages_after_import
from local_cloud.server import moto_server
from patch_tracker.contracts import unwrap_destination
from patch_tracker.models import MailKind

type World = tuple[Tables, Sources]
"""The tables and the servers of one test."""

NOT_IN_LAYERS = ("openpyxl", "polars", "moto", "feedparser")
"""Packages that the layers of the functions do not contain."""

WRONG_SETTINGS = {
    "CONTACT": "",
    "PATCHES_TABLE": "not a table",
    "LORE_URL": "file:///etc/passwd",
    "REQUEST_SPACING_SECONDS": "-1",
}

CONVERSATION = [
    make_mail("c", kind=MailKind.COVER),
    make_mail("p", parents=["c"], kind=MailKind.PATCH, minute=1),
    make_mail("r", parents=["p", "c"], minute=2),
]


@contextmanager
def function_environment(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Set the environment variables of the functions."""
    tables = new_tables(endpoint)
    with running_sources(CONVERSATION) as sources:
        for variable, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "PATCHES_TABLE": tables.names["patches"],
            "DISCUSSIONS_TABLE": tables.names["discussions"],
            "CONTACT": "tests@example.org",
            "PATCHWORK_URL": sources.patchwork.url,
            "PATCHWORK_PROJECT": PROJECT,
            "LORE_URL": sources.lore.url,
            "LORE_LIST": PROJECT,
            "REQUEST_SPACING_SECONDS": "0",
            # The generated mails are from 2021.
            "FIRST_DAYS": "3650",
            "REFRESH_DAYS": "3650",
        }.items():
            monkeypatch.setenv(variable, value)
        yield tables, sources


class FunctionTests:
    """Tests of a function. A subclass `Test…` specifies the function and adds its own tests.

    Attributes
    ----------
    function
        Module of the handler.
    request_model
        Model of the event.
    wrong
        A field with an invalid value.
    """

    function: ModuleType
    request_model: type[Contract]
    wrong: tuple[str, object]

    @pytest.fixture(scope="class")
    @classmethod
    def endpoint(cls) -> Iterator[str]:
        with moto_server() as url:
            yield url

    @pytest.fixture
    def world(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
        self.function._tracker.cache_clear()
        with function_environment(endpoint, monkeypatch) as found:
            yield found

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        """The sample events of the function."""
        assert self.function.__file__ is not None
        return sample_events(Path(self.function.__file__).parents[3] / "events")

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function."""
        answer: dict[str, Any] = self.function.handler(event, None)
        return answer

    @pytest.mark.parametrize("event", [[], "not an object", None])
    @pytest.mark.usefixtures("world")
    def test_an_event_must_be_an_object(self, event: Any) -> None:  # noqa: ANN401 - any JSON value
        with pytest.raises(InvalidEventError, match="the event is not a valid "):
            self.call(event)

    def test_the_sample_events_are_valid(self) -> None:
        for event in self.events.values():
            parse_event(self.request_model, unwrap_destination(event))

    def test_an_invalid_event_is_rejected_before_any_request(self, world: World) -> None:
        field, value = self.wrong
        with pytest.raises(InvalidEventError, match=field):
            self.call({field: value})
        assert world[1].requests == 0

    @pytest.mark.parametrize(("variable", "value"), WRONG_SETTINGS.items())
    def test_an_invalid_setting_is_named(
        self, world: World, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        with pytest.raises(ConfigurationError, match=variable):
            self.call({})

    def test_it_imports_only_packages_in_its_layers(self) -> None:
        loaded = packages_after_import(self.function.__name__, blocked=NOT_IN_LAYERS)
        assert loaded.isdisjoint(NOT_IN_LAYERS)
