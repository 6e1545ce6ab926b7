"""One S3 server for all tests of the stages, and a bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from aws_ssm_fetcher_testing.stage_runs import SerialS3, new_bucket, store_in

from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from lambda_testing.fault_proxy import Action, Fault, FaultProxy, always

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def serial_s3(moto_server: str) -> Iterator[SerialS3]:
    serial = SerialS3()
    with FaultProxy(moto_server, [Fault(always, Action("served", serial.act))]) as proxy:
        serial.url = proxy.url
        yield serial


@pytest.fixture
def s3(moto_server: str) -> S3Client:
    """A client that connects directly to moto, without faults."""
    direct = SerialS3()
    direct.url = moto_server
    return direct.client()


@pytest.fixture
def stage_bucket(s3: S3Client) -> str:
    return new_bucket(s3)


@pytest.fixture
def store(serial_s3: SerialS3, stage_bucket: str) -> ArtefactStore:
    return store_in(serial_s3.client(), stage_bucket)
