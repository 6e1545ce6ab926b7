"""AWS clients, and the meaning of their errors.

botocore's own retries are disabled. Only `lambda_core.retry` retries calls, so all attempts are
counted and reported.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import ssl
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import boto3
import botocore.exceptions as aws_errors
import botocore.session
from botocore.config import Config
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from lambda_core.errors import ConfigurationError
from lambda_core.retry import Verdict

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

_THROTTLED_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_TRANSIENT_CODES: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
_TRANSIENT_STATUS: Final = frozenset({500, 502, 503, 504})
_TRANSIENT_ERRORS: Final = (
    aws_errors.ConnectionError,
    aws_errors.HTTPClientError,
    aws_errors.IncompleteReadError,
    aws_errors.ChecksumError,
    aws_errors.FlexibleChecksumError,
    # A truncated response, or a page of a proxy instead of a response.
    ResponseParserError,
)
_DENIED_CODES: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "Forbidden",
        "UnauthorizedOperation",
        "403",
    }
)
_CREDENTIAL_CODES: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

AWS_ERRORS: Final = (aws_errors.BotoCoreError, aws_errors.ClientError, ResponseParserError)
"""The errors that a failed boto3 call raises."""

# A session is not thread-safe while it creates a client.
_session_lock: Final = threading.Lock()


@overload
def client(
    service: Literal["dynamodb"],
    *,
    region: str | None = None,
    profile: str | None = None,
    endpoint_url: str | None = None,
    pool_size: int = 10,
    user_agent: str | None = None,
) -> DynamoDBClient: ...


@overload
def client(
    service: Literal["s3"],
    *,
    region: str | None = None,
    profile: str | None = None,
    endpoint_url: str | None = None,
    pool_size: int = 10,
    user_agent: str | None = None,
) -> S3Client: ...


@overload
def client(
    service: Literal["ssm"],
    *,
    region: str | None = None,
    profile: str | None = None,
    endpoint_url: str | None = None,
    pool_size: int = 10,
    user_agent: str | None = None,
) -> SSMClient: ...


def client(
    service: Literal["dynamodb", "s3", "ssm"],
    *,
    region: str | None = None,
    profile: str | None = None,
    endpoint_url: str | None = None,
    pool_size: int = 10,
    user_agent: str | None = None,
) -> DynamoDBClient | S3Client | SSMClient:
    """Create a client that does not retry.

    Parameters
    ----------
    service
        Name of the AWS service.
    region, profile, endpoint_url
        If None, boto3 uses the environment and then the configuration files.
    pool_size
        Size of the connection pool; use the number of threads that share the client.
    user_agent
        Added to the user agent, such as `report/1.0`.

    Raises
    ------
    ConfigurationError
        The profile does not exist, no region is set, the endpoint is not a URL, or the certificate
        file that the environment names cannot be read.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=pool_size,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
        user_agent_extra=user_agent,
    )
    try:
        with _session_lock:
            created = _session(profile).client(
                service, region_name=region, endpoint_url=endpoint_url, config=config
            )
    except (aws_errors.BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"cannot create a client for {service}: {explain_aws_error(error)}", service=service
        ) from error
    if created.meta.endpoint_url.startswith("https:"):
        _require_certificates()
    created.meta.events.register(f"before-parse.{service}", _reject_damaged_response)
    return created


def _require_certificates() -> None:
    """Check the certificate file now; otherwise every call would fail like a network error."""
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        if path := os.environ.get(variable):
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
            except OSError as error:
                raise ConfigurationError(
                    f"{variable} is {path!r}, but this file cannot be read as certificates "
                    f"({error.strerror or error}); correct or unset the variable",
                    variable=variable,
                ) from error
            return


@cache
def _session(profile: str | None) -> boto3.Session:
    core = botocore.session.get_session()
    core.get_component("response_parser_factory").set_parser_defaults(
        timestamp_parser=_parse_timestamp
    )
    return boto3.Session(botocore_session=core, profile_name=profile)


def _parse_timestamp(value: float | str) -> dt.datetime:
    """Parse a time as botocore does, but parse the common formats directly.

    botocore tries a number as text in the local time zone first, which takes a seventh of its time
    for a page of SSM parameters. It passes ISO 8601 to a parser of all date formats, which takes
    two thirds of its time for a page of S3 objects.
    """
    if isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        return parse_timestamp(value)


