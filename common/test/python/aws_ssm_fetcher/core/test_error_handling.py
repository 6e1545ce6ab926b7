from __future__ import annotations

from aws_ssm_fetcher.core import error_handling


def test_retries_have_the_documented_values() -> None:
    standard, aws = error_handling.STANDARD_RETRY, error_handling.AWS_RETRY

    assert (standard.attempts, standard.base_seconds) == (3, 1.0)
    assert (aws.attempts, aws.cap_seconds) == (5, 30.0)


def test_breakers_have_the_documented_values() -> None:
    assert (
        error_handling.BreakerPolicy(failure_threshold=5, open_seconds=30, half_open_calls=3)
        == error_handling.STANDARD_BREAKER
    )
    assert (
        error_handling.BreakerPolicy(failure_threshold=3, open_seconds=60, half_open_calls=2)
        == error_handling.AWS_BREAKER
    )


def test_all_errors_of_the_report_share_a_base_class() -> None:
    for error in (
        error_handling.CircuitOpenError,
        error_handling.ConfigurationError,
        error_handling.DataSourceError,
        error_handling.ProcessingError,
        error_handling.ReportError,
    ):
        assert issubclass(error, error_handling.ApplicationError)
