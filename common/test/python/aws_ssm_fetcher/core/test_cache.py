from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import math
import os
import stat
import subprocess
import sys
import textwrap
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import AwareDatetime, JsonValue

from aws_ssm_fetcher.core.cache import (
    CLOCK_TOLERANCE,
    MAX_DEPTH,
    MAX_INTEGER_BITS,
    CacheError,
    CacheManager,
    UncacheableError,
    cache_key,
)
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.models import (
    Availability,
    Catalog,
    Completeness,
    CrossCheck,
    DomainModel,
    Launches,
    Pair,
    Part,
    Provenance,
    Region,
    RegionLaunch,
    Service,
    Zones,
)
from aws_ssm_fetcher.report import Column, ColumnKind, Table
from lambda_core import aws
from lambda_testing.fault_proxy import (
    Action,
    Fault,
    FaultProxy,
    always,
    first,
    reset_connection,
    respond,
    truncate,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR = dt.timedelta(hours=1)
LOGGER = "aws_ssm_fetcher.core.cache"


class FakeClock:
    def __init__(self) -> None:
        self.now = dt.datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(cache_dir=str(tmp_path / "cache"))


@pytest.fixture
def cache(config: Config, clock: FakeClock) -> CacheManager:
    return CacheManager(config, clock=clock)


@pytest.fixture
def s3(aws_environment: str) -> S3Client:
    return boto3.client("s3", endpoint_url=aws_environment, region_name="us-east-1")


def folder(config: Config) -> Path:
    return Path(config.cache_dir)


def cache_files(config: Config) -> list[Path]:
    return sorted(folder(config).iterdir())


def only_file(config: Config) -> Path:
    (file,) = cache_files(config)
    return file


def rewritten(path: Path, **changes: object) -> None:
    """Change an entry without updating its digest."""
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


CATALOG = Catalog(
    regions=(
        Region(
            code="af-south-1", name="Africa (Cape Town)", zones=Zones(availability=("afs1-az1",))
        ),
        Region(code="eusc-de-east-1"),
    ),
    services=(Service(code="EC2"), Service(code="bcm-data-exports", listed=False)),
    availability=(
        Availability(region_code="af-south-1", service_codes=("EC2", "bcm-data-exports")),
        Availability(region_code="eusc-de-east-1", service_codes=()),
    ),
    provenance=Provenance(
        source="snapshot in moto 5.2.5",
        live=False,
        fetched_at=dt.datetime(2026, 3, 1, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=5))),
        data_as_of=dt.date(2025, 8, 1),
        calls={"GetParametersByPath": 947},
    ),
    completeness=Completeness(
        parts=(Part(name="zones", expected=3, received=2, missing=("a",), required=False),)
    ),
    cross_check=CrossCheck(
        only_in_regions_tree=(Pair(region_code="af-south-1", service_code="EC2"),),
        only_in_services_tree=(),
    ),
)
LAUNCHES = Launches(
    source="https://example.org/ü?a=b",
    launches=(RegionLaunch(region_code="af-south-1", launched_on=dt.date(2020, 4, 22)),),
    warnings=("an item could not be read: ✗",),
)
TABLE = Table(
    columns=(Column(key="a", title="A", kind=ColumnKind.MIXED), Column(key="b", title="B")),
    rows=((1, 1.0), (True, "1"), (None, -0.0), (2**80, 1e300)),
)


# Values that are returned unchanged

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_CODES = st.lists(st.text(min_size=1), unique=True, max_size=4).map(sorted)
_TEXTS = st.lists(st.text(), max_size=3).map(tuple)
_MOMENTS = st.datetimes(
    timezones=st.integers(-1439, 1439).map(
        lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
    )
)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    regions, services = draw(_CODES), draw(_CODES)
    names = st.none() | st.text()
    present = st.sets(st.sampled_from(services)) if services else st.just(set[str]())
    zones = st.none() | st.builds(Zones, availability=_TEXTS, local=_TEXTS, wavelength=_TEXTS)
    return Catalog(
        regions=tuple(
            Region(code=code, name=draw(names), country=draw(names), zones=draw(zones))
            for code in regions
        ),
        services=tuple(
            Service(code=code, name=draw(names), listed=draw(st.booleans())) for code in services
        ),
        availability=tuple(
            Availability(region_code=code, service_codes=tuple(sorted(draw(present))))
            for code in regions
        ),
        provenance=Provenance(
            source=draw(st.text()),
            live=draw(st.booleans()),
            fetched_at=draw(_MOMENTS),
            data_as_of=draw(st.none() | st.dates()),
            calls=draw(st.dictionaries(st.text(), st.integers(), max_size=3)),
        ),
    )


