"""The keys of artefacts and reports in the bucket.

=====================================  ===================================================
key                                    content
=====================================  ===================================================
`raw-data/{id}/catalog.json`           the catalog, from the data fetcher
`raw-data/{id}/launches.json`          the launch dates, from the data fetcher
`processed-data/{id}/report.json`      the report's tables and analyses, from the processor
`temp-reports/{id}/json_csv/…`         files and `manifest.json` of the JSON/CSV generator
`temp-reports/{id}/excel/…`            file and `manifest.json` of the Excel generator
`reports/{id}/…`                       a complete set, kept; `summary.json` is written last
`reports/latest.json`                  the pointer to the set that readers should use
`reports/latest/…`                     copies of that set's files, for convenience
`cache/…`                              the cache, see `core.cache`
=====================================  ===================================================

Every function takes an `ExecutionId`, which its type has already validated.
"""

from __future__ import annotations

from typing import Final

from aws_ssm_fetcher.stages.contracts import LATEST
from lambda_core.s3 import require_prefix

CATALOG: Final = "catalog.json"
LAUNCHES: Final = "launches.json"
REPORT: Final = "report.json"
MANIFEST: Final = "manifest.json"

POINTER_KEY: Final = f"reports/{LATEST}.json"
LATEST_PREFIX: Final = f"reports/{LATEST}/"


def raw_prefix(execution_id: str) -> str:
    """Return the prefix where the data fetcher writes."""
    return require_prefix(f"raw-data/{execution_id}/")


def processed_prefix(execution_id: str) -> str:
    """Return the prefix where the processor writes."""
    return require_prefix(f"processed-data/{execution_id}/")


def json_csv_prefix(execution_id: str) -> str:
    """Return the prefix where the JSON/CSV generator writes."""
    return require_prefix(f"temp-reports/{execution_id}/json_csv/")


def excel_prefix(execution_id: str) -> str:
    """Return the prefix where the Excel generator writes."""
    return require_prefix(f"temp-reports/{execution_id}/excel/")


def set_prefix(execution_id: str) -> str:
    """Return the prefix of the execution's published set of reports."""
    return require_prefix(f"reports/{execution_id}/")


def intermediate_prefixes(execution_id: str) -> tuple[str, ...]:
    """Return the prefixes of the execution's artefacts, which contain no other execution's."""
    return (
        raw_prefix(execution_id),
        processed_prefix(execution_id),
        require_prefix(f"temp-reports/{execution_id}/"),
    )
