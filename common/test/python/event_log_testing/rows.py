"""Rows of checkpoints."""

from __future__ import annotations

import datetime as dt
from typing import Any


def event_row(**values: object) -> dict[str, Any]:
    """Return the row of a submitted UDS form; `values` replace or add columns."""
    return {
        "action": "submit",
        "study": "adrc",
        "pipeline_adcid": 42,
        "project_label": "ingest-form",
        "center_label": "alpha",
        "gear_name": "gear",
        "ptid": "1",
        "visit_date": "2024-01-15",
        "visit_number": None,
        "datatype": "form",
        "module": "UDS",
        "packet": "I",
        "timestamp": dt.datetime(2024, 1, 20, 12, tzinfo=dt.UTC),
        **values,
    }