_MODELS: st.SearchStrategy[DomainModel] = st.one_of(
    catalogs(),
    st.builds(
        Launches,
        source=st.text(),
        launches=st.lists(
            st.builds(RegionLaunch, region_code=st.text(min_size=1), launched_on=st.dates())
        ).map(tuple),
        warnings=_TEXTS,
        failed=st.booleans(),
    ),
    st.builds(
        Table,
        columns=st.just(()),
        rows=st.lists(
            st.lists(
                st.none()
                | st.booleans()
                | st.integers()
                | st.text()
                | st.floats(allow_nan=False, allow_infinity=False)
            ).map(tuple)
        ).map(tuple),
    ),
)


@given(value=_JSON)
@example(value=[True, 1, 1.0, 0, False, -0.0, 0.0, 5e-324, 2**MAX_INTEGER_BITS - 1, "\0\u2028é😀"])
@example(value={"b": None, "a": {"": []}, "1": 1})
def test_json_values_are_returned_unchanged_from_memory_and_file(
    tmp_path_factory: pytest.TempPathFactory, value: JsonValue
) -> None:
    config = Config(cache_dir=str(tmp_path_factory.mktemp("cache")))
    cache = CacheManager(config)

    assert cache.set("key", value)

    # repr distinguishes what == does not: 1, 1.0 and True, 0.0 and -0.0, and the order of keys.
    assert repr(cache.get("key")) == repr(value)
    assert repr(CacheManager(config).get("key")) == repr(value)


@given(model=_MODELS)
@example(model=CATALOG)
@example(model=LAUNCHES)
@example(model=TABLE)
def test_models_are_returned_unchanged_from_memory_and_file(
    tmp_path_factory: pytest.TempPathFactory, model: DomainModel
) -> None:
    config = Config(cache_dir=str(tmp_path_factory.mktemp("cache")))
    cache = CacheManager(config)

    assert cache.set("key", model)

    for found in (cache.get("key"), CacheManager(config).get("key")):
        assert type(found) is type(model)
        assert found == model


@pytest.mark.parametrize("value", [CATALOG, LAUNCHES, TABLE, {"a": [1, 1.5, None, "✓"]}])
def test_values_are_returned_unchanged_from_s3(
    config: Config, bucket: str, s3: S3Client, value: object
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    assert CacheManager(config, s3_client=s3).set("key", value)
    only_file(config).unlink()

    assert CacheManager(config, s3_client=s3).get("key") == value


def test_cells_keep_their_types(config: Config) -> None:
    CacheManager(config).set("key", TABLE)

    found = CacheManager(config).get("key")

    assert isinstance(found, Table)
    assert repr(found.rows) == repr(TABLE.rows)


def test_what_a_caller_does_to_a_value_does_not_reach_the_cache(cache: CacheManager) -> None:
    value = {"codes": ["ec2"]}
    cache.set("key", value)
    value["codes"].append("mine")
    found: Any = cache.get("key")
    found["codes"].clear()

    assert cache.get("key") == {"codes": ["ec2"]}


def test_a_later_value_replaces_the_earlier(
    cache: CacheManager, config: Config, clock: FakeClock
) -> None:
    cache.set("key", 1)
    cache.set("key", 2)

    assert cache.get("key") == 2
    assert CacheManager(config, clock=clock).get("key") == 2


class _Number(IntEnum):
    ONE = 1


class _Text(str):
    __slots__ = ()


class _Loose(DomainModel):
    """A model whose field accepts any value."""

    held: Any = None
    at: AwareDatetime | None = None


def _endless() -> list[object]:
    inner: list[object] = []
    inner.append(inner)
    return inner


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (object(), "type object"),
        ((1, 2), "type tuple"),
        ({1, 2}, "type set"),
        (b"bytes", "type bytes"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "type datetime"),
        (Path("x"), "type PosixPath"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (1 << MAX_INTEGER_BITS, "bits"),
        (_Number.ONE, "type _Number"),
        (_Text("x"), "type _Text"),
        (OrderedDict(a=1), "type OrderedDict"),
        ({1: "a"}, "the key 1"),
        ({None: "a"}, "the key None"),
        ("\ud800", "Unicode"),
        ("\ud83d\ude00", "Unicode"),
        ({"\udcff": 1}, "Unicode"),
        ([CATALOG], "type Catalog"),
        (Catalog, "type ModelMetaclass"),
        (_endless(), "nested"),
        (_nested(MAX_DEPTH + 1), "nested"),
        (DomainModel(), "DomainModel"),
        (_Loose(held=(1, 2)), "JSON would change this _Loose"),
        (_Loose(held={1: 2}), "JSON would change this _Loose"),
        (_Loose(held=math.nan), "JSON would change this _Loose"),
        (_Loose(held="\ud800"), "_Loose cannot be stored"),
        (_Loose(held=object()), "_Loose cannot be stored"),
        (_Loose(held=_endless()), "_Loose cannot be stored"),
        (_Loose(held=10**5000), "_Loose cannot be stored"),
        (_Loose(held=_nested(10 * MAX_DEPTH)), "_Loose cannot be stored"),
    ],
)
def test_values_that_would_change_are_refused(
    cache: CacheManager, config: Config, wrong: object, said: str
) -> None:
    with pytest.raises(UncacheableError, match=said) as caught:
        cache.set("key", wrong)

    assert isinstance(caught.value, TypeError)
    assert cache.get("key") is None
    assert not folder(config).exists()


