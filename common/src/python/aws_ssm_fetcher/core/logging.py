"""Logs and timings of the region report, under the name that users know.

All of it is `lambda_core.observability`'s: JSON lines in Lambda, lines for a reader elsewhere.
"""

from __future__ import annotations

from lambda_core.observability import (
    LOG_LEVELS,
    StepTiming,
    StepTimings,
    configure_logging,
    get_logger,
    timed_step,
)

__all__ = [
    "LOG_LEVELS",
    "StepTiming",
    "StepTimings",
    "configure_logging",
    "get_logger",
    "timed_step",
]
