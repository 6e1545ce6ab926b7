"""Errors, retries and circuit breakers of the region report, under the name that users import.

All names are those of `lambda_core`. Each failed call is repeated with exponential backoff and full
jitter, and each service has a circuit breaker around that:

==========  =============================  ==========================================
values      retry                          circuit breaker
==========  =============================  ==========================================
STANDARD_…  3 attempts, pauses from 1 s    opens after 5 failures for 30 s, 3 trials
AWS_…       5 attempts, pauses up to 30 s  opens after 3 failures for 60 s, 2 trials
==========  =============================  ==========================================
"""

from __future__ import annotations

from lambda_core.circuit_breaker import AWS as AWS_BREAKER
from lambda_core.circuit_breaker import STANDARD as STANDARD_BREAKER
from lambda_core.circuit_breaker import (
    BreakerPolicy,
    CircuitBreaker,
    CircuitBreakers,
    CircuitState,
)
from lambda_core.errors import (
    ApplicationError,
    CircuitOpenError,
    ConfigurationError,
    DataSourceError,
    ProcessingError,
    ReportError,
)
from lambda_core.retry import AWS as AWS_RETRY
from lambda_core.retry import STANDARD as STANDARD_RETRY
from lambda_core.retry import RetryPolicy, Verdict

__all__ = [
    "AWS_BREAKER",
    "AWS_RETRY",
    "STANDARD_BREAKER",
    "STANDARD_RETRY",
    "ApplicationError",
    "BreakerPolicy",
    "CircuitBreaker",
    "CircuitBreakers",
    "CircuitOpenError",
    "CircuitState",
    "ConfigurationError",
    "DataSourceError",
    "ProcessingError",
    "ReportError",
    "RetryPolicy",
    "Verdict",
]