def test_an_error_names_the_place_in_the_value(cache: CacheManager) -> None:
    with pytest.raises(UncacheableError) as caught:
        cache.set("key", {"rows": [1, {"when": dt.date(2026, 1, 1)}]})

    assert str(caught.value) == (
        "the value['rows'][1]['when'] is of type date; only JSON values and models can be cached"
    )


def test_containers_may_be_nested_up_to_the_limit(cache: CacheManager) -> None:
    cache.set("json", _nested(MAX_DEPTH))
    cache.set("model", _Loose(held=_nested(MAX_DEPTH - 1)))

    assert cache.get("json") == _nested(MAX_DEPTH)
    assert cache.get("model") == _Loose(held=_nested(MAX_DEPTH - 1))


def test_an_invalid_model_is_refused_without_warnings(
    cache: CacheManager, recwarn: pytest.WarningsRecorder
) -> None:
    fields: dict[str, Any] = {"source": "x", "failed": "perhaps"}
    wrong = Launches.model_construct(**fields)

    with pytest.raises(UncacheableError, match="this Launches cannot be stored as JSON"):
        cache.set("key", wrong)
    assert not recwarn.list


def test_two_models_of_one_name_are_not_confused(cache: CacheManager) -> None:
    def make() -> type[DomainModel]:
        class Twin(DomainModel):
            pass

        return Twin

    first, second = make(), make()

    for twin in (first, second):
        try:
            cache.set("key", twin())
        except UncacheableError:
            continue
        assert type(cache.get("key")) is twin


# Time to live


def test_nothing_is_there_before_it_is_set(cache: CacheManager, config: Config) -> None:
    assert cache.get("key") is None
    assert not folder(config).exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_an_entry_lives_for_its_hours_and_not_longer(
    config: Config, clock: FakeClock, *, fresh: bool
) -> None:
    cache = CacheManager(config, clock=clock)
    cache.set("key", "value")
    reader = CacheManager(config, clock=clock) if fresh else cache

    clock.now += 24 * HOUR - dt.timedelta(microseconds=1)
    assert reader.get("key") == "value"
    clock.now += dt.timedelta(microseconds=1)
    assert reader.get("key") is None


def test_promotion_does_not_make_an_entry_younger(
    config: Config, clock: FakeClock, bucket: str, s3: S3Client
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3, clock=clock).set("key", "value")
    only_file(config).unlink()
    clock.now += 20 * HOUR
    reader = CacheManager(config, s3_client=s3, clock=clock)
    assert reader.get("key") == "value"  # into file and memory

    clock.now += 4 * HOUR
    assert reader.get("key") is None
    assert CacheManager(replace(config, s3_cache_bucket=None), clock=clock).get("key") is None


def test_what_was_promoted_is_found_without_the_lower_tiers(
    config: Config, bucket: str, s3: S3Client
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3).set("key", "value")
    only_file(config).unlink()
    reader = CacheManager(config, s3_client=s3)

    assert reader.get("key") == "value"
    s3.delete_object(Bucket=bucket, Key="cache/key.json")
    assert CacheManager(config, s3_client=s3).get("key") == "value"  # from the file
    only_file(config).unlink()
    assert reader.get("key") == "value"  # from memory


