"""What sample events of the event log need: buckets, event files and a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from lambda_core.s3 import require_prefix
from local_cloud.moto_patches.distributed_map import listed_item
from run_local.event_log.demonstration import CHECKPOINT_KEY, PREFIX
from run_local.event_log.event_files import broken_files, event_named, generate_rounds
from run_local.preparation import Preparation

FILES: Final = 50
"""Event files that are created in an empty bucket."""

BACKFILL_PREFIX: Final = "backfill/"


def prepare(preparation: Preparation) -> dict[str, str]:
    """Create buckets, event files and what earlier runs leave; returns the variables."""
    chosen, event = preparation.chosen, preparation.event

    def bucket(purpose: str, field: str) -> str:
        named = preparation.text(field) or chosen.get(field.upper()) or chosen.get("BUCKET")
        return named or preparation.deployer.bucket_name(purpose)

    source, target = bucket("events", "source_bucket"), bucket("checkpoints", "checkpoint_bucket")
    # `prefix` may be an empty text, which means the whole bucket.
    prefix = event["prefix"] if isinstance(event.get("prefix"), str) else chosen.get("PREFIX")
    variables = {"SOURCE_BUCKET": source, "CHECKPOINT_BUCKET": target, "PREFIX": PREFIX}
    if "CHECKPOINT_KEY_TEMPLATE" not in chosen:
        variables["CHECKPOINT_KEY"] = CHECKPOINT_KEY
    # Without versions, a file that is rewritten between two runs would be lost.
    preparation.create_bucket(source, versioned=True)
    preparation.create_bucket(target)
    if preparation.function == "event_log_backfill":
        _prepare_backfill(preparation, variables, PREFIX if prefix is None else prefix)
    else:
        _prepare_checkpoint(preparation, variables, PREFIX if prefix is None else prefix)
    return variables


def _prepare_checkpoint(
    preparation: Preparation, variables: Mapping[str, str], prefix: str
) -> None:
    _store_sample_files(preparation, variables["SOURCE_BUCKET"], prefix)
    again = [name for name in ("rebuild", "retry_rejected") if preparation.event.get(name) is True]
    if again and not preparation.has_objects(variables["CHECKPOINT_BUCKET"], ""):
        first = {name: value for name, value in preparation.event.items() if name not in again}
        preparation.run(preparation.function, first, variables)
        preparation.report(f"created a checkpoint in s3://{variables['CHECKPOINT_BUCKET']}")


def _prepare_backfill(preparation: Preparation, variables: Mapping[str, str], prefix: str) -> None:
    source, target = variables["SOURCE_BUCKET"], variables["CHECKPOINT_BUCKET"]
    items = preparation.event.get("items")
    if isinstance(items, list):
        for item in items:
            key = item.get("Key") if isinstance(item, dict) else None
            if isinstance(key, str):
                _store_named_file(preparation, source, key)
        return
    execution_id = preparation.text("execution_id")
    if preparation.event.get("mode") != "merge" or not execution_id:
        return
    try:
        parts = require_prefix(f"{BACKFILL_PREFIX}{execution_id}/")
    except ValueError:
        # The function itself reports what is wrong with the execution ID.
        return
    if not preparation.has_objects(target, parts):
        _store_sample_files(preparation, source, prefix)
        read = {"mode": "read", "execution_id": execution_id, "items": _listed(preparation, source)}
        preparation.run(preparation.function, read, variables)
        preparation.report(f"created s3://{target}/{parts}")


def _store_sample_files(preparation: Preparation, bucket: str, prefix: str) -> None:
    if preparation.has_objects(bucket, prefix):
        return
    files = [*generate_rounds(FILES).first, *broken_files()]
    s3 = preparation.clients("s3")
    for file in files:
        s3.put_object(Bucket=bucket, Key=f"{prefix}{file.key}", Body=file.read())
    preparation.report(f"created {len(files)} sample files in s3://{bucket}/{prefix}")


def _store_named_file(preparation: Preparation, bucket: str, key: str) -> None:
    from botocore.exceptions import ClientError

    s3 = preparation.clients("s3")
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        content = event_named(key)
        if content is not None:
            s3.put_object(Bucket=bucket, Key=key, Body=content)
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
            preparation.report(f'created s3://{bucket}/{key} with the ETag "{digest}"')


def _listed(preparation: Preparation, bucket: str) -> list[dict[str, Any]]:
    """List the objects as Step Functions does for a distributed map."""
    pages = preparation.clients("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [listed_item(found) for page in pages for found in page.get("Contents", ())]
