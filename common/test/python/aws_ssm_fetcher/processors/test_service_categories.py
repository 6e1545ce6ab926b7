"""Categories depend on words in the name, and services that match none are still counted."""

from __future__ import annotations

import polars as pl
import pytest
from aws_ssm_fetcher_testing.catalogs import moto_catalog
from hypothesis import given
from hypothesis import strategies as st

from aws_ssm_fetcher.processors.service_categories import CATEGORIES, OTHER, category


def category_of(code: str, name: str) -> str:
    frame = pl.DataFrame({"code": [code], "name": [name]})
    found: str = frame.select(category(pl.col("code"), pl.col("name"))).item()
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AmazonGameLiftStreams", "Media and Games"),
        ("athena", "Analytics"),
        ("backup", "Storage"),
        ("bcm-data-exports", "Billing and Marketplace"),
        ("bedrock", "Machine Learning"),
        ("chime-sdk-identity", "Applications and Messaging"),
        ("cloudwatch", "Management and Governance"),
        ("codeartifact", "Developer Tools"),
        ("directconnect", "Networking and Delivery"),
        ("dms", "Migration and Transfer"),
        ("dynamodb", "Databases"),
        ("ec2", "Compute"),
        ("eks", "Containers"),
        ("iam", "Security and Identity"),
        ("iotdevicedefender", "Internet of Things"),
        ("lambda", "Compute"),
        ("rum", "Management and Governance"),
        ("s3", "Storage"),
        ("sns", "Applications and Messaging"),
    ],
)
def test_real_services(code: str, expected: str) -> None:
    service = next(service for service in moto_catalog().services if service.code == code)
    assert category_of(code, service.label) == expected


def test_few_real_services_fit_nowhere() -> None:
    services = moto_catalog().services
    found = [category_of(service.code, service.label) for service in services]
    assert set(found) == set(CATEGORIES)
    assert found.count(OTHER) < 0.02 * len(services)


def test_a_service_of_no_known_word() -> None:
    assert category_of("xyzzy", "Plugh") == OTHER


@given(st.text(), st.text())
def test_every_service_has_one_category(code: str, name: str) -> None:
    assert category_of(code, name) in CATEGORIES
