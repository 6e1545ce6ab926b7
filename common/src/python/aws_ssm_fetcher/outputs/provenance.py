"""Describes the origin and age of the data in the same way in every format."""

from __future__ import annotations

from typing import Any

from aws_ssm_fetcher.report import ReportMetadata


def data_age_days(metadata: ReportMetadata) -> int | None:
    """Return the age of the data in whole days when the report was generated, or None if unknown.

    The age of a snapshot counts from the snapshot's date. The age of live data counts from the time
    when it was read, which is in the past if it came from the cache.
    """
    source = metadata.source
    data_day = source.fetched_at.date() if source.live else source.data_as_of
    if data_day is None:
        return None
    return max(0, (metadata.generated_at.date() - data_day).days)


def notice(metadata: ReportMetadata) -> str:
    """Return one line that states the source, age and completeness of the data."""
    source, age = metadata.source, data_age_days(metadata)
    # The most important statements come first, because a page header may cut a long line.
    parts = [] if metadata.complete else ["INCOMPLETE"]
    parts.append(source.source if source.live else f"NOT LIVE DATA: {source.source}")
    if source.live:
        parts.append(f"read {source.fetched_at:%Y-%m-%d}")
    elif source.data_as_of is not None:
        parts.append(f"as of {source.data_as_of} ({age} days old)")
    parts.append(f"launch dates: {metadata.launch_source}")
    return ", ".join(parts)


def metadata_json(metadata: ReportMetadata) -> dict[str, Any]:
    """Return the metadata as JSON values, with the most important ones at the top level."""
    source = metadata.source
    return {
        "generated_at": metadata.generated_at.isoformat(),
        "total_combinations": metadata.total_combinations,
        "unique_regions": metadata.unique_regions,
        "unique_services": metadata.unique_services,
        "source": source.source,
        "live": source.live,
        "fetched_at": source.fetched_at.isoformat(),
        "data_as_of": source.data_as_of.isoformat() if source.data_as_of else None,
        "data_age_days": data_age_days(metadata),
        "launch_source": metadata.launch_source,
        "complete": metadata.complete,
        "completeness": [part.model_dump(mode="json") for part in metadata.completeness],
        "warnings": list(metadata.warnings),
        "calls": source.calls,
    }
