"""Real clients over real sockets: boto3 and http.client through the proxy to moto's server."""

from __future__ import annotations

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from lambda_testing.fault_proxy import (
    Action,
    Fault,
    FaultProxy,
    access_denied,
    all_of,
    always,
    aws_error,
    delay,
    every,
    first,
    hang,
    internal_server_error,
    mutate,
    mutate_json,
    on_operation,
    on_path,
    reset_connection,
    respond,
    throttling,
    truncate,
)
from lambda_testing.static_server import Reply, static_server
from local_cloud.loopback_server import ReceivedRequest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

REGIONS = "/aws/service/global-infrastructure/regions"


def ssm(proxy: FaultProxy, read_timeout: float = 60, connections: int = 10) -> SSMClient:
    """Create a client that does not retry, so that it sees every fault."""
    config = Config(
        retries={"total_max_attempts": 1},
        read_timeout=read_timeout,
        max_pool_connections=connections,
    )
    return boto3.client("ssm", endpoint_url=proxy.url, config=config)


def s3(proxy: FaultProxy) -> S3Client:
    return boto3.client(
        "s3", endpoint_url=proxy.url, config=Config(retries={"total_max_attempts": 1})
    )


def request(number: int = 1, body: bytes = b"", target: str | None = None) -> ReceivedRequest:
    headers = http.client.HTTPMessage()
    if target:
        headers["X-Amz-Target"] = target
    return ReceivedRequest(number, "POST", "/", headers, body)


