"""What every format says of the report's origin and age, in the same words."""

from __future__ import annotations

from typing import Any

from aws_ssm_fetcher.report import ReportMetadata


def data_age_days(metadata: ReportMetadata) -> int | None:
    """Whole days between the data and the report, or None where the data's age is not known.

    A snapshot's data is as old as the snapshot says; live data is as old as its reading, which
    lies in the past where a cache answered.
    """
    source = metadata.source
    data_day = source.fetched_at.date() if source.live else source.data_as_of
    if data_day is None:
        return None
    return max(0, (metadata.generated_at.date() - data_day).days)


def notice(metadata: ReportMetadata) -> str:
    """One line for people: where the data is from, how old it is, and what is wrong with it."""
    source, age = metadata.source, data_age_days(metadata)
    # First, what a page header must not lose where it cuts a long line.
    parts = [] if metadata.complete else ["INCOMPLETE"]
    parts.append(source.source if source.live else f"NOT LIVE DATA: {source.source}")
    if source.live:
        parts.append(f"read {source.fetched_at:%Y-%m-%d}")
    elif source.data_as_of is not None:
        parts.append(f"as of {source.data_as_of} ({age} days old)")
    parts.append(f"launch dates: {metadata.launch_source}")
    return ", ".join(parts)


def metadata_json(metadata: ReportMetadata) -> dict[str, Any]:
    """Return the metadata as JSON values, flat where readers look first."""
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
