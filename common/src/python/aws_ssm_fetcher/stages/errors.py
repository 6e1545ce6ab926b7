"""The errors that a stage raises, under class names that the state machine checks.

Step Functions matches an error by the name of its class, so a failure that a retry may resolve has
a class of its own. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from lambda_core.aws import AWS_ERRORS, classify_aws_error
from lambda_core.errors import ApplicationError, CircuitOpenError, DataSourceError, cause_chain
from lambda_core.retry import Verdict
from lambda_core.s3 import PreconditionFailedError, S3Error, WriteUnknownError


class TransientDataSourceError(DataSourceError):
    """A source throttled the calls, failed or could not be reached; a retry may help."""

    transient = True


class TransientStorageError(S3Error):
    """S3 could not be read or written; a retry may help."""

    transient = True


def mark_transient(error: ApplicationError) -> ApplicationError:
    """Return the error as a transient class if a retry may help, otherwise unchanged."""
    if isinstance(error, S3Error):
        # If another writer was faster, a retry starts from the new state.
        raced = isinstance(error, PreconditionFailedError | WriteUnknownError)
        if raced or error.transient:
            return TransientStorageError(error.message, **error.context)
        return error
    if isinstance(error, CircuitOpenError):
        return TransientDataSourceError(error.message, **error.context)
    if isinstance(error, DataSourceError) and (error.transient or _aws_may_recover(error)):
        return TransientDataSourceError(error.message, **error.context)
    return error


def _aws_may_recover(error: ApplicationError) -> bool:
    return any(
        isinstance(link, CircuitOpenError)
        or (isinstance(link, AWS_ERRORS) and classify_aws_error(link) is not Verdict.PERMANENT)
        for link in cause_chain(error)
    )
