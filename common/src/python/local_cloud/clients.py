"""boto3 clients for the local cloud."""

from __future__ import annotations

from triggers.executions import Clients

__all__ = ["INVOCATION_SECONDS", "REGION", "Clients", "clients_of"]

REGION = "us-east-1"

INVOCATION_SECONDS = 1020.0
"""Lambda's longest timeout, 900 s, plus time for unpacking and starting the function."""


def clients_of(endpoint: str, *, invocation_seconds: float = INVOCATION_SECONDS) -> Clients:
    """Return a function that creates clients for a local cloud.

    Parameters
    ----------
    invocation_seconds
        How long the Lambda client waits until a function has ended.
    """
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - not a real key
        region_name=REGION,
    )
    # A retry would run the function a second time while the first run continues.
    once = Config(read_timeout=invocation_seconds, retries={"total_max_attempts": 1})
    return lambda service: session.client(  # type: ignore[call-overload]  # any service
        service, endpoint_url=endpoint, config=once if service == "lambda" else None
    )