class TestForwarding:
    def test_responses_are_unchanged(self, moto_server: str) -> None:
        with FaultProxy(moto_server) as proxy:
            through = ssm(proxy).get_parameters_by_path(Path=REGIONS)
        direct = boto3.client("ssm", endpoint_url=moto_server).get_parameters_by_path(Path=REGIONS)
        assert through["Parameters"] == direct["Parameters"]
        assert proxy.calls == {"GetParametersByPath": 1}
        assert proxy.outcomes == {"forwarded": 1}

    def test_s3_objects_are_unchanged(self, moto_server: str, bucket: str) -> None:
        content = bytes(range(256)) * 4_000
        with FaultProxy(moto_server) as proxy:
            client = s3(proxy)
            client.put_object(Bucket=bucket, Key="a b/ü", Body=content)
            head = client.head_object(Bucket=bucket, Key="a b/ü")
            body = client.get_object(Bucket=bucket, Key="a b/ü")["Body"].read()
            client.delete_object(Bucket=bucket, Key="a b/ü")
        assert body == content
        assert head["ContentLength"] == len(content)
        assert proxy.calls == {"PUT": 1, "HEAD": 1, "GET": 1, "DELETE": 1}

    def test_a_chunked_request_is_forwarded_completely(self) -> None:
        with static_server(Reply(body=b"ok")) as server, FaultProxy(server.url) as proxy:
            address = urlsplit(proxy.url)
            client = http.client.HTTPConnection(address.hostname or "", address.port)
            client.request("PUT", "/x", body=iter([b"abc", b"defg"]), encode_chunked=True)
            assert client.getresponse().read() == b"ok"
            client.close()
        assert server.requests[0].body == b"abcdefg"

    def test_concurrent_calls_are_all_counted(self, moto_server: str) -> None:
        with FaultProxy(moto_server) as proxy:
            client = ssm(proxy, connections=8)

            def call(_: int) -> int:
                return len(client.get_parameters_by_path(Path=REGIONS)["Parameters"])

            with ThreadPoolExecutor(8) as pool:
                assert set(pool.map(call, range(40))) == {10}
        assert proxy.calls["GetParametersByPath"] == 40
        assert proxy.outcomes == {"forwarded": 40}

    def test_an_unreachable_upstream_is_reported(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with (
            FaultProxy(f"http://127.0.0.1:{port}") as proxy,
            pytest.raises(ClientError) as caught,
        ):
            ssm(proxy).get_parameters_by_path(Path=REGIONS)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502
        assert +proxy.outcomes == {"upstream unreachable": 1}


class TestActions:
    @pytest.mark.parametrize(
        ("action", "code", "status"),
        [
            (throttling(), "ThrottlingException", 400),
            (access_denied(), "AccessDeniedException", 400),
            (internal_server_error(), "InternalServerError", 500),
            (aws_error("InvalidFilterKey"), "InvalidFilterKey", 400),
        ],
    )
    def test_aws_errors(self, moto_server: str, action: Action, code: str, status: int) -> None:
        with (
            FaultProxy(moto_server, [Fault(always, action)]) as proxy,
            pytest.raises(ClientError) as caught,
        ):
            ssm(proxy).get_parameters_by_path(Path=REGIONS)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert proxy.outcomes == {code: 1}

    def test_any_status(self, moto_server: str) -> None:
        action = respond(503, b"later", {"Retry-After": "7"})
        with (
            FaultProxy(moto_server, [Fault(always, action)]) as proxy,
            pytest.raises(ClientError) as caught,
        ):
            ssm(proxy).get_parameters_by_path(Path=REGIONS)
        metadata = caught.value.response["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == 503
        assert metadata["HTTPHeaders"]["retry-after"] == "7"
        assert proxy.outcomes == {"503": 1}

    def test_reset(self, moto_server: str) -> None:
        with FaultProxy(moto_server, [Fault(always, reset_connection())]) as proxy:
            with pytest.raises(ConnectionClosedError):
                ssm(proxy).get_parameters_by_path(Path=REGIONS)
            address = urlsplit(proxy.url)
            with socket.create_connection((address.hostname, address.port)) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        assert proxy.outcomes == {"reset": 2}

    def test_truncated_body(self, moto_server: str, bucket: str) -> None:
        with FaultProxy(moto_server, [Fault(always, truncate())]) as proxy:
            boto3.client("s3").put_object(Bucket=bucket, Key="k", Body=b"0123456789")
            body = s3(proxy).get_object(Bucket=bucket, Key="k")["Body"]
            with pytest.raises(ResponseStreamingError):
                body.read()
        assert proxy.outcomes == {"truncated": 1}

    def test_truncated_at_a_given_length(self) -> None:
        with (
            static_server(Reply(body=b"0123456789")) as server,
            FaultProxy(server.url, [Fault(always, truncate(keep=3))]) as proxy,
        ):
            address = urlsplit(proxy.url)
            client = http.client.HTTPConnection(address.hostname or "", address.port)
            client.request("GET", "/")
            response = client.getresponse()
            assert response.headers["Content-Length"] == "10"
            with pytest.raises(http.client.IncompleteRead) as caught:
                response.read()
            client.close()
        assert caught.value.partial == b"012"

    def test_hang_ends_with_the_client_timeout(self, moto_server: str) -> None:
        with (
            FaultProxy(moto_server, [Fault(always, hang())]) as proxy,
            pytest.raises(ReadTimeoutError),
        ):
            ssm(proxy, read_timeout=0.2).get_parameters_by_path(Path=REGIONS)
        assert proxy.outcomes == {"hung": 1}

    def test_a_hanging_call_ends_with_the_proxy(self, moto_server: str) -> None:
        reached = threading.Event()

        def arrived(_: ReceivedRequest) -> bool:
            reached.set()
            return True

        with ThreadPoolExecutor(1) as pool:
            with FaultProxy(moto_server, [Fault(arrived, hang())]) as proxy:
                call = pool.submit(ssm(proxy).get_parameters_by_path, Path=REGIONS)
                assert reached.wait(30)
            assert isinstance(call.exception(30), ConnectionClosedError)

    def test_delay_then_forward(self, moto_server: str) -> None:
        with FaultProxy(moto_server, [Fault(always, delay(0.01))]) as proxy:
            assert ssm(proxy).get_parameters_by_path(Path=REGIONS)["Parameters"]
        assert proxy.outcomes == {"delayed": 1}

    def test_a_changed_body(self, moto_server: str) -> None:
        action = mutate(lambda body: body.replace(b"af-south-1", b"af-north-22"))
        with FaultProxy(moto_server, [Fault(always, action)]) as proxy:
            page = ssm(proxy).get_parameters_by_path(Path=REGIONS)
        assert page["Parameters"][0]["Value"] == "af-north-22"
        assert proxy.outcomes == {"mutated": 1}

    def test_an_endless_page_token(self, moto_server: str) -> None:
        def endless(page: dict[str, Any]) -> dict[str, Any]:
            return {**page, "NextToken": "again"}

        with FaultProxy(moto_server, [Fault(always, mutate_json(endless))]) as proxy:
            pages = ssm(proxy).get_paginator("get_parameters_by_path").paginate(Path=REGIONS)
            assert next(iter(pages))["NextToken"] == "again"

    def test_an_empty_page_with_a_token(self, moto_server: str) -> None:
        def empty(page: dict[str, Any]) -> dict[str, Any]:
            return {**page, "Parameters": []}

        faults = [Fault(first(1), mutate_json(empty))]
        with FaultProxy(moto_server, faults) as proxy:
            page = ssm(proxy).get_parameters_by_path(Path=REGIONS)
        assert page["Parameters"] == []
        assert page["NextToken"]


class TestMatchers:
    def test_every_third_call_over_the_wire(self, moto_server: str) -> None:
        codes = []
        with FaultProxy(moto_server, [Fault(every(3), throttling())]) as proxy:
            client = ssm(proxy)
            for _ in range(7):
                try:
                    client.get_parameters_by_path(Path=REGIONS)
                    codes.append("ok")
                except ClientError as error:
                    codes.append(error.response["Error"]["Code"])
        assert [n for n, code in enumerate(codes, 1) if code != "ok"] == [3, 6]
        assert proxy.outcomes == {"forwarded": 5, "ThrottlingException": 2}

    def test_one_path_only(self, moto_server: str) -> None:
        faults = [Fault(on_path(f"{REGIONS}/us-east-1/"), access_denied())]
        with FaultProxy(moto_server, faults) as proxy:
            client = ssm(proxy)
            assert client.get_parameters_by_path(Path=f"{REGIONS}/us-east-2/services")
            with pytest.raises(ClientError, match="not authorized"):
                client.get_parameters_by_path(Path=f"{REGIONS}/us-east-1/services")

    def test_the_first_matching_fault_acts(self, moto_server: str) -> None:
        faults = [
            Fault(on_operation("GetParameters"), throttling()),
            Fault(always, internal_server_error()),
        ]
        with FaultProxy(moto_server, faults) as proxy:
            client = ssm(proxy)
            with pytest.raises(ClientError, match="ThrottlingException"):
                client.get_parameters(Names=["/a"])
            with pytest.raises(ClientError, match="InternalServerError"):
                client.get_parameter(Name="/a")
        assert proxy.calls == {"GetParameters": 1, "GetParameter": 1}

    def test_counting_matchers(self) -> None:
        third, two = every(3), first(2)
        assert [third(request(n)) for n in range(1, 8)] == [n % 3 == 0 for n in range(1, 8)]
        assert [two(request(n)) for n in range(1, 5)] == [True, True, False, False]

    def test_a_call_can_be_matched_a_limited_number_of_times(self) -> None:
        matches = every(2, most_for_a_call=1)
        assert [matches(request()) for _ in range(6)] == [False, True, False, False, False, False]

    def test_all_of_counts_only_what_reaches_the_counter(self) -> None:
        matches = all_of(on_operation("GetParameters"), first(1))
        other, wanted = request(), request(target="AmazonSSM.GetParameters")
        assert [matches(r) for r in (other, wanted, other, wanted)] == [False, True, False, False]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b'{"Path": "/a/b"}', True),
            (b'{"Path": "/b"}', False),
            (b'{"Path": 1}', False),
            (b'["Path"]', False),
            (b"Path", False),
            (b"\xff", False),
        ],
    )
    def test_paths_of_odd_bodies(self, body: bytes, expected: bool) -> None:
        assert on_path("/a")(request(body=body)) is expected

    def test_operation_of_a_request(self) -> None:
        assert request(target="AmazonSSM.GetParameters").operation == "GetParameters"
        assert request(target="DynamoDB_20120810.PutItem").operation == "PutItem"
        assert request().operation is None
