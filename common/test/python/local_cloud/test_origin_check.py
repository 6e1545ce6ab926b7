"""Web pages in a browser on the same machine cannot use the local cloud."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_cloud.origin_check import refusal
from local_cloud.page import PATH
from local_cloud.server import moto_server

type Clients = Callable[[str], Any]

EVIL = "http://evil.example"

JSON = {"Content-Type": "application/x-amz-json-1.1"}


@pytest.fixture(scope="module", params=["with functions", "plain"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a server that runs functions, and of one that does not."""
    if request.param == "with functions":
        yield request.getfixturevalue("cloud")
        return
    with moto_server() as plain:
        yield plain


def send(
    url: str,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    body: bytes = b"",
) -> tuple[int, Mapping[str, str], str]:
    address = urlsplit(url).netloc
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request(method, path, body=body, headers={"Host": address, **(headers or {})})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def signed(service: str) -> dict[str, str]:
    scope = f"x/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=h, Signature=0"}


FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "https://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "rebound.example"},
    {"Host": "rebound.example:80"},
    {"Host": "127.0.0.1.nip.io"},
    {"Host": "localhost.evil.example"},
    {"Host": "evillocalhost"},
    {"Host": "s3.amazonaws.com"},
    {"Host": ""},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: str(*foreign.items()))
def test_requests_of_other_sites_are_refused(url: str, foreign: dict[str, str]) -> None:
    own = {**signed("s3"), "Host": urlsplit(url).netloc}
    bucket = f"bucket-{uuid.uuid4()}"
    target = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"}
    for path, headers, method in (
        (f"/{bucket}", signed("s3"), "PUT"),
        ("/", {**signed("states"), **target, **JSON}, "POST"),
        ("/2015-03-31/functions", signed("lambda"), "POST"),
        ("/2015-03-31/functions", signed("lambda"), "OPTIONS"),
        ("/moto-api/reset", {}, "POST"),
        ("/moto-api/data.json", {}, "GET"),
        (PATH, {}, "GET"),
    ):
        status, answered, text = send(url, path, {**headers, **foreign}, method=method)
        assert status == 403, path
        assert "other web sites" in text or "http://127.0.0.1" in text
        assert not [name for name in answered if name.lower().startswith("access-control-")]
    assert send(url, f"/{bucket}", own, method="GET")[0] == 404, "the bucket was created"


def test_pages_of_other_sites_cannot_read_responses(url: str) -> None:
    status, headers, _ = send(url, "/", signed("s3"), method="GET")
    assert status == 200
    assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "any-bucket.localhost"])
def test_host_names_of_this_machine_are_accepted(url: str, host: str) -> None:
    port = urlsplit(url).port
    own = {"Host": f"{host}:{port}", "Sec-Fetch-Site": "same-origin"}
    for more in ({}, {"Sec-Fetch-Site": "none"}, {"Origin": f"http://{host}:{port}"}):
        assert send(url, "/", {**signed("sts"), **own, **more}, method="GET")[0] != 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_of_aws_clients_are_accepted(url: str, host: str) -> None:
    port = urlsplit(url).port
    endpoint = f"http://{host}:{port}"
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    bucket = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/ö b.txt", Body=b"x")
    # Sent without boto3, because not every machine resolves subdomains of `localhost`.
    virtual = {**signed("s3"), "Host": f"{bucket}.localhost:{port}"}
    status, _, text = send(url, "/a/%C3%B6%20b.txt", virtual, method="GET")
    assert (status, text) == (200, "x")
    sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1")
    assert sts.get_caller_identity()["Account"]


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_only_host_names_of_this_machine_are_accepted(host: str) -> None:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    own = name in {"127.0.0.1", "localhost", "[::1]"} or name.lower().endswith("localhost")
    if not own:
        assert refusal({"HTTP_HOST": host})


def test_the_refusal_says_what_to_do(url: str) -> None:
    _, headers, text = send(url, "/", {"Host": "rebound.example"})
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "http://127.0.0.1" in text
    assert json.dumps("rebound.example") not in text
