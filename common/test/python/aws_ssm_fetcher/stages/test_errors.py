"""The state machine checks class names: which errors keep their class, and which do not."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.parsers import ResponseParserError

from aws_ssm_fetcher.stages.errors import (
    TransientDataSourceError,
    TransientStorageError,
    mark_transient,
)
from lambda_core.errors import (
    ApplicationError,
    CircuitOpenError,
    DataSourceError,
    InvalidEventError,
    ProcessingError,
    ReportError,
)
from lambda_core.s3 import ObjectNotFoundError, PreconditionFailedError, S3Error, WriteUnknownError


def aws_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # the other fields play no part
        "GetParameters",
    )


def caused(error: ApplicationError, cause: Exception) -> ApplicationError:
    error.__cause__ = cause
    return error


def transient(error: ApplicationError) -> ApplicationError:
    error.transient = True
    return error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (caused(DataSourceError("no"), aws_error("ThrottlingException")), TransientDataSourceError),
        (caused(DataSourceError("no"), aws_error("Boom", 503)), TransientDataSourceError),
        (
            caused(DataSourceError("no"), EndpointConnectionError(endpoint_url="http://x")),
            TransientDataSourceError,
        ),
        (caused(DataSourceError("no"), ResponseParserError("cut")), TransientDataSourceError),
        (caused(DataSourceError("no"), CircuitOpenError("open")), TransientDataSourceError),
        (CircuitOpenError("open"), TransientDataSourceError),
        (transient(DataSourceError("no")), TransientDataSourceError),
        (transient(S3Error("no")), TransientStorageError),
        (PreconditionFailedError("no"), TransientStorageError),
        (WriteUnknownError("no"), TransientStorageError),
    ],
)
def test_transient_errors_have_their_own_class(
    error: ApplicationError, name: type[Exception]
) -> None:
    error.context["key"] = "a"
    marked = mark_transient(error)
    assert type(marked) is name
    assert (marked.message, marked.context) == (error.message, error.context)
    assert marked.transient


@pytest.mark.parametrize(
    "error",
    [
        DataSourceError("no"),
        caused(DataSourceError("no"), aws_error("AccessDeniedException")),
        caused(DataSourceError("no"), NoCredentialsError()),
        S3Error("no"),
        ObjectNotFoundError("no"),
        ProcessingError("no"),
        ReportError("no"),
        InvalidEventError("no"),
    ],
)
def test_permanent_errors_are_unchanged(error: ApplicationError) -> None:
    assert mark_transient(error) is error
