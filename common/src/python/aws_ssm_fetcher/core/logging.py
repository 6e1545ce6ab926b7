"""Logs and timings of the region report, under the name that users import.

All names are those of `lambda_core.observability`: JSON lines in Lambda, readable lines elsewhere.
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
