"""Errors of the repositories. `database_errors` is the only place that translates boto3's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, Protocol

from lambda_core.aws import AWS_ERRORS, classify_aws_error, error_code, explain_aws_error
from lambda_core.errors import ApplicationError
from lambda_core.retry import Verdict


class DatabaseError(ApplicationError):
    """A call to DynamoDB failed. The context contains `table` and `operation`."""


class ItemNotFoundError(DatabaseError):
    """The item does not exist."""


class ConditionFailedError(DatabaseError):
    """The condition of a write was not met, because another writer changed the item."""


class InvalidTokenError(ApplicationError):
    """A pagination token is damaged or belongs to another query."""


class HasTable(Protocol):
    """An object that works on a table."""

    @property
    def name(self) -> str:
        """Name of the table."""
        ...


_CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException"})
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
    }
)


def cancellation_reasons(error: Exception) -> list[str]:
    """Return the reason for each action of a cancelled transaction; "None" without a failure."""
    response = getattr(error, "response", None)
    reasons = response.get("CancellationReasons", []) if isinstance(response, dict) else []
    return [str(reason.get("Code", "None")) for reason in reasons]


def classify(error: Exception) -> Verdict:
    """Decide whether to retry after an error of DynamoDB.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    """
    code = error_code(error)
    if code == "TransactionCanceledException":
        reasons = set(cancellation_reasons(error)) - {"None"}
        if not reasons or reasons - _CONFLICTS - _THROTTLED:
            return Verdict.PERMANENT
        return Verdict.THROTTLED if reasons & _THROTTLED else Verdict.TRANSIENT
    if code in _CONFLICTS:
        return Verdict.TRANSIENT
    return classify_aws_error(error)


def is_failed_condition(error: Exception) -> bool:
    """Whether a write failed because its condition was not met."""
    return error_code(
        error
    ) == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in cancellation_reasons(
        error
    )


def database_errors[S: HasTable, **P, R](
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Decorate a method so that it raises `DatabaseError` instead of boto3's errors."""

    @functools.wraps(method)
    def translated(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except AWS_ERRORS as error:
            operation = method.__name__
            if is_failed_condition(error):
                raise ConditionFailedError(
                    f"{operation} in table {self.name}: an item was changed by another writer",
                    table=self.name,
                    operation=operation,
                ) from error
            failed = DatabaseError(
                f"{operation} in table {self.name} failed: {explain_aws_error(error)}",
                table=self.name,
                operation=operation,
                code=error_code(error),
            )
            failed.transient = classify(error) is not Verdict.PERMANENT
            raise failed from error

    return translated
