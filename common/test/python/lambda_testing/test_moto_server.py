from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from lambda_testing.moto_server import running_moto_server


def test_it_runs_on_loopback_until_the_block_ends() -> None:
    with running_moto_server() as endpoint:
        assert endpoint.startswith("http://127.0.0.1:")
        client = boto3.client("ssm", endpoint_url=endpoint)
        client.put_parameter(Name="/a", Value="1", Type="String")
        assert client.get_parameter(Name="/a")["Parameter"]["Value"] == "1"
    with pytest.raises(EndpointConnectionError):
        boto3.client("ssm", endpoint_url=endpoint).get_parameter(Name="/a")


def test_two_servers_run_at_the_same_time() -> None:
    with running_moto_server() as first, running_moto_server() as second:
        assert first != second
