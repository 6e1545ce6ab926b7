"""The visit event and its rules. Re-exports `event_log.models`."""

from __future__ import annotations

from event_log.models import (
    ACTIONS,
    DATATYPES,
    LARGEST_ADCID,
    SANDBOX,
    Action,
    Datatype,
    VisitEvent,
)

__all__ = [
    "ACTIONS",
    "DATATYPES",
    "LARGEST_ADCID",
    "SANDBOX",
    "Action",
    "Datatype",
    "VisitEvent",
]
