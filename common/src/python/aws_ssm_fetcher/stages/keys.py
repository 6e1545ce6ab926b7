"""Where the artefacts and the reports lie in the bucket.

=====================================  ===================================================
key                                    what
=====================================  ===================================================
`raw-data/{id}/catalog.json`           the catalog, from the data fetcher
`raw-data/{id}/launches.json`          the launch dates, from the data fetcher
`processed-data/{id}/report.json`      the report's tables and analyses, from the processor
`temp-reports/{id}/json_csv/…`         files and `manifest.json` of the JSON/CSV generator
`temp-reports/{id}/excel/…`            file and `manifest.json` of the Excel generator
`reports/{id}/…`                       a whole set, for good; `summary.json` is written last
`reports/latest.json`                  the pointer to the set that readers should take
`reports/latest/…`                     copies of that set's files, a convenience
`cache/…`                              what was fetched, see `core.cache`
=====================================  ===================================================

Every function takes an `ExecutionId`, which is valid by its type.
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
    """Return where the data fetcher writes."""
    return require_prefix(f"raw-data/{execution_id}/")


def processed_prefix(execution_id: str) -> str:
    """Return where the processor writes."""
    return require_prefix(f"processed-data/{execution_id}/")


def json_csv_prefix(execution_id: str) -> str:
    """Return where the JSON/CSV generator writes."""
    return require_prefix(f"temp-reports/{execution_id}/json_csv/")


def excel_prefix(execution_id: str) -> str:
    """Return where the Excel generator writes."""
    return require_prefix(f"temp-reports/{execution_id}/excel/")


def set_prefix(execution_id: str) -> str:
    """Return where the whole set of reports lies for good."""
    return require_prefix(f"reports/{execution_id}/")


def intermediate_prefixes(execution_id: str) -> tuple[str, ...]:
    """Return where an execution leaves what is not its set; no other execution's is below."""
    return (
        raw_prefix(execution_id),
        processed_prefix(execution_id),
        require_prefix(f"temp-reports/{execution_id}/"),
    )
