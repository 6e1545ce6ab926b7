"""Errors, retries and circuit breakers of the region report, under the name that users know.

All of it is `lambda_core`'s; here is what the report uses, and with which values. Each call is
tried again with exponential backoff and full jitter, and each service has a breaker around that.

==========  =============================  ==========================================
values      retry                          circuit breaker
==========  =============================  ==========================================
STANDARD_…  3 attempts, pauses from 1 s    opens after 5 failures for 30 s, 3 trials
AWS_…       5 attempts, at most 30 s each  opens after 3 failures for 60 s, 2 trials
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
