"""What sample events of the region report need: a bucket and the output of earlier stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aws_ssm_fetcher.stages.contracts import FetchRequest, StageRequest
from aws_ssm_fetcher.stages.keys import excel_prefix, json_csv_prefix, processed_prefix, raw_prefix
from local_cloud.server import snapshot_day, snapshot_label
from run_local.preparation import Preparation

OUTPUT_PREFIXES: Final[Mapping[str, Callable[[str], str]]] = {
    "data_fetcher": raw_prefix,
    "processor": processed_prefix,
    "json_csv_generator": json_csv_prefix,
    "excel_generator": excel_prefix,
}
"""Where each stage writes, in the order of the stages."""

EARLIER_STAGES: Final = {
    "processor": ("data_fetcher",),
    "json_csv_generator": ("data_fetcher", "processor"),
    "excel_generator": ("data_fetcher", "processor"),
}
"""The stages whose output a stage reads. The orchestrator's event names them itself."""

ORCHESTRATED: Final = {
    "fetch": "data_fetcher",
    "process": "processor",
    "json_csv": "json_csv_generator",
    "excel": "excel_generator",
}
"""Fields of the orchestrator's event, and the stages whose results they hold."""


def local_source() -> dict[str, str]:
    """Return the variables that describe moto's snapshot as the source of the data."""
    day = snapshot_day()
    return {
        # A blank variable counts as not set; without a URL, the project's launch dates are used.
        "RSS_URL": "",
        "SOURCE_LABEL": snapshot_label(),
        "SOURCE_AS_OF": day.isoformat() if day else "",
        # The local server has no quota.
        "SSM_MAX_TPS": "10000",
    }


def prepare(preparation: Preparation) -> dict[str, str]:
    """Create the bucket and run the stages whose output is missing; returns the variables."""
    bucket = preparation.chosen.get("OUTPUT_S3_BUCKET") or _bucket(preparation)
    variables = {"OUTPUT_S3_BUCKET": bucket, "S3_CACHE_BUCKET": bucket, **local_source()}
    preparation.create_bucket(bucket)
    if preparation.function == "data_fetcher" and not preparation.chosen.get("RSS_URL"):
        preparation.report("uses the project's own launch dates; --env RSS_URL=URL reads a feed")
    for stage in _earlier_stages(preparation):
        _run(preparation, stage, bucket, variables)
    return variables


def _bucket(preparation: Preparation) -> str:
    """Return the bucket that the event names, or the default."""
    location = preparation.text("data_location") or _location(preparation.event.get("fetch"))
    scheme, _, rest = location.partition("s3://")
    named = rest.partition("/")[0] if not scheme else ""
    return named or preparation.deployer.bucket_name("data")


def _location(result: Any) -> str:  # noqa: ANN401 - JSON
    value = result.get("data_location") if isinstance(result, dict) else None
    return value if isinstance(value, str) else ""


def _earlier_stages(preparation: Preparation) -> tuple[str, ...]:
    if preparation.function == "report_orchestrator":
        return tuple(
            stage for name, stage in ORCHESTRATED.items() if _location(preparation.event.get(name))
        )
    return EARLIER_STAGES.get(preparation.function, ())


def _run(preparation: Preparation, stage: str, bucket: str, variables: Mapping[str, str]) -> None:
    execution_id = preparation.text("execution_id")
    request: FetchRequest | StageRequest
    try:
        if stage == "data_fetcher":
            request = FetchRequest(execution_id=execution_id)
        else:
            before = EARLIER_STAGES[stage][-1]
            location = f"s3://{bucket}/{OUTPUT_PREFIXES[before](execution_id)}"
            request = StageRequest(execution_id=execution_id, data_location=location)
        prefix = OUTPUT_PREFIXES[stage](execution_id)
    except ValueError:
        # The function itself reports what is wrong with the execution ID.
        return
    if not preparation.has_objects(bucket, prefix):
        event = request.model_dump(mode="json", exclude_none=True)
        preparation.run(stage, event, variables)
        preparation.report(f"created s3://{bucket}/{prefix}")