def test_a_younger_entry_further_down_is_found_behind_an_expired_one(
    config: Config, clock: FakeClock, tmp_path: Path, bucket: str, s3: S3Client
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    other_host = replace(config, cache_dir=str(tmp_path / "other"))
    cache = CacheManager(config, s3_client=s3, clock=clock)
    cache.set("key", "old")
    clock.now += 25 * HOUR
    CacheManager(other_host, s3_client=s3, clock=clock).set("key", "new")

    assert cache.get("key") == "new"
    assert CacheManager(config, s3_client=s3, clock=clock).get("key") == "new"


def test_a_reader_who_wants_younger_entries_gets_no_older_ones(
    config: Config, clock: FakeClock
) -> None:
    CacheManager(config, clock=clock).set("key", "value")
    impatient = CacheManager(replace(config, cache_hours=2.0), clock=clock)
    clock.now += 2 * HOUR

    assert impatient.get("key") is None
    assert CacheManager(config, clock=clock).get("key") == "value"


def test_one_who_needs_young_data_leaves_the_older_to_others(
    config: Config, clock: FakeClock
) -> None:
    CacheManager(config, clock=clock).set("old", "value")
    clock.now += 2 * HOUR
    picky = CacheManager(config, clock=clock, max_age_hours=2)
    assert picky.get("old") is None
    assert picky.set("new", "value")
    assert picky.get("new") == "value"
    clock.now += 20 * HOUR
    assert CacheManager(config, clock=clock).get("old") == "value"
    assert CacheManager(config, clock=clock).get("new") == "value"
    assert CacheManager(config, clock=clock, max_age_hours=0).get("new") is None
    assert CacheManager(config, clock=clock, max_age_hours=99).get("new") == "value"
    clock.now += 2 * HOUR
    assert CacheManager(config, clock=clock, max_age_hours=99).get("old") is None


def test_a_reader_with_patience_does_not_prolong_an_entry(config: Config, clock: FakeClock) -> None:
    CacheManager(replace(config, cache_hours=2.0), clock=clock).set("key", "value")
    clock.now += 2 * HOUR

    assert CacheManager(config, clock=clock).get("key") is None


@pytest.mark.parametrize("off", [{"cache_enabled": False}, {"cache_hours": 0.0}])
def test_a_cache_that_is_off_touches_nothing(
    config: Config, clock: FakeClock, off: dict[str, Any]
) -> None:
    CacheManager(config, clock=clock).set("key", "value")
    cache = CacheManager(replace(config, **off), clock=clock)
    before = {path: path.read_bytes() for path in cache_files(config)}

    assert cache.get("key") is None
    assert cache.set("key", "new") is False
    assert cache.set("other", "new") is False
    assert cache.get("other") is None
    assert {path: path.read_bytes() for path in cache_files(config)} == before


def test_a_cache_that_is_off_makes_no_folder(config: Config) -> None:
    cache = CacheManager(replace(config, cache_enabled=False))
    cache.set("key", "value")

    assert not folder(config).exists()


def test_times_are_in_utc_for_any_time_zone_of_the_clock(config: Config, clock: FakeClock) -> None:
    clock.now = clock.now.astimezone(dt.timezone(-8 * HOUR))
    CacheManager(config, clock=clock).set("key", "value")

    envelope = json.loads(only_file(config).read_bytes())
    assert envelope["created"] == "2026-03-01T12:30:15.123456Z"
    assert envelope["expires"] == "2026-03-02T12:30:15.123456Z"
    assert CacheManager(config, clock=clock).get("key") == "value"


# Damaged entries


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _one_letter_changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"value-1", b"value-2"))


