"""Executions of the region report for tests: buckets, their objects, and finished stages."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_ssm_fetcher_testing.catalogs import catalog, small_launches

from aws_ssm_fetcher.models import Catalog
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.contracts import (
    OrchestratorRequest,
    StageName,
    StageRequest,
    StageResult,
    StageStatistics,
)
from aws_ssm_fetcher.stages.generate import generate_excel, generate_json_csv
from aws_ssm_fetcher.stages.keys import CATALOG, LAUNCHES, raw_prefix
from aws_ssm_fetcher.stages.process import process
from lambda_core import aws
from lambda_core.s3 import S3Objects
from lambda_testing.fault_proxy import Fetch, UpstreamResponse, relay
from local_cloud.loopback_server import Exchange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STARTED = dt.datetime(2026, 3, 4, 5, 0, tzinfo=dt.UTC)


def catalog_of(pairs: int) -> Catalog:
    """Return a catalog of a region with this many services, and a region without services."""
    return catalog({"a-1": [f"s{number}" for number in range(pairs)], "z-1": []})


@dataclass(frozen=True)
class Stored:
    """An object in a bucket."""

    content: bytes
    metadata: dict[str, str] = field(default_factory=dict)


type Objects = dict[str, Stored]


class SerialS3:
    """moto's S3, one request at a time; a test may intervene between a request and its response.

    moto checks a condition and then writes, but S3 does both in one step.
    """

    def __init__(self) -> None:
        self.url = ""
        self.step: Callable[[Exchange, Fetch], None] = relay_answer
        self._lock = threading.Lock()

    def act(self, exchange: Exchange, fetch: Fetch) -> None:
        """Respond to a request, as an action of a fault proxy."""

        def serve() -> UpstreamResponse:
            with self._lock:
                return fetch()

        self.step(exchange, serve)

    def client(self, name: str = "test") -> S3Client:
        """Create a client with a name in its user agent, so that requests can be distinguished."""
        return aws.client("s3", region="us-east-1", endpoint_url=self.url, user_agent=name)


def relay_answer(exchange: Exchange, fetch: Fetch) -> None:
    """Forward a request unchanged."""
    relay(exchange, fetch())


def new_bucket(s3: S3Client, objects: Objects | None = None) -> str:
    """Create a bucket with these objects."""
    bucket = f"stages-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    for key, stored in (objects or {}).items():
        s3.put_object(Bucket=bucket, Key=key, Body=stored.content, Metadata=stored.metadata)
    return bucket


def store_in(s3: S3Client, bucket: str) -> ArtefactStore:
    """Return a store that repeats calls without waiting."""
    return ArtefactStore(S3Objects(s3, bucket, sleep=lambda _: None))


def objects_of(s3: S3Client, bucket: str) -> Objects:
    """Return all objects of a bucket."""
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    found: Objects = {}
    for key in keys:
        answer = s3.get_object(Bucket=bucket, Key=key)
        found[key] = Stored(answer["Body"].read(), answer["Metadata"])
    return found


def statistics(stage: StageName, seconds: float = 1.5) -> StageStatistics:
    """Return statistics of a stage that started at `STARTED`."""
    return StageStatistics(
        stage=stage,
        started_at=STARTED,
        finished_at=STARTED + dt.timedelta(seconds=seconds),
        duration_seconds=seconds,
        regions=2,
        services=3,
        pairs=3,
        complete=True,
    )


def fetched(store: ArtefactStore, execution_id: str, found: Catalog) -> StageResult:
    """Store the artefacts that the data fetcher stores."""
    prefix = raw_prefix(execution_id)
    store.write_model(f"{prefix}{LAUNCHES}", small_launches())
    store.write_model(f"{prefix}{CATALOG}", found)
    return StageResult(
        execution_id=execution_id,
        data_location=store.location(prefix),
        statistics=statistics(StageName.DATA_FETCHER),
    )


def request_after(result: StageResult) -> StageRequest:
    """Return the request of the next stage."""
    return StageRequest(execution_id=result.execution_id, data_location=result.data_location)


def generated(store: ArtefactStore, execution_id: str, found: Catalog) -> OrchestratorRequest:
    """Run the stages between the first and the last, and return the last stage's request."""
    first = fetched(store, execution_id, found)
    second = process(request_after(first), store)
    return OrchestratorRequest(
        execution_id=execution_id,
        fetch=first,
        process=second,
        json_csv=generate_json_csv(request_after(second), store),
        excel=generate_excel(request_after(second), store),
    )


def moved(request: OrchestratorRequest, old_bucket: str, new_bucket: str) -> OrchestratorRequest:
    """Copy the artefacts to another bucket, and return the request for them."""
    text = request.model_dump_json(by_alias=True)
    return OrchestratorRequest.model_validate_json(text.replace(old_bucket, new_bucket))
