from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from aws_ssm_fetcher.outputs.json_writer import write_json
from aws_ssm_fetcher.report import Report
from lambda_core.errors import ReportError

type Json = dict[str, Any]


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def read(path: Path) -> Json:
    content: Json = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    return content


@pytest.fixture
def readable(report: Report, tmp_path: Path) -> Json:
    write_json(report, tmp_path)
    return read(tmp_path / "aws_regions_services.json")


@pytest.fixture
def compact(report: Report, tmp_path: Path) -> Json:
    write_json(report, tmp_path)
    return read(tmp_path / "aws_regions_services.compact.json")


def test_the_rows_are_objects_in_the_order_of_the_report(readable: Json) -> None:
    assert readable["data"][0] == {
        "region_code": "af-south-1",
        "region_name": "Africa",
        "service_code": "ec2",
        "service_name": "Elastic <Cloud> & more",
    }
    assert [(row["region_code"], row["service_code"]) for row in readable["data"]] == [
        ("af-south-1", "ec2"),
        ("eu-west-9", "S3x"),
        ("eu-west-9", "ec2"),
    ]
    assert readable["services"][2] == {
        "service_code": "nowhere",
        "service_name": "nowhere",
        "coverage_class": "none",
        "region_count": 0,
        "coverage": 0.0,
    }
    assert readable["regions"][0]["launch_date"] is None


def test_the_metadata_describe_the_data(readable: Json, compact: Json) -> None:
    metadata = readable["metadata"]
    assert compact["metadata"] == metadata
    assert metadata["generated_at"] == "2026-03-04T05:06:08+00:00"
    assert metadata["total_combinations"] == 3
    assert (metadata["unique_regions"], metadata["unique_services"]) == (2, 3)
    assert metadata["source"] == "snapshot in moto 5.2.5"
    assert metadata["live"] is False
    assert metadata["data_as_of"] == "2026-02-02"
    assert metadata["data_age_days"] == 30
    assert metadata["launch_source"] == "bundled launch dates"
    assert metadata["complete"] is True
    assert metadata["completeness"][0]["name"] == "regions"
    assert metadata["warnings"] == ["The feed could not be read."]
    assert metadata["calls"] == {"GetParametersByPath": 7}


def test_analyses_validation_and_cross_check_are_there(readable: Json, compact: Json) -> None:
    for content in (readable, compact):
        assert content["statistics"]["totals"] == {
            "combinations": 3,
            "skew": None,
            "note": "caf\u00e9",
        }
        assert content["validation"]["grade"] == "A"
        assert content["cross_check"]["only_in_regions_tree"] == [
            {"region_code": "af-south-1", "service_code": "ec2"}
        ]


def test_the_compact_file_has_the_same_content_and_says_each_name_once(
    readable: Json, compact: Json
) -> None:
    assert compact["data"] == {"af-south-1": ["ec2"], "eu-west-9": ["S3x", "ec2"]}
    rows = [
        {
            "region_code": region,
            "region_name": compact["regions"][region]["region_name"],
            "service_code": service,
            "service_name": compact["services"][service]["service_name"],
        }
        for region, services in compact["data"].items()
        for service in services
    ]
    assert rows == readable["data"]
    for name, key in (("regions", "region_code"), ("services", "service_code")):
        assert [{key: code, **rest} for code, rest in compact[name].items()] == readable[name]


def test_a_region_without_services_can_be_looked_up_in_the_compact_file(
    report: Report, tmp_path: Path
) -> None:
    tables = report.tables
    only_first = tables.regional_services.model_copy(
        update={"rows": tables.regional_services.rows[:1]}
    )
    changed = tables.model_copy(update={"regional_services": only_first})
    write_json(report.model_copy(update={"tables": changed}), tmp_path)
    content = read(tmp_path / "aws_regions_services.compact.json")
    assert content["data"] == {"af-south-1": ["ec2"], "eu-west-9": []}


def test_a_row_is_a_line_and_text_is_readable(report: Report, tmp_path: Path) -> None:
    write_json(report, tmp_path)
    lines = (tmp_path / "aws_regions_services.json").read_text(encoding="utf-8").split("\n")
    assert sum('"region_code": "eu-west-9", "region_name"' in line for line in lines) == 3
    assert any("S\u00e3o Jo\u00e3o" in line for line in lines)
    assert not any(line != line.rstrip() for line in lines)
    compact = (tmp_path / "aws_regions_services.compact.json").read_bytes()
    assert compact.count(b"\n") == 1


def test_two_runs_write_the_same_bytes(report: Report, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    assert write_json(report, first) == write_json(report, second)


def test_no_cross_check_and_no_rows_are_valid_too(report: Report, tmp_path: Path) -> None:
    tables = report.tables
    empty = tables.regional_services.model_copy(update={"rows": ()})
    bare = report.model_copy(
        update={
            "cross_check": None,
            "tables": tables.model_copy(update={"regional_services": empty}),
        }
    )
    files = write_json(bare, tmp_path)
    assert [file.rows for file in files] == [0, 0]
    assert read(tmp_path / "aws_regions_services.json")["data"] == []
    assert read(tmp_path / "aws_regions_services.compact.json")["data"] == {
        "af-south-1": [],
        "eu-west-9": [],
    }
    assert read(tmp_path / "aws_regions_services.json")["cross_check"] is None


def test_unpaired_surrogates_survive(report: Report, tmp_path: Path) -> None:
    odd = report.model_copy(update={"analyses": {"name": "a\ud800b"}})
    write_json(odd, tmp_path)
    for name in ("aws_regions_services.json", "aws_regions_services.compact.json"):
        assert read(tmp_path / name)["statistics"] == {"name": "a\ud800b"}


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}])
def test_a_value_that_is_not_json_is_an_error_that_names_the_file(
    report: Report, tmp_path: Path, value: object
) -> None:
    broken = report.model_copy(update={"analyses": {"skew": value}})
    words = r"aws_regions_services\.json: the report contains a value"
    with pytest.raises(ReportError, match=words):
        write_json(broken, tmp_path)
