"""The interface of the original script, as documents and scripts of its users use it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

import aws_ssm_data_fetcher
from aws_ssm_data_fetcher import AWSSSMDataFetcher
from aws_ssm_fetcher.core.cache import CacheInfo, CacheManager
from aws_ssm_fetcher.core.config import Config
from lambda_testing.moto_tree import moto_tree

SOURCE_ROOT = Path(aws_ssm_data_fetcher.__file__).parent


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default folders of the original are relative, so each test has its own folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


# Config


def test_the_defaults() -> None:
    config = Config()

    assert config.aws_region == "us-east-1"
    assert config.aws_profile is None
    assert config.cache_dir == ".cache"
    assert config.cache_hours == 24
    assert config.cache_enabled is True
    assert config.output_dir == "output"
    assert config.max_retries == 3
    assert config.max_workers == 10
    assert config.s3_cache_bucket is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("CACHE_HOURS", "48")
    monkeypatch.setenv("CACHE_DIR", "elsewhere")

    config = Config.from_env()

    assert config.aws_region == "us-west-2"
    assert config.cache_hours == 48
    assert config.cache_dir == "elsewhere"


def test_a_function_uses_the_folders_below_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clean Lambda environment: `tempfile` has not been used, and TMPDIR is not set.
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("TMPDIR", raising=False)

    config = Config.for_lambda("data_fetcher")

    assert config.cache_dir == "/tmp/cache"  # noqa: S108 - the documented folder
    assert config.output_dir == "/tmp/output"  # noqa: S108 - the documented folder
    assert config.max_workers == 20
    assert Config.for_lambda() == config
    assert Config.for_lambda(function_type="processor").max_workers == 10
    assert Config.for_lambda("report_generator").max_workers == 5


def test_settings_can_be_given_by_position() -> None:
    config = Config("us-west-2", "audit", "cache", 12, False, "reports", 5, 8, "my-bucket")

    assert config == Config(
        aws_region="us-west-2",
        aws_profile="audit",
        cache_dir="cache",
        cache_hours=12,
        cache_enabled=False,
        output_dir="reports",
        max_retries=5,
        max_workers=8,
        s3_cache_bucket="my-bucket",
    )


def test_settings_can_be_assigned() -> None:
    config = Config()
    config.aws_region = "us-west-2"
    config.cache_dir = "cache"
    config.max_workers = 20

    assert (config.aws_region, config.cache_dir, config.max_workers) == ("us-west-2", "cache", 20)


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("max_workers", 0),
        ("cache_hours", "24"),
        ("cache_dir", ""),
        ("aws_region", "evil.example/"),
        ("s3_cache_bucket", "Capitals"),
    ],
)
def test_a_wrong_assignment_is_refused_and_changes_nothing(setting: str, wrong: object) -> None:
    config = Config()

    with pytest.raises(ValidationError, match=setting):
        setattr(config, setting, wrong)
    assert config == Config()


def test_the_settings_are_a_dataclass() -> None:
    config = dataclasses.replace(Config(), cache_hours=1)

    assert dataclasses.asdict(config) == dataclasses.asdict(Config()) | {"cache_hours": 1}


def test_the_options_of_the_command_line_are_read() -> None:
    args = argparse.Namespace(
        cache_hours=12, no_cache=True, cache_dir="cache", output_dir="out", clear_cache=False
    )

    config = Config.from_args(args)

    assert (config.cache_hours, config.cache_enabled) == (12, False)
    assert (config.cache_dir, config.output_dir) == ("cache", "out")


# CacheManager


def test_the_cache_shows_its_settings() -> None:
    config = Config(cache_dir="cache")
    cache = CacheManager(config)

    assert cache.config is config
    assert cache.cache_dir == Path("cache")
    assert cache.cache_enabled is True
    assert cache.s3_client is None


@pytest.mark.parametrize("off", [{"cache_enabled": False}, {"cache_hours": 0}])
def test_a_cache_that_cannot_hold_anything_is_not_enabled(off: dict[str, bool | int]) -> None:
    config = Config()
    for setting, value in off.items():
        setattr(config, setting, value)
    cache = CacheManager(config)

    assert cache.cache_enabled is False
    assert cache.set("key", [1]) is False
    assert cache.get("key") is None


def test_any_object_with_the_settings_configures_the_cache() -> None:
    config = SimpleNamespace(cache_dir="cache", cache_hours=24, cache_enabled=True)
    cache = CacheManager(config)

    assert cache.get("regions") is None
    assert cache.set("regions", ["us-east-1"]) is True
    assert cache.get("regions") == ["us-east-1"]
    assert CacheManager(config).get("regions") == ["us-east-1"]
    assert cache.info().s3_bucket is None
    assert cache.clear_all() == 1
    assert cache.get("regions") is None


def test_a_bucket_gives_the_cache_a_client(bucket: str) -> None:
    config = SimpleNamespace(
        cache_dir="cache", cache_hours=24, cache_enabled=True, s3_cache_bucket=bucket
    )
    cache = CacheManager(config)

    assert cache.s3_client is not None
    assert cache.set("key", "value") is True
    assert cache.s3_client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


# AWSSSMDataFetcher


def test_the_fetcher_shows_its_settings(aws_environment: str) -> None:
    config = Config("eu-west-3", cache_dir="cache", cache_hours=12)
    fetcher = AWSSSMDataFetcher(config)

    assert fetcher.config is config
    assert (fetcher.region, fetcher.cache_dir, fetcher.cache_hours) == ("eu-west-3", "cache", 12)
    assert fetcher.cache_manager.config is config


def test_the_fetcher_needs_no_settings(
    aws_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for fetcher in (AWSSSMDataFetcher(), AWSSSMDataFetcher(None)):
        assert fetcher.config == Config()


def test_the_fetcher_delegates_to_its_cache(aws_environment: str) -> None:
    fetcher = AWSSSMDataFetcher(Config(cache_dir="cache"))

    assert fetcher._load_from_cache("key") is None
    fetcher._save_to_cache("key", {"a": [1, 2]})
    assert fetcher._load_from_cache("key") == {"a": [1, 2]}
    assert fetcher.cache_manager.get("key") == {"a": [1, 2]}
    assert fetcher.get_cache_info() == fetcher.cache_manager.info()
    assert fetcher.get_cache_info().files == 1
    assert fetcher.clear_cache() == 1
    assert fetcher._load_from_cache("key") is None
    assert fetcher.get_cache_info().files == 0


def test_regions_and_services_are_read_once(aws_environment: str) -> None:
    fetcher = AWSSSMDataFetcher(Config())

    regions = fetcher.discover_regions_from_ssm()
    services = fetcher.discover_services_from_ssm()
    calls = fetcher.calls

    assert len(regions) > 30
    assert regions == sorted(moto_tree().regions)
    assert services == sorted(moto_tree().listed_services())
    assert calls > 0
    assert fetcher.discover_regions_from_ssm() == regions
    assert fetcher.discover_services_from_ssm() == services
    assert fetcher.calls == calls
    # A second program finds the same in the files.
    second = AWSSSMDataFetcher(Config())
    assert second.discover_regions_from_ssm() == regions
    assert second.discover_services_from_ssm() == services
    assert second.calls == 0


def test_without_a_cache_regions_are_read_each_time(aws_environment: str) -> None:
    fetcher = AWSSSMDataFetcher(Config(cache_enabled=False))
    first = fetcher.discover_regions_from_ssm()
    calls = fetcher.calls

    assert fetcher.discover_regions_from_ssm() == first
    assert fetcher.calls == 2 * calls
    assert not Path(".cache").exists()


# python aws_ssm_data_fetcher.py


def run(*arguments: str, path: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the script at `path` as a user does, with the libraries of this test."""
    libraries = [
        entry for entry in sys.path if entry and not (Path(entry) / "aws_ssm_fetcher").is_dir()
    ]
    return subprocess.run(  # noqa: S603 - the project's own program
        [sys.executable, path, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(libraries)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_cache_info_is_the_documented_block(empty_folder: Path) -> None:
    CacheManager(Config()).set("key", "x" * 2048)
    (file,) = Path(".cache").iterdir()
    size = file.stat().st_size

    done = run("--cache-info", path=aws_ssm_data_fetcher.__file__, cwd=empty_folder)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == lines[2] == lines[-1] == 60 * "="
    assert lines[1] == "CACHE INFORMATION"
    assert lines[3:7] == [
        "Cache Directory: .cache",
        "TTL Hours: 24",
        "Total Files: 1",
        f"Total Size: {size / 1024:.2f} KB",
    ]


def test_the_script_creates_the_reports(empty_folder: Path, aws_environment: str) -> None:
    done = run(
        *("--no-cache", "--no-zones", "--max-tps=100000", "--format=json"),
        *(f"--output-dir={empty_folder / 'output'}", "--rss-url=http://127.0.0.1:9/feed"),
        path="aws_ssm_data_fetcher.py",
        cwd=SOURCE_ROOT,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"39 regions, \d+ services", done.stdout)
    assert (empty_folder / "output" / "aws_regions_services.json").exists()


def test_the_script_runs_from_the_root_of_the_repository(empty_folder: Path) -> None:
    root = SOURCE_ROOT.parents[2]
    script = Path(aws_ssm_data_fetcher.__file__).relative_to(root)

    done = run("--clear-cache", f"--cache-dir={empty_folder}", path=str(script), cwd=root)

    assert (done.returncode, done.stdout, done.stderr) == (0, "cleared 0 cache entries\n", "")


def test_the_module_exports_what_the_script_had() -> None:
    assert aws_ssm_data_fetcher.__all__ == ["AWSSSMDataFetcher", "main", "run"]
    assert isinstance(CacheManager(Config()).info(), CacheInfo)
