"""Event files in a bucket on a moto server, and the function that reads them."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from checkpoint_lambda.lambda_function import lambda_handler
from lambda_core import aws

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "c/events.parquet"

PREFIX = "logs/"

EVENT: dict[str, Any] = {
    "action": "submit",
    "study": "adrc",
    "pipeline_adcid": 42,
    "project_label": "ingest-form-dvcid",
    "center_label": "alpha",
    "gear_name": "form-transformer",
    "ptid": "110001",
    "visit_date": "2024-01-15",
    "visit_number": "01",
    "datatype": "form",
    "module": "UDS",
    "packet": "I",
    "timestamp": "2024-01-15T10:00:00Z",
}


def event_json(**changes: object) -> bytes:
    """Return the content of an event file. None becomes null."""
    return json.dumps(EVENT | changes).encode()


def name_of(number: int, action: str = "submit", day: str = "20240115") -> str:
    """Return the name of an event file."""
    return f"log-{action}-{day}-100000-42-ingest-form-dvcid-{number:06d}-01.json"


@dataclass
class CheckpointCloud:
    """A bucket of event files, a bucket of checkpoints, and the function."""

    s3: S3Client
    source: str
    target: str
    event: dict[str, Any] = field(default_factory=dict)
    context: object = None

    def put(self, name: str, content: bytes | None = None, **changes: object) -> str:
        """Upload a file; returns its key."""
        key = PREFIX + name
        body = event_json(**changes) if content is None else content
        self.s3.put_object(Bucket=self.source, Key=key, Body=body)
        return key

    def run(self, **event: object) -> dict[str, Any]:
        """Invoke the function."""
        return lambda_handler(self.event | event, self.context)

    def quiet(self, **event: object) -> dict[str, Any]:
        """Invoke the function, and check that it succeeds and that its balance is right."""
        answer = self.run(**event)
        assert answer["statusCode"] == 200, answer
        balance = dict(answer["balance"])
        assert balance.pop("listed") == sum(balance.values())
        listed = sum(1 for _ in self.source_objects())
        assert answer["balance"]["listed"] == listed
        return answer

    def source_objects(self) -> Iterator[str]:
        """Yield the keys of the event files, once for each version."""
        status = self.s3.get_bucket_versioning(Bucket=self.source).get("Status")
        operation = "list_object_versions" if status else "list_objects_v2"
        pages = self.s3.get_paginator(operation).paginate(Bucket=self.source, Prefix=PREFIX)  # type: ignore[call-overload]  # either
        for page in pages:
            for entry in page.get("Versions" if status else "Contents", []):
                yield entry["Key"]

    def content(self, key: str = KEY) -> bytes:
        """Return the content of an object in the checkpoint bucket."""
        return self.s3.get_object(Bucket=self.target, Key=key)["Body"].read()

    def frame(self, key: str = KEY) -> pl.DataFrame:
        """Return a Parquet file in the checkpoint bucket."""
        return pl.read_parquet(self.content(key))

    def write(self, content: bytes | pl.DataFrame, key: str = KEY) -> None:
        """Write an object to the checkpoint bucket; a frame is written as Parquet."""
        if isinstance(content, pl.DataFrame):
            buffer = io.BytesIO()
            content.write_parquet(buffer)
            content = buffer.getvalue()
        self.s3.put_object(Bucket=self.target, Key=key, Body=content)

    def stored_keys(self) -> list[str]:
        """Return all keys in the checkpoint bucket."""
        found = self.s3.list_objects_v2(Bucket=self.target)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def ptids(self, key: str = KEY) -> list[str]:
        """Return the participant IDs in a checkpoint, sorted."""
        return sorted(self.frame(key)["ptid"])

    def versioned(self) -> None:
        """Enable versioning of the event files."""
        self.s3.put_bucket_versioning(
            Bucket=self.source, VersioningConfiguration={"Status": "Enabled"}
        )


def new_cloud(endpoint: str, **event: object) -> CheckpointCloud:
    """Create two buckets; returns them with a function whose event contains their names."""
    s3 = aws.client("s3", endpoint_url=endpoint)
    names = [f"{purpose}-{uuid.uuid4().hex}" for purpose in ("events", "checkpoints")]
    for name in names:
        s3.create_bucket(Bucket=name)
    source, target = names
    names_in_event = {"source_bucket": source, "checkpoint_bucket": target, "prefix": PREFIX}
    return CheckpointCloud(s3, source, target, names_in_event | (event or {"checkpoint_key": KEY}))


def minutes(count: int) -> str:
    """Return the time so many minutes after 2024 began, as it appears in events."""
    return (dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=count)).isoformat()
