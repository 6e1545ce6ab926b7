"""All three tiers compared with a model, for any order of operations and failures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aws_ssm_fetcher.core.cache import CLOCK_TOLERANCE, CacheManager
from aws_ssm_fetcher.core.cache_tiers import FILE_SUFFIX, entry_name
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.models import DomainModel, Launches

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS = st.sampled_from(["plain", "Plain", "../with/slashes", ""])
VALUES: st.SearchStrategy[object] = st.one_of(
    st.integers(),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    st.builds(Launches, source=st.sampled_from(["one", "two"]), failed=st.booleans()),
)
TTL = dt.timedelta(hours=24)


@dataclasses.dataclass(frozen=True)
class Stored:
    """An entry in one tier of the model; the content of a damaged entry is unknown."""

    value: object
    created: dt.datetime
    damaged: bool = False


type Place = dict[str, Stored]


class CacheMachine(RuleBasedStateMachine):
    """Memory, folder and bucket as three dictionaries, in this order."""

    s3: S3Client
    numbers: Iterator[int] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bucket = f"states-{next(self.numbers)}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.config = Config(
            cache_dir=str(Path(self.folder.name) / "cache"),
            cache_hours=TTL.total_seconds() / 3600,
            s3_cache_bucket=self.bucket,
        )
        self.now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
        self.memory: Place = {}
        self.files: Place = {}
        self.objects: Place = {}
        self.cache = self.fresh()

    def teardown(self) -> None:
        self.cache.clear_all()
        self.s3.delete_bucket(Bucket=self.bucket)
        self.folder.cleanup()

    def fresh(self) -> CacheManager:
        return CacheManager(self.config, s3_client=self.s3, clock=lambda: self.now)

    @property
    def places(self) -> tuple[Place, Place, Place]:
        return self.memory, self.files, self.objects

    @rule(key=KEYS, value=VALUES)
    def store(self, key: str, value: object) -> None:
        assert self.cache.set(key, value)
        for place in self.places:
            place[key] = Stored(value, self.now)

    @rule(key=KEYS)
    def look_up(self, key: str) -> None:
        found = self.cache.get(key)

        passed: list[Place] = []
        for place in self.places:
            stored = place.get(key)
            if stored is not None and (
                stored.damaged or stored.created > self.now + CLOCK_TOLERANCE
            ):
                del place[key]
            elif stored is not None and self.now < stored.created + TTL:
                assert found == stored.value
                assert isinstance(found, DomainModel) is isinstance(stored.value, DomainModel)
                for upper in passed:
                    upper[key] = stored
                return
            passed.append(place)
        assert found is None

    @rule(hours=st.sampled_from([0.5, 8, 23.999, 24, -0.05, -1, -30]))
    def change_the_clock(self, hours: float) -> None:
        self.now += dt.timedelta(hours=hours)

    @rule()
    def start_anew(self) -> None:
        self.cache = self.fresh()
        self.memory.clear()

    @rule()
    def lose_the_folder(self) -> None:
        for file in self.file_paths():
            file.unlink()
        if self.cache.cache_dir.exists():
            self.cache.cache_dir.rmdir()
        self.files.clear()

    @precondition(lambda self: self.files)
    @rule(data=st.data(), keep=st.floats(0, 0.999))
    def cut_a_file_short(self, data: st.DataObject, keep: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.files)))
        path = self.cache.cache_dir / f"{entry_name(key)}{FILE_SUFFIX}"
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        self.files[key] = dataclasses.replace(self.files[key], damaged=True)

    @precondition(lambda self: self.objects)
    @rule(data=st.data(), where=st.floats(0, 0.999))
    def overwrite_a_byte_of_an_object(self, data: st.DataObject, where: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.objects)))
        name = f"cache/{entry_name(key)}.json"
        stored = self.s3.get_object(Bucket=self.bucket, Key=name)
        content = bytearray(stored["Body"].read())
        content[int(len(content) * where)] = 0
        self.s3.put_object(
            Bucket=self.bucket, Key=name, Body=bytes(content), Metadata=stored["Metadata"]
        )
        self.objects[key] = dataclasses.replace(self.objects[key], damaged=True)

    @rule()
    def clear(self) -> None:
        assert self.cache.clear_all() == len(set().union(*self.places))
        for place in self.places:
            place.clear()

    @invariant()
    def every_place_holds_what_the_model_says(self) -> None:
        assert len(self.file_paths()) == len(self.files)
        assert self.s3.list_objects_v2(Bucket=self.bucket)["KeyCount"] == len(self.objects)

    @invariant()
    def info_tells_which_files_are_valid(self) -> None:
        valid = {
            key
            for key, stored in self.files.items()
            if not stored.damaged
            and stored.created <= self.now + CLOCK_TOLERANCE
            and self.now < stored.created + TTL
        }
        assert {entry.key for entry in self.cache.info().entries if entry.valid} == valid

    def file_paths(self) -> list[Path]:
        directory = self.cache.cache_dir
        return sorted(directory.iterdir()) if directory.exists() else []


@pytest.fixture
def s3(aws_environment: str) -> S3Client:
    return boto3.client("s3", endpoint_url=aws_environment, region_name="us-east-1")


def test_the_cache_behaves_like_three_dictionaries(s3: S3Client) -> None:
    CacheMachine.s3 = s3

    # Each example makes many S3 calls, so there are fewer examples than elsewhere.
    examples = settings().max_examples // 3
    run_state_machine_as_test(
        CacheMachine, settings=settings(max_examples=examples, stateful_step_count=25)
    )
