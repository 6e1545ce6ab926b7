"""A complete report: metadata, warnings, and a round trip through JSON."""

from __future__ import annotations

import subprocess
import sys

from aws_ssm_fetcher_testing.catalogs import (
    LIVE,
    NOW,
    catalog,
    catalogs,
    moto_catalog,
    small_catalog,
    small_launches,
)
from hypothesis import given

from aws_ssm_fetcher.models import Catalog, Completeness, CrossCheck, Launches, Pair, Part
from aws_ssm_fetcher.processors.pipeline_orchestrator import process
from aws_ssm_fetcher.report import Report

ANALYSES = {
    "comprehensive",
    "regional_distribution",
    "service_coverage",
    "availability_zones",
    "geography",
    "service_categories",
    "data_quality",
}


def test_metadata() -> None:
    report = process(small_catalog(), small_launches(), generated_at=NOW)
    metadata = report.metadata
    assert metadata.generated_at == NOW
    assert metadata.source == small_catalog().provenance
    assert metadata.launch_source == "a feed"
    assert metadata.complete
    assert metadata.completeness == (
        *small_catalog().completeness.parts,
        Part(name="launch dates", expected=4, received=2, missing=("b-1", "z-1"), required=False),
    )
    assert metadata.total_combinations == 7
    assert (metadata.unique_regions, metadata.unique_services) == (4, 5)
    assert set(report.analyses) == ANALYSES
    assert report.validation["grade"] == "D"


def test_the_first_warning_says_that_a_snapshot_is_not_live() -> None:
    report = process(small_catalog(), small_launches(), generated_at=NOW)
    assert report.metadata.warnings == (
        "Not live data: made up as of 2026-01-02.",
        "The source lists no services in 1 region: z-1.",
        "One item of the feed could not be read.",
    )


def test_live_and_complete_data_needs_no_warning() -> None:
    report = process(catalog({"a-1": ["s3"]}), Launches(source="a feed"), generated_at=NOW)
    assert report.metadata.warnings == ()


def test_regions_without_services_are_named() -> None:
    made = catalog({"a-1": ["s3"], "b-1": [], "c-1": []})
    report = process(made, Launches(source="a feed"), generated_at=NOW)
    assert report.metadata.warnings == ("The source lists no services in 2 regions: b-1, c-1.",)


def test_a_failed_feed_costs_the_launch_dates_only() -> None:
    launches = Launches(source="https://example.com/feed", warnings=("No feed.",), failed=True)
    report = process(catalog({"a-1": ["s3"]}), launches, generated_at=NOW)
    assert report.metadata.complete
    assert report.metadata.completeness[-1] == Part(
        name="launch dates",
        expected=1,
        received=0,
        failed=("https://example.com/feed could not be read",),
        required=False,
    )
    assert report.metadata.warnings == ("No feed.",)


def test_failed_parts_and_differences_are_warnings() -> None:
    pair = Pair(region_code="a-1", service_code="s3")
    made = catalog({"a-1": ["s3"]}).model_copy(
        update={
            "provenance": LIVE,
            "completeness": Completeness(
                parts=(
                    Part(name="regions", expected=3, received=1, failed=("b-1: denied", "c-1")),
                    Part(
                        name="zones",
                        expected=1,
                        received=0,
                        failed=("a-1: denied",),
                        required=False,
                    ),
                )
            ),
            "cross_check": CrossCheck(only_in_regions_tree=(pair,), only_in_services_tree=()),
        }
    )
    report = process(made, Launches(source="a feed"), generated_at=NOW)
    assert not report.metadata.complete
    assert report.metadata.warnings == (
        "Incomplete: regions, 1 of 3 received; b-1: denied; c-1.",
        "Incomplete (the report does not need it): zones, 0 of 1 received; a-1: denied.",
        "The two trees of the source differ in 1 combination; the report follows the regions tree.",
    )
    assert report.cross_check == made.cross_check


def test_core_services_reach_the_validation() -> None:
    made = catalog({"a-1": ["s3"]})
    report = process(made, Launches(source="a feed"), generated_at=NOW, core_services=["s3"])
    assert report.validation["dimensions"]["anomaly"]["score"] == 100


def test_the_real_report_survives_json() -> None:
    report = process(moto_catalog(), small_launches(), generated_at=NOW)
    assert report.metadata.total_combinations == 9289
    assert Report.model_validate_json(report.model_dump_json()) == report


@given(catalogs())
def test_any_report_survives_json_and_is_the_same_twice(catalog: Catalog) -> None:
    report = process(catalog, small_launches(), generated_at=NOW)
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert process(catalog, small_launches(), generated_at=NOW) == report


def test_a_report_is_read_without_polars() -> None:
    program = "import sys, aws_ssm_fetcher.report; sys.exit('polars' in sys.modules)"
    finished = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0