@pytest.mark.parametrize(
    "damage",
    [
        _cut_short,
        _emptied,
        _one_letter_changed,
        lambda path: path.write_bytes(b"\x80\x04\x95\xff"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text('{"value": NaN}'),
        lambda path: rewritten(path, version=2),
        lambda path: rewritten(path, key="other"),
        lambda path: rewritten(path, expires="2099-01-01T00:00:00Z"),
        lambda path: rewritten(path, expires="2099-01-01T00:00:00"),
        lambda path: rewritten(path, more=1),
        lambda path: rewritten(path, model="Catalog"),
        lambda path: rewritten(path, digest="0" * 64),
    ],
)
def test_a_damaged_file_is_dropped_and_logged(
    config: Config, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    CacheManager(config).set("key", "value-1")
    damage(only_file(config))
    cache = CacheManager(config)

    with caplog.at_level(logging.WARNING, LOGGER):
        assert cache.get("key") is None

    assert "Removed cache entry 'key' from the file tier: " in caplog.text
    assert cache_files(config) == []
    assert cache.set("key", "again")
    assert CacheManager(config).get("key") == "again"


def test_a_file_under_the_name_of_another_key_is_a_miss(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    CacheManager(config).set("mine", "value")
    only_file(config).rename(folder(config) / "yours.cache.json")

    assert CacheManager(config).get("yours") is None
    assert "it belongs to another key, 'mine'" in caplog.text


def test_an_entry_from_the_future_is_damaged(
    config: Config, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    CacheManager(config, clock=clock).set("key", "value")
    clock.now -= CLOCK_TOLERANCE
    assert CacheManager(config, clock=clock).get("key") == "value"

    clock.now -= dt.timedelta(microseconds=1)
    assert CacheManager(config, clock=clock).get("key") is None
    assert "from the future" in caplog.text
    assert cache_files(config) == []


def test_a_model_that_has_changed_since_is_a_miss(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    class Changing(DomainModel):
        old: int

    CacheManager(config).set("key", Changing(old=1))
    Changing.__name__ = "Renamed"

    assert CacheManager(config).get("key") is None
    assert "it contains a Changing, a model that this program does not have" in caplog.text


def test_a_model_whose_fields_have_changed_is_a_miss(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    class Before(DomainModel):
        old: int

    class After(DomainModel):
        new: int

    CacheManager(config).set("key", Before(old=1))
    Before.__name__, After.__name__ = "Formerly", "Before"

    assert CacheManager(config).get("key") is None
    assert "it does not match the fields of the model Before" in caplog.text


def test_a_damaged_object_is_dropped_from_s3_and_logged(
    config: Config, bucket: str, s3: S3Client, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    s3.put_object(Bucket=bucket, Key="cache/key.json", Body=b'{"version": 1')

    assert CacheManager(config, s3_client=s3).get("key") is None
    assert "Removed cache entry 'key' from the S3 tier" in caplog.text
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_damaged_file_is_replaced_from_s3(config: Config, bucket: str, s3: S3Client) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3).set("key", "value")
    whole = only_file(config).read_bytes()
    _cut_short(only_file(config))

    assert CacheManager(config, s3_client=s3).get("key") == "value"
    assert only_file(config).read_bytes() == whole


# Locations

_KEYS = st.text(max_size=40) | st.text("abAB./\\~%-_\0", max_size=8) | st.text("aB", min_size=90)


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "../outside",
        "/etc/passwd",
        "a/../../b",
        "nul\0inside",
        "k" * 10_000,
        "é" * 10_000,
        "sp ace\nline",
        "~",
        "C:\\x",
        "key.cache.json",
        "*",
    ],
)
def test_any_key_stays_in_the_folder(config: Config, tmp_path: Path, key: str) -> None:
    cache = CacheManager(config)

    assert cache.set(key, "value")

    assert CacheManager(config).get(key) == "value"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [only_file(config)]
    assert cache.clear_all() == 1
    assert cache_files(config) == []


def test_awkward_keys_stay_below_the_prefix_in_s3(
    config: Config, bucket: str, s3: S3Client
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    keys = ["", "..", "../reports/x", "a/b", "A", "a", "k" * 2000, "nul\0é", "cache/key.json"]
    cache = CacheManager(config, s3_client=s3)
    for key in keys:
        assert cache.set(key, key)
    for path in cache_files(config):
        path.unlink()

    reader = CacheManager(config, s3_client=s3)
    assert [reader.get(key) for key in keys] == keys
    stored = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(stored) == len(keys)
    assert all(key.startswith("cache/") and key.count("/") == 1 for key in stored)


@pytest.mark.parametrize("key", ["catalog", "launches-us-east-1", "a.b_c-1", "0" * 80])
def test_plain_keys_are_names_that_people_know(
    config: Config, bucket: str, s3: S3Client, key: str
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3).set(key, "value")

    assert only_file(config).name == f"{key}.cache.json"
    stored = s3.get_object(Bucket=bucket, Key=f"cache/{key}.json")
    assert stored["ContentType"] == "application/json"
    envelope = json.loads(stored["Body"].read())
    assert list(envelope) == ["version", "key", "model", "created", "expires", "value", "digest"]
    assert (envelope["key"], envelope["model"], envelope["value"]) == (key, None, "value")


@given(keys=st.lists(_KEYS, unique=True, min_size=2, max_size=6))
@example(keys=["key", "Key", "KEY", "key~", "kEy"])
@example(keys=["A", *(f"a{mark}{hashlib.sha256(b'A').hexdigest()}" for mark in "-~")])
@example(keys=["a" * 80, "a" * 81, "a" * 82])
@example(keys=["ß", "ẞ", "ss", "é", "e\u0301", "İ", "i"])
def test_no_two_keys_share_a_file_even_if_case_is_ignored(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str]
) -> None:
    config = Config(cache_dir=str(tmp_path_factory.mktemp("cache")))
    cache = CacheManager(config)
    for key in keys:
        cache.set(key, key)

    assert len({path.name.casefold() for path in cache_files(config)}) == len(keys)
    assert all(path.name.isascii() and len(path.name) <= 200 for path in cache_files(config))
    assert [CacheManager(config).get(key) for key in keys] == keys


@pytest.mark.parametrize("key", ["\ud800", "\ud83d\ude00"])
def test_a_key_that_is_not_valid_unicode_is_rejected(cache: CacheManager, key: str) -> None:
    with pytest.raises(UncacheableError, match="not valid Unicode"):
        cache.get(key)
    with pytest.raises(UncacheableError, match="not valid Unicode"):
        cache.set(key, 1)


def test_only_the_owner_can_read_the_files(cache: CacheManager, config: Config) -> None:
    cache.set("key", "value")

    assert stat.S_IMODE(folder(config).stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(config).stat().st_mode) == 0o600


def test_a_folder_that_is_there_keeps_its_permissions(cache: CacheManager, config: Config) -> None:
    folder(config).mkdir(mode=0o755)
    folder(config).chmod(0o755)
    cache.set("key", "value")

    assert stat.S_IMODE(folder(config).stat().st_mode) == 0o755


def test_a_write_that_fails_leaves_the_old_entry_and_no_rest(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    cache = CacheManager(config)
    (folder(config) / "key.cache.json").mkdir(parents=True)  # a file cannot replace it

    assert cache.set("key", "value") is False

    assert cache.get("key") == "value"  # memory has it
    assert [path.name for path in cache_files(config)] == ["key.cache.json"]
    assert "The cache no longer uses its file tier" in caplog.text


def test_a_folder_that_cannot_be_created_disables_only_the_file_tier(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = CacheManager(Config(cache_dir=str(tmp_path / "file" / "cache")))

    assert cache.set("key", "value") is False
    assert cache.set("other", "value") is False
    assert cache.get("key") == "value"
    assert len(caplog.records) == 1
    assert str(tmp_path / "file") in caplog.text


# Clearing and inspecting


def test_clearing_removes_and_counts_every_key_once(
    config: Config, clock: FakeClock, bucket: str, s3: S3Client
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    cache = CacheManager(config, s3_client=s3, clock=clock)
    cache.set("everywhere", 1)
    cache.set("expired/and awkward", 2)
    cache.set("damaged", 3)
    s3.delete_object(Bucket=bucket, Key="cache/damaged.json")
    (folder(config) / "damaged.cache.json").write_bytes(b"")
    cache.set("only in s3", 4)
    for file in folder(config).glob("only-in-s3*"):
        file.unlink()
    others = [
        "cache/deeper/not-ours.json",
        "cache/everywhere.json.bak",
        "cache/not-ours.json",
        f"cache/not-ours~{'0' * 64}.json",
        "cache/readme.txt",
        "reports/summary.json",
    ]
    for name in others:
        s3.put_object(Bucket=bucket, Key=name, Body=b"{}")
    clock.now += 1000 * HOUR

    assert cache.clear_all() == 4

    assert cache.get("everywhere") is None
    assert cache_files(config) == []
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == others
    assert cache.clear_all() == 0


def test_an_object_that_cannot_be_identified_stays_and_is_an_error(
    config: Config, bucket: str, s3: S3Client, moto_server: str
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3).set("key", "value")

    with FaultProxy(
        moto_server, [Fault(lambda request: "key.json" in request.path, respond(403, _DENIED))]
    ) as proxy:
        client = aws.client("s3", region="us-east-1", endpoint_url=proxy.url)
        cache = CacheManager(config, s3_client=client)
        with pytest.raises(CacheError, match=r"the S3 tier: .*cache/key\.json"):
            cache.clear_all()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_clearing_leaves_other_files_alone(cache: CacheManager, config: Config) -> None:
    cache.set("key", "value")
    others = {"notes.json", "key.json.bak", ".writing-now"}
    for name in others:
        (folder(config) / name).touch()
    (folder(config) / "folder.cache.json").mkdir()

    assert cache.clear_all() == 1
    assert {path.name for path in cache_files(config)} == others | {"folder.cache.json"}


def test_clearing_removes_what_a_killed_writer_left(cache: CacheManager, config: Config) -> None:
    folder(config).mkdir()
    abandoned = folder(config) / ".writing-long-ago"
    other = folder(config) / "notes.txt"
    for path in (abandoned, other):
        path.touch()
        os.utime(path, (0, 0))

    assert cache.clear_all() == 0
    assert cache_files(config) == [other]


def test_clearing_an_empty_cache_creates_nothing(cache: CacheManager, config: Config) -> None:
    assert cache.clear_all() == 0
    assert not folder(config).exists()


def test_clearing_works_if_the_cache_is_off(cache: CacheManager, config: Config) -> None:
    cache.set("key", "value")

    assert CacheManager(replace(config, cache_enabled=False)).clear_all() == 1
    assert cache_files(config) == []


def test_failed_clearing_names_the_tier_and_clears_the_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = CacheManager(Config(cache_dir=str(tmp_path / "file")))
    cache.set("key", "value")

    with pytest.raises(CacheError, match=r"the file tier: .*file") as caught:
        cache.clear_all()

    assert caught.value.context["removed"] == 1
    assert cache.get("key") is None


def test_clearing_an_unreachable_bucket_fails(config: Config, bucket: str, s3: S3Client) -> None:
    config = replace(config, s3_cache_bucket=bucket + "-gone")
    cache = CacheManager(config, s3_client=s3)
    assert cache.set("key", "value") is False

    with pytest.raises(CacheError, match="the S3 tier"):
        cache.clear_all()
    assert cache_files(config) == []


def test_info_describes_the_entries(config: Config, clock: FakeClock) -> None:
    CacheManager(config, clock=clock).set("old", "value")
    clock.now += 23 * HOUR
    cache = CacheManager(config, clock=clock)
    cache.set("new/awkward", CATALOG)
    (folder(config) / "broken.cache.json").write_bytes(b"{")
    (folder(config) / "other.txt").write_bytes(b"{")
    (folder(config) / "moved.cache.json").write_bytes(
        (folder(config) / "old.cache.json").read_bytes()
    )
    clock.now += HOUR

    info = cache.info()

    assert (info.directory, info.enabled, info.ttl_hours) == (folder(config), True, 24)
    assert info.s3_bucket is None
    assert info.files == 4
    assert info.total_size == sum(
        path.stat().st_size for path in folder(config).glob("*.cache.json")
    )
    broken, moved, new, old = info.entries
    assert (broken.file, broken.size, broken.valid) == ("broken.cache.json", 1, False)
    assert (broken.key, broken.created, broken.expires) == (None, None, None)
    assert (moved.file, moved.valid, moved.key) == ("moved.cache.json", False, None)
    assert (new.key, new.valid) == ("new/awkward", True)
    assert (new.created, new.expires) == (clock.now - HOUR, clock.now + 23 * HOUR)
    assert (old.key, old.valid) == ("old", False)
    assert (old.created, old.expires) == (clock.now - 24 * HOUR, clock.now)
    assert (folder(config) / "broken.cache.json").exists()


def test_info_agrees_with_get_for_an_impatient_reader(config: Config, clock: FakeClock) -> None:
    CacheManager(config, clock=clock).set("key", "value")
    clock.now += 3 * HOUR
    impatient = CacheManager(replace(config, cache_hours=2.0), clock=clock)

    (entry,) = impatient.info().entries

    assert not entry.valid
    assert entry.expires == clock.now - HOUR


def test_info_of_nothing(cache: CacheManager, config: Config) -> None:
    info = cache.info()

    assert (info.files, info.total_size, info.entries) == (0, 0, ())
    assert str(info).splitlines() == [
        60 * "=",
        "CACHE INFORMATION",
        60 * "=",
        f"Cache Directory: {config.cache_dir}",
        "TTL Hours: 24",
        "Total Files: 0",
        "Total Size: 0.00 KB",
        60 * "=",
    ]


def test_info_is_a_readable_block(config: Config, clock: FakeClock) -> None:
    CacheManager(config, clock=clock).set("key", "x" * 1000)
    size = only_file(config).stat().st_size / 1024
    (folder(config) / "broken.cache.json").write_bytes(512 * b"{")
    config = replace(config, s3_cache_bucket="my-bucket", cache_hours=1.5, cache_enabled=False)

    assert str(CacheManager(config, clock=clock).info()).splitlines() == [
        60 * "=",
        "CACHE INFORMATION",
        60 * "=",
        f"Cache Directory: {config.cache_dir}",
        "TTL Hours: 1.5",
        "Total Files: 2",
        f"Total Size: {size + 0.5:.2f} KB",
        "The cache is turned off.",
        "S3 Bucket: my-bucket",
        "",
        "Cached Files:",
        "  damaged  broken.cache.json: 0.50 KB",
        f"  valid    key: {size:.2f} KB",
        "           created 2026-03-01 12:30:15+00:00, expires 2026-03-01 14:00:15+00:00",
        60 * "=",
    ]


def test_info_cannot_command_the_terminal(config: Config) -> None:
    CacheManager(config).set("\x1b[2Jkey\n", "value")
    (folder(config) / "\x1b[2J.cache.json").touch()

    (folder(config) / "\x1b[31m").mkdir()
    config = replace(config, cache_dir=f"{config.cache_dir}/\x1b[31m/..")
    lines = str(CacheManager(config).info()).splitlines()

    assert len(lines) == 13
    assert all(line.isprintable() for line in lines)


def test_info_of_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CacheError, match="cannot read the cache"):
        CacheManager(Config(cache_dir=str(tmp_path / "file"))).info()


# When S3 fails


def test_an_unreachable_bucket_is_a_miss_with_one_warning(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = boto3.client("s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1")
    config = replace(config, s3_cache_bucket="nobody-there")
    cache = CacheManager(config, s3_client=nobody)

    assert cache.get("key") is None
    assert cache.set("key", "value") is False
    assert cache.get("key") == "value"
    assert CacheManager(replace(config, s3_cache_bucket=None)).get("key") == "value"
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert record.levelno == logging.WARNING
    assert "The cache no longer uses its S3 tier" in record.getMessage()


_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@pytest.mark.parametrize(
    "action", [respond(503), respond(403, _DENIED), reset_connection(), truncate(keep=20)]
)
def test_a_failing_bucket_is_a_miss_and_is_not_used_again(
    config: Config,
    bucket: str,
    s3: S3Client,
    moto_server: str,
    caplog: pytest.LogCaptureFixture,
    action: Action,
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3).set("key", "value")
    only_file(config).unlink()

    with FaultProxy(moto_server, [Fault(always, action)]) as proxy:
        client = aws.client("s3", region="us-east-1", endpoint_url=proxy.url)
        cache = CacheManager(config, s3_client=client)
        assert cache.get("key") is None
        calls = proxy.calls.total()
        assert cache.get("key") is None
        assert cache.set("other", "value") is False
        assert proxy.calls.total() == calls

    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert "The cache no longer uses its S3 tier: cannot read 'cache/key.json'" in record.message
    assert CacheManager(config, s3_client=s3).get("key") == "value"  # nothing was dropped


def test_a_damaged_object_that_cannot_be_removed_is_a_miss_all_the_same(
    config: Config,
    bucket: str,
    s3: S3Client,
    moto_server: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    s3.put_object(Bucket=bucket, Key="cache/key.json", Body=b"{")

    with FaultProxy(
        moto_server, [Fault(lambda request: request.method == "POST", respond(403, _DENIED))]
    ) as proxy:
        client = aws.client("s3", region="us-east-1", endpoint_url=proxy.url)
        assert CacheManager(config, s3_client=client).get("key") is None

    assert "Removed cache entry 'key' from the S3 tier" in caplog.text
    assert "cannot delete 'cache/key.json'" in caplog.text


def test_one_hiccup_of_the_bucket_costs_nothing(
    config: Config, bucket: str, s3: S3Client, moto_server: str
) -> None:
    config = replace(config, s3_cache_bucket=bucket)
    CacheManager(config, s3_client=s3).set("key", "value")
    only_file(config).unlink()

    with FaultProxy(moto_server, [Fault(first(1), respond(503))]) as proxy:
        client = aws.client("s3", region="us-east-1", endpoint_url=proxy.url)
        assert CacheManager(config, s3_client=client).get("key") == "value"
        assert proxy.outcomes["503"] == 1


def test_a_client_is_created_by_default(config: Config, bucket: str, s3: S3Client) -> None:
    config = replace(config, s3_cache_bucket=bucket)

    assert CacheManager(config).set("key", "value")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_profile_that_does_not_exist_costs_the_s3_tier_only(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, s3_cache_bucket="bucket", aws_profile="nobody")
    cache = CacheManager(config)

    assert cache.set("key", "value") is False
    assert cache.get("key") == "value"
    assert "nobody" in caplog.text


# Several processes


def _python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - the code is this test's own
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_cache_does_not_pay_for_boto3_without_a_bucket(config: Config) -> None:
    process = _python(
        """
        import sys
        from aws_ssm_fetcher.core.cache import CacheManager
        from aws_ssm_fetcher.core.config import Config
        cache = CacheManager(Config(cache_dir=sys.argv[1]))
        assert cache.set("key", [1]) and cache.get("key") == [1]
        print({"boto3", "botocore", "polars"} & sys.modules.keys())
        """,
        folder(config),
    )
    out, err = process.communicate(timeout=60)

    assert (out, err) == ("set()\n", "")


def test_processes_that_share_a_folder_see_complete_entries(config: Config) -> None:
    code = """
        import logging, sys
        from aws_ssm_fetcher.core.cache import CacheManager
        from aws_ssm_fetcher.core.config import Config
        logging.basicConfig(level=logging.WARNING)
        config, writer = Config(cache_dir=sys.argv[1]), sys.argv[2]
        for turn in range(150):
            size = 1 + turn * 37 % 2000
            assert CacheManager(config).set("shared", [writer, turn, "x" * size, size])
            found = CacheManager(config).get("shared")
            assert found is not None
            assert len(found[2]) == found[3] == 1 + found[1] * 37 % 2000
            print(found[0])
    """
    processes = [_python(code, folder(config), writer) for writer in ("one", "two", "three")]
    answers = [process.communicate(timeout=120) for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert [err for _, err in answers] == ["", "", ""]  # no entry was considered damaged
    assert {line for out, _ in answers for line in out.split()} == {"one", "two", "three"}
    assert len(cache_files(config)) == 1  # no temporary file is left


# Keys


def test_a_key_contains_the_origin_of_its_value() -> None:
    key = cache_key(
        "catalog",
        endpoint="https://ssm.us-east-1.amazonaws.com",
        partition="aws",
        region="us-east-1",
        zones=True,
        limit=3,
    )

    assert key == (
        "catalog?endpoint=https%3A%2F%2Fssm.us-east-1.amazonaws.com&limit=3&partition=aws"
        "&region=us-east-1&zones=true"
    )


def test_the_order_of_the_parts_does_not_matter() -> None:
    one = cache_key("n", endpoint="e", partition="p", region="r", a=1, b="x")

    assert one == cache_key("n", b="x", a=1, region="r", partition="p", endpoint="e")


_PARTS = st.fixed_dictionaries(
    {name: st.text("a&=?%/ é", max_size=4) for name in ("name", "endpoint", "partition", "region")},
    optional={"zones": st.text("a&=?", max_size=3)},
)


@given(one=_PARTS, other=_PARTS)
def test_keys_are_equal_only_if_all_parts_are_equal(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (cache_key(**one) == cache_key(**other)) is (one == other)
