from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from aws_ssm_fetcher_testing.catalogs import small_catalog
from aws_ssm_fetcher_testing.stage_runs import objects_of
from hypothesis import given
from hypothesis import strategies as st

from aws_ssm_fetcher.models import Catalog
from aws_ssm_fetcher.stages.artefacts import ArtefactStore
from aws_ssm_fetcher.stages.keys import raw_prefix
from lambda_core.errors import InvalidEventError, ProcessingError
from lambda_core.s3 import PreconditionFailedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "raw-data/run-1/catalog.json"


def test_a_written_artefact_is_read_with_its_digest(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    digest = store.write(KEY, b"{}")
    assert digest == hashlib.sha256(b"{}").hexdigest()
    assert objects_of(s3, stage_bucket)[KEY].metadata["sha256"] == digest
    artefact = store.read(KEY, sha256=digest)
    assert (artefact.content, artefact.sha256) == (b"{}", digest)
    assert artefact.written_at.tzinfo is not None
    assert s3.head_object(Bucket=stage_bucket, Key=KEY)["ContentType"] == "application/json"


def test_a_model_is_read_back_unchanged(store: ArtefactStore) -> None:
    store.write_model(KEY, small_catalog())
    assert store.read_model(KEY, Catalog)[0] == small_catalog()


@pytest.mark.parametrize("metadata", [{}, {"sha256": hashlib.sha256(b"old").hexdigest()}])
def test_a_damaged_artefact_is_named(
    store: ArtefactStore, s3: S3Client, stage_bucket: str, metadata: dict[str, str]
) -> None:
    s3.put_object(Bucket=stage_bucket, Key=KEY, Body=b"new", Metadata=metadata)
    for read in (store.read, store.find):
        with pytest.raises(ProcessingError, match=f"'{KEY}' in bucket .* is damaged"):
            read(KEY)


def test_an_artefact_that_is_not_what_the_manifest_says_is_damaged(store: ArtefactStore) -> None:
    store.write(KEY, b"{}")
    with pytest.raises(ProcessingError, match="is damaged"):
        store.read(KEY, sha256="0" * 64)


def test_a_missing_artefact_is_named(store: ArtefactStore) -> None:
    assert store.find(KEY) is None
    with pytest.raises(ProcessingError, match=f"'{KEY}' is missing"):
        store.read(KEY)


def test_an_artefact_of_another_version_is_named(store: ArtefactStore) -> None:
    store.write(KEY, b'{"regions": []}')
    with pytest.raises(ProcessingError, match=f"'{KEY}' is not a Catalog"):
        store.read_model(KEY, Catalog)


def test_a_new_artefact_is_written_once(store: ArtefactStore) -> None:
    assert store.write_new(KEY, b"1") is None
    assert store.write_new(KEY, b"1") is None
    current = store.write_new(KEY, b"2")
    assert current is not None
    assert (current.content, store.read(KEY).content) == (b"1", b"1")
    store.replace(KEY, b"2", current)
    assert store.read(KEY).content == b"2"
    with pytest.raises(PreconditionFailedError):
        store.replace(KEY, b"3", current)


@given(st.text() | st.text("s3:/raw-dt\\.%20un1", max_size=40))
def test_only_the_one_location_is_taken(given_location: str) -> None:
    from lambda_core.s3 import S3Objects

    store = ArtefactStore(S3Objects(None, "bucket"))  # type: ignore[arg-type]  # never called
    prefix = raw_prefix("run-1")
    assert store.location(prefix) == "s3://bucket/raw-data/run-1/"
    store.require_location("s3://bucket/raw-data/run-1/", prefix)
    with pytest.raises(InvalidEventError, match="s3://bucket/raw-data/run-1/"):
        store.require_location(given_location, prefix)


@pytest.mark.parametrize(
    "location",
    [
        "s3://bucket/raw-data/run-10/",
        "s3://bucket/raw-data/run-1",
        "s3://bucket/raw-data/run-1/../run-2/",
        "s3://other/raw-data/run-1/",
        "s3://bucket/processed-data/run-1/",
        "https://bucket/raw-data/run-1/",
        "S3://bucket/raw-data/run-1/",
    ],
)
def test_a_location_that_looks_like_it_is_refused(location: str) -> None:
    from lambda_core.s3 import S3Objects

    store = ArtefactStore(S3Objects(None, "bucket"))  # type: ignore[arg-type]  # never called
    with pytest.raises(InvalidEventError):
        store.require_location(location, raw_prefix("run-1"))


def test_removal_spares_what_only_begins_alike(
    store: ArtefactStore, s3: S3Client, stage_bucket: str
) -> None:
    for key in ("a/exec-1/x", "a/exec-1/y/z", "a/exec-10/x", "a/exec-1", "b/exec-1/x"):
        store.write(key, b"1")
    assert store.remove_all(["a/exec-1/"]) == 2
    assert set(objects_of(s3, stage_bucket)) == {"a/exec-10/x", "a/exec-1", "b/exec-1/x"}
    assert store.remove_all(["a/exec-1/"]) == 0
