from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import botocore.exceptions as aws_errors
import pytest
from botocore.httpsession import DEFAULT_CA_BUNDLE
from botocore.parsers import ResponseParserError

from lambda_core.aws import (
    AWS_ERRORS,
    classify_aws_error,
    client,
    error_code,
    explain_aws_error,
    is_aws_fault,
    status_code,
)
from lambda_core.errors import ConfigurationError
from lambda_core.retry import Verdict


class Service(BaseHTTPRequestHandler):
    """Answers each call as the test has set, and records the requests."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b"{}"
    lengths: ClassVar[tuple[int | str, ...]] = ()
    requests: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        self.requests.append(dict(self.headers))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        for length in self.lengths or (len(self.body),):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(self.body)
        self.close_connection = True

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def service_url() -> Iterator[str]:
    Service.requests.clear()
    Service.status, Service.body, Service.lengths = 200, b"{}", ()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def error_of_call(url: str) -> Exception:
    with pytest.raises(AWS_ERRORS) as caught:
        client("ssm", endpoint_url=url).get_parameter(Name="/a")
    return caught.value


def test_a_client_reads_from_a_service(moto_server: str) -> None:
    ssm = client("ssm", region="us-east-1", endpoint_url=moto_server)
    answer = ssm.get_parameter(Name="/aws/service/global-infrastructure/regions/af-south-1")
    assert answer["Parameter"]["Value"] == "af-south-1"


@pytest.mark.parametrize("written", ["1750000000.5", '"2025-06-15T15:06:40.5Z"'])
def test_times_are_parsed_from_numbers_and_text(service_url: str, written: str) -> None:
    Service.body = f'{{"Parameter": {{"LastModifiedDate": {written}}}}}'.encode()
    answer = client("ssm", endpoint_url=service_url).get_parameter(Name="/a")
    assert answer["Parameter"]["LastModifiedDate"] == dt.datetime(
        2025, 6, 15, 15, 6, 40, 500_000, dt.UTC
    )


def test_the_user_agent_is_sent(service_url: str) -> None:
    client("ssm", endpoint_url=service_url, user_agent="report/1.0").describe_parameters()
    assert "report/1.0" in Service.requests[0]["User-Agent"]


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (400, "ThrottlingException", Verdict.THROTTLED),
        (400, "TooManyRequestsException", Verdict.THROTTLED),
        (503, "SlowDown", Verdict.THROTTLED),
        (429, "Unheard", Verdict.THROTTLED),
        (500, "InternalServerError", Verdict.TRANSIENT),
        (503, "Unheard", Verdict.TRANSIENT),
        (400, "RequestTimeout", Verdict.TRANSIENT),
        (400, "AccessDeniedException", Verdict.PERMANENT),
        (400, "ParameterNotFound", Verdict.PERMANENT),
        (403, "ExpiredTokenException", Verdict.PERMANENT),
    ],
)
def test_error_responses_are_classified_and_not_retried(
    service_url: str, status: int, code: str, verdict: Verdict
) -> None:
    Service.status = status
    Service.body = f'{{"__type": "{code}", "message": "no"}}'.encode()
    error = error_of_call(service_url)
    assert (error_code(error), status_code(error)) == (code, status)
    assert classify_aws_error(error) is verdict
    assert is_aws_fault(error) is (verdict is Verdict.TRANSIENT)
    assert len(Service.requests) == 1


def test_a_truncated_response_is_transient(service_url: str) -> None:
    Service.body = b'{"Parameter": {"Name": "/a"'
    Service.lengths = (1000,)
    error = error_of_call(service_url)
    assert isinstance(error, aws_errors.IncompleteReadError)
    assert classify_aws_error(error) is Verdict.TRANSIENT


@pytest.mark.parametrize("lengths", [("2, 2",), ("2 ,2",), (2, 2)], ids=str)
def test_a_repeated_content_length_is_accepted(
    service_url: str, lengths: tuple[int | str, ...]
) -> None:
    Service.lengths = lengths
    answer = client("ssm", endpoint_url=service_url).get_parameters(Names=["/a"])
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "length",
    ["2, 3", "2, two", "2,", "two", "-2", "+2", "\u00b2", "9" * 5000],
    ids=lambda text: text[:9],
)
def test_an_invalid_content_length_is_transient(service_url: str, length: str) -> None:
    Service.lengths = (length,)
    error = error_of_call(service_url)
    # urllib3 itself refuses several numbers.
    assert isinstance(error, ResponseParserError | aws_errors.HTTPClientError)
    assert "Content-Length" in str(error)
    assert len(str(error)) < 200
    assert classify_aws_error(error) is Verdict.TRANSIENT


@pytest.mark.parametrize("body", [b"<html>Sign in to the network</html>", b""])
def test_a_response_that_is_not_json_is_transient_and_never_empty(
    service_url: str, body: bytes
) -> None:
    Service.body = body
    error = error_of_call(service_url)
    assert "GetParameter is not JSON" in str(error)
    assert classify_aws_error(error) is Verdict.TRANSIENT


def test_a_response_without_a_body_is_accepted(moto_server: str) -> None:
    s3 = client("s3", endpoint_url=moto_server)
    s3.create_bucket(Bucket="aws-test-bucket")
    s3.put_object(Bucket="aws-test-bucket", Key="k", Body=b"12345")
    assert s3.head_object(Bucket="aws-test-bucket", Key="k")["ContentLength"] == 5
    assert s3.get_object(Bucket="aws-test-bucket", Key="k")["Body"].read() == b"12345"


def test_an_unreachable_service_is_transient_and_explained() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = error_of_call(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert classify_aws_error(error) is Verdict.TRANSIENT
    assert (error_code(error), status_code(error)) == ("", 0)
    assert "check the network" in explain_aws_error(error)


def test_a_wrong_certificate_is_permanent() -> None:
    wrong = aws_errors.SSLError(
        endpoint_url="https://x", error=OSError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    )
    broken = aws_errors.SSLError(endpoint_url="https://x", error=OSError("EOF occurred"))
    assert classify_aws_error(wrong) is Verdict.PERMANENT
    assert classify_aws_error(broken) is Verdict.TRANSIENT


def test_an_error_of_our_own_code_is_permanent() -> None:
    assert classify_aws_error(KeyError("x")) is Verdict.PERMANENT


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("AccessDeniedException", "to their policy"),
        ("ExpiredTokenException", "sign in again"),
        ("ThrottlingException", "less often"),
    ],
)
def test_an_error_response_is_explained(service_url: str, code: str, advice: str) -> None:
    Service.status = 400
    Service.body = f'{{"__type": "{code}", "message": "no,\\n really"}}'.encode()
    explained = explain_aws_error(error_of_call(service_url))
    assert code in explained
    assert advice in explained
    assert "\n" not in explained


def test_an_error_without_advice_is_unchanged() -> None:
    assert explain_aws_error(ValueError("odd")) == "odd"


def test_missing_credentials_are_explained(
    service_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("[profile bare]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "empty"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(aws_errors.NoCredentialsError) as caught:
        client("ssm", profile="bare", endpoint_url=service_url).get_parameter(Name="/a")
    assert "AWS_PROFILE" in explain_aws_error(caught.value)
    assert Service.requests == []


def test_an_unknown_profile_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"nobody.*aws configure list-profiles"):
        client("s3", profile="nobody")


def test_a_missing_region_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile regionless]\noutput = json\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        client("ssm", profile="regionless")


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_unreadable_certificate_file_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    monkeypatch.setenv(variable, str(bundle))
    with pytest.raises(
        ConfigurationError, match=f"{variable} is .*bundle.pem.* unset the variable"
    ):
        client("ssm", endpoint_url="https://127.0.0.1:9")


def test_certificates_are_checked_only_for_https(
    service_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/bundle.pem")
    client("ssm", endpoint_url=service_url).get_parameters(Names=["/a"])


def test_existing_certificates_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", DEFAULT_CA_BUNDLE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = error_of_call(f"https://127.0.0.1:{taken.getsockname()[1]}")
    assert isinstance(error, aws_errors.EndpointConnectionError)


def test_an_endpoint_that_is_not_a_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="nonsense"):
        client("ssm", endpoint_url="nonsense")