def _reject_damaged_response(
    operation_model: OperationModel, response_dict: dict[str, Any], **_: object
) -> None:
    """Raise if botocore would take a damaged response for an empty response.

    botocore does not compare the length of the body with Content-Length, and treats invalid JSON as
    a response without fields. A truncated page, or a page of a proxy, would look like the last page
    of a list.
    """
    body = response_dict["body"]
    if not isinstance(body, bytes) or operation_model.http.get("method") == "HEAD":
        return
    stated = response_dict["headers"].get("Content-Length")
    if stated is not None and (length := _length(stated, operation_model.name)) != len(body):
        raise aws_errors.IncompleteReadError(actual_bytes=len(body), expected_bytes=length)
    if (
        operation_model.service_model.resolved_protocol == "json"
        and response_dict["status_code"] == 200
        and not body.lstrip().startswith(b"{")
    ):
        raise ResponseParserError(
            f"the response to {operation_model.name} is not JSON; it begins with {body[:40]!r}"
        )


def _length(stated: str, operation: str) -> int:
    """Parse a Content-Length, which a proxy may repeat (RFC 9110, section 8.6)."""
    repeated = {part.strip() for part in stated.split(",")}
    length = repeated.pop()
    if repeated or not re.fullmatch(r"[0-9]{1,18}", length):
        raise ResponseParserError(
            f"the response to {operation} has an invalid Content-Length: {stated[:40]!r}"
        )
    return int(length)


def error_code(error: Exception) -> str:
    """Return the AWS error code, such as `ThrottlingException`, or "" if there is none."""
    return str(_details(error).get("Code", ""))


def status_code(error: Exception) -> int:
    """Return the HTTP status of an error response, or 0 if there was no response."""
    if not isinstance(error, aws_errors.ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _details(error: Exception) -> dict[str, Any]:
    if not isinstance(error, aws_errors.ClientError):
        return {}
    return dict(error.response.get("Error", {}))


def classify_aws_error(error: Exception) -> Verdict:
    """Classify an error of boto3 for `RetryPolicy.call`.

    The codes are those of the standard retry mode of the AWS SDKs:
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html

    Examples
    --------
    >>> classify_aws_error(aws_errors.ConnectTimeoutError(endpoint_url="https://example.org"))
    <Verdict.TRANSIENT: 'transient'>
    >>> classify_aws_error(KeyError("our own mistake"))
    <Verdict.PERMANENT: 'permanent'>
    """
    code = error_code(error)
    status = status_code(error)
    if code in _THROTTLED_CODES or status == 429:
        return Verdict.THROTTLED
    if code in _TRANSIENT_CODES or status in _TRANSIENT_STATUS:
        return Verdict.TRANSIENT
    if isinstance(error, aws_errors.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Verdict.PERMANENT
    if isinstance(error, _TRANSIENT_ERRORS):
        return Verdict.TRANSIENT
    return Verdict.PERMANENT


def is_aws_fault(error: Exception) -> bool:
    """Whether an error is a failure for a circuit breaker: it is transient, but not throttling."""
    return classify_aws_error(error) is Verdict.TRANSIENT


def explain_aws_error(error: Exception) -> str:
    """Return one line: the message of boto3 and, if known, what to do."""
    message = " ".join(str(error).split())
    advice = _advice(error)
    return f"{message} - {advice}" if advice else message


def _advice(error: Exception) -> str:
    code = error_code(error)
    if code in _CREDENTIAL_CODES:
        return "the credentials are expired or wrong: sign in again"
    if code in _DENIED_CODES:
        return "these credentials do not allow this action: add it to their policy"
    if code in _THROTTLED_CODES:
        return "the quota is used up: call less often, or later"
    match error:
        case aws_errors.NoCredentialsError() | aws_errors.PartialCredentialsError():
            return "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in"
        case aws_errors.ProfileNotFound():
            return "`aws configure list-profiles` shows the existing profiles"
        case aws_errors.NoRegionError():
            return "set AWS_DEFAULT_REGION"
        case aws_errors.TokenRetrievalError() | aws_errors.UnauthorizedSSOTokenError():
            return "sign in again with `aws sso login`"
        case aws_errors.ConnectionError() | aws_errors.HTTPClientError():
            return "check the network, the proxy and the endpoint"
    return ""
