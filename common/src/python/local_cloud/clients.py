"""boto3 clients for the local cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

REGION = "us-east-1"


type Clients = Callable[[str], Any]
"""Creates a boto3 client for a service, as in `clients("lambda")`."""

INVOCATION_SECONDS = 1020.0
"""The most that a function may take, 900 s, with its start and the time for its packages."""


def clients_of(endpoint: str, *, invocation_seconds: float = INVOCATION_SECONDS) -> Clients:
    """Return a maker of clients for a local cloud.

    Parameters
    ----------
    invocation_seconds
        How long the client of Lambda waits for an answer, which comes when the function ends.
    """
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - made up, like the key
        region_name=REGION,
    )
    # A second attempt would run the function a second time, beside the first.
    once = Config(read_timeout=invocation_seconds, retries={"total_max_attempts": 1})
    return lambda service: session.client(  # type: ignore[call-overload]  # any service
        service, endpoint_url=endpoint, config=once if service == "lambda" else None
    )
