"""Tests that apply to every function between the first stage and the last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aws_ssm_fetcher_testing.catalogs import small_catalog
from aws_ssm_fetcher_testing.stage_runs import fetched, request_after

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import StageRequest, StageResult
from aws_ssm_fetcher.stages.process import process
from lambda_core.contracts import parse_event
from lambda_core.errors import ConfigurationError, InvalidEventError, ProcessingError
from lambda_testing.events import sample_events
from lambda_testing.fresh_interpreter import packages_after_import


class StageFunctionTests:
    """Tests of a function, which a subclass with a name that begins with `Test` defines.

    Attributes
    ----------
    function
        The module of its handler.
    stage
        The stage in its results.
    after
        The prefix of the artefacts of the stage that must run before it.
    writes
        The key of an artefact that it writes.
    elsewhere
        Packages in the layers of other functions.
    """

    function: ModuleType
    stage: str
    after: str
    writes: str
    elsewhere: Sequence[str]

    @pytest.fixture(autouse=True)
    def _cold_start(self) -> None:
        self.function._store.cache_clear()

    @pytest.fixture
    def store(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> ArtefactStore:
        monkeypatch.setenv("OUTPUT_S3_BUCKET", bucket)
        return ArtefactStore.open(bucket)

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        """The sample events of the function."""
        assert self.function.__file__ is not None
        return sample_events(Path(self.function.__file__).parents[3] / "events")

    def test_the_sample_events_are_valid(self) -> None:
        for event in self.events.values():
            parse_event(StageRequest, event)

    def test_it_returns_a_result(self, store: ArtefactStore) -> None:
        before = fetched(store, "run-1", small_catalog())
        if self.after == "processed-data":
            before = process(request_after(before), store)
        answer = self.function.handler(request_after(before).model_dump(mode="json"), None)
        result = parse_event(StageResult, answer)
        assert result.statistics.stage == self.stage
        assert result.statistics.pairs == 7
        store.read(self.writes)

    def test_a_failure_is_raised(self, store: ArtefactStore) -> None:
        location = store.location(f"{self.after}/run-1/")
        with pytest.raises(ProcessingError, match="is missing"):
            self.function.handler({"execution_id": "run-1", "data_location": location}, None)
        with pytest.raises(InvalidEventError, match="data_location: Field required"):
            self.function.handler({"execution_id": "run-1"}, None)

    def test_a_bucket_that_is_not_set_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match="OUTPUT_S3_BUCKET is not set"):
            self.function.handler(next(iter(self.events.values())), None)

    def test_it_imports_only_packages_of_its_layers(self) -> None:
        loaded = packages_after_import(self.function.__name__, blocked=self.elsewhere)
        assert loaded.isdisjoint(self.elsewhere)
