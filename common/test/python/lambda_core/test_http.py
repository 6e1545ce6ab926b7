from __future__ import annotations

import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.circuit_breaker import BreakerPolicy, CircuitBreakers
from lambda_core.errors import ApplicationError, CircuitOpenError, describe_error
from lambda_core.http import (
    HttpError,
    HttpLimits,
    HttpResponse,
    HttpSession,
    HttpStatusError,
    HttpTimeoutError,
    HttpUnreachableError,
    ResponseTooLargeError,
    TruncatedResponseError,
    is_server_fault,
    parse_retry_after,
    user_agent,
)
from lambda_core.retry import RetryPolicy, Verdict

NOW = dt.datetime(2024, 5, 1, 12, 0, tzinfo=dt.UTC)

type Answer = bytes | list[bytes] | Callable[[socket.socket], None]


class Peer:
    """A server on a socket that sends the next answer to each request, byte for byte.

    The last answer is repeated. A connection stays open until an answer has `Connection: close`, or
    is a function, which controls the socket.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.greeting = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.sendall(self.greeting)
            while True:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    try:
                        data = connection.recv(4096)
                    except OSError:
                        return
                    if not data:
                        return
                    request += data
                self.requests.append(request)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                try:
                    if callable(answer):
                        answer(connection)
                        return
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        connection.sendall(piece)
                except OSError:
                    return
                if b"Connection: close" in answer:
                    return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def answer(body: bytes = b"", status: str = "200 OK", close: bool = False, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def session(
    *,
    attempts: int = 1,
    sleeps: list[float] | None = None,
    limits: HttpLimits | None = None,
    breakers: CircuitBreakers | None = None,
) -> HttpSession:
    return HttpSession(
        user_agent("tests", "1.0"),
        limits=limits,
        retry=RetryPolicy(attempts=attempts, throttle_attempts=max(2, attempts), base_seconds=0),
        breakers=breakers,
        sleep=([] if sleeps is None else sleeps).append,
    )


def test_get_returns_the_page_and_sends_the_user_agent(peer: Peer) -> None:
    peer.answers = [answer(b"hello", Content_Type="text/plain")]
    page = session().get(f"{peer.url}/a?b=c", max_bytes=5, headers={"X-Why": "test"})
    assert (page.status, page.content, page.url) == (200, b"hello", f"{peer.url}/a?b=c")
    assert page.headers["content-type"] == "text/plain"
    request = peer.requests[0]
    assert request.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"\r\nUser-Agent: tests/1.0\r\n" in request
    assert b"\r\nAccept-Encoding: gzip\r\n" in request
    assert b"\r\nX-Why: test\r\n" in request


def test_a_connection_is_reused(peer: Peer) -> None:
    peer.answers = [answer(b"x" * 200_000)]
    with_session = session()
    for _ in range(3):
        with_session.get(peer.url, max_bytes=200_000)
    assert peer.connections == 1
    with_session.close()


def test_cookies_are_not_stored(peer: Peer) -> None:
    peer.answers = [answer(Set_Cookie="id=1; Path=/")]
    with_session = session()
    with_session.get(peer.url, max_bytes=0)
    with_session.get(peer.url, max_bytes=0)
    assert b"Cookie" not in peer.requests[1]


def test_a_conditional_request_accepts_status_304(peer: Peer) -> None:
    peer.answers = [b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n']
    page = session().get(peer.url, max_bytes=0, headers={"If-None-Match": '"1"'})
    assert (page.status, page.content) == (304, b"")


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found"])
def test_an_error_status_is_not_retried(peer: Peer, status: str) -> None:
    peer.answers = [answer(b"sorry", status)]
    with pytest.raises(HttpStatusError) as caught:
        session(attempts=3).get(f"{peer.url}/a?key=hidden", max_bytes=100)
    assert str(caught.value) == f"{peer.url}/a?key=*** answered {status}"
    assert caught.value.status == int(status[:3])
    assert caught.value.context == {
        "status": int(status[:3]),
        "url": f"{peer.url}/a?key=***",
    }
    assert len(peer.requests) == 1


def test_a_server_error_is_retried(peer: Peer) -> None:
    peer.answers = [answer(status="502 Bad Gateway"), answer(status="500 Oh"), answer(b"ok")]
    sleeps: list[float] = []
    assert session(attempts=3, sleeps=sleeps).get(peer.url, max_bytes=9).content == b"ok"
    assert len(sleeps) == 2


def test_retry_after_is_respected(peer: Peer) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=40)
    peer.answers = [
        answer(status="429 Slow Down", Retry_After="7"),
        answer(status="503 Busy", Retry_After=format_datetime(later, usegmt=True)),
        answer(b"ok"),
    ]
    sleeps: list[float] = []
    assert session(attempts=3, sleeps=sleeps).get(peer.url, max_bytes=9).content == b"ok"
    assert sleeps[0] == 7.0
    assert 0 < sleeps[1] <= 40


def test_a_long_retry_after_ends_the_retries(peer: Peer) -> None:
    peer.answers = [answer(status="503 Busy", Retry_After="86400")]
    sleeps: list[float] = []
    with pytest.raises(HttpStatusError) as caught:
        session(attempts=3, sleeps=sleeps).get(peer.url, max_bytes=9)
    assert caught.value.retry_after_seconds == 86400
    assert sleeps == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Wed, 01 May 2024 12:00:30 GMT", 30.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.0),
        ("Wed, 01 May 2024 12:00:30 -0000", 30.0),
        ("Wed, 99 May 2024 12:00:30 GMT", None),
        ("Wed, 01 May 2024 12:00:30 +99999999999999999999", None),
        ("Wed, 01 May 99999999999999999999 12:00:30 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


PARTS_OF_DATES = st.sampled_from(
    [
        "Wed,",
        "Wed",
        "01",
        "May",
        "2024",
        "12:00:30",
        "GMT",
        "+0000",
        "-",
        ",",
        ":",
        "9" * 20,
        "-Jan-",
    ]
)
DATE = ("Wed,", "01", "May", "2024", "12:00:30", "+0000")
ALMOST_DATES = st.builds(
    lambda place, part: " ".join((*DATE[:place], part, *DATE[place + 1 :])),
    st.integers(0, len(DATE) - 1),
    st.integers(-(10**30), 10**30).map("{:+}".format) | PARTS_OF_DATES,
)


@given(st.one_of(ALMOST_DATES, ALMOST_DATES, st.text(), st.lists(PARTS_OF_DATES).map("".join)))
def test_any_retry_after_is_parsed_without_error_and_never_negative(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


def test_a_large_content_length_is_rejected(peer: Peer) -> None:
    peer.answers = [answer(b"x" * 101, close=True)]
    with pytest.raises(ResponseTooLargeError, match="more than 100 bytes"):
        session(attempts=3).get(peer.url, max_bytes=100)
    assert len(peer.requests) == 1


def test_an_endless_body_is_stopped_at_the_limit(peer: Peer) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    peer.answers = [flood]
    with pytest.raises(ResponseTooLargeError):
        session().get(peer.url, max_bytes=100_000)


def test_a_compressed_body_is_decompressed(peer: Peer) -> None:
    text = b"spam " * 100_000
    two_members = gzip.compress(text[:250_000]) + gzip.compress(text[250_000:])
    peer.answers = [answer(two_members, Content_Encoding="gzip")]
    assert session().get(peer.url, max_bytes=len(text)).content == text


def test_a_compressed_body_may_be_empty(peer: Peer) -> None:
    nothing = gzip.compress(b"")
    peer.answers = [answer(b"", Content_Encoding="gzip"), answer(nothing, Content_Encoding="gzip")]
    assert session().get(peer.url, max_bytes=0).content == b""
    assert session().get(peer.url, max_bytes=len(nothing)).content == b""


def test_a_gzip_bomb_is_stopped_at_the_limit(peer: Peer) -> None:
    peer.answers = [answer(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")]
    with pytest.raises(ResponseTooLargeError):
        session().get(peer.url, max_bytes=1_000_000)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"hello" * 1000)[:-9], gzip.compress(b"hello")[:-1] + b"\x99", b"no gzip"],
)
def test_a_damaged_compressed_body_is_an_error(peer: Peer, body: bytes) -> None:
    peer.answers = [answer(body, Content_Encoding="gzip")]
    with pytest.raises(TruncatedResponseError, match="damaged"):
        session().get(peer.url, max_bytes=100_000)


def test_an_unrequested_encoding_is_an_error(peer: Peer) -> None:
    peer.answers = [answer(b"?", Content_Encoding="br")]
    with pytest.raises(HttpError, match="'br'"):
        session().get(peer.url, max_bytes=10)


def short(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


def short_chunk(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf")


def no_last_chunk(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")


def no_number(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n")


def reset(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


BROKEN_OFF = [short, short_chunk, no_last_chunk, no_number, reset]


@pytest.mark.parametrize("way", BROKEN_OFF)
def test_a_truncated_response_is_an_error(peer: Peer, way: Callable[[socket.socket], None]) -> None:
    peer.answers = [way]
    with pytest.raises(TruncatedResponseError) as caught:
        session(attempts=2).get(peer.url, max_bytes=100)
    assert caught.value.context["attempts"] == 2
    assert len(peer.requests) == 2


@pytest.mark.parametrize("way", BROKEN_OFF)
def test_a_truncated_response_is_retried(peer: Peer, way: Callable[[socket.socket], None]) -> None:
    peer.answers = [way, answer(b"whole")]
    assert session(attempts=2).get(peer.url, max_bytes=100).content == b"whole"


def nothing(connection: socket.socket) -> None:
    connection.close()


def nonsense(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


@pytest.mark.parametrize("way", [nothing, nonsense])
def test_a_server_that_does_not_answer_is_unreachable(
    peer: Peer, way: Callable[[socket.socket], None]
) -> None:
    peer.answers = [way]
    with pytest.raises(HttpUnreachableError):
        session().get(peer.url, max_bytes=100)


def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/?token=hidden"
        with pytest.raises(HttpUnreachableError, match="refused") as caught:
            session().get(url, max_bytes=100)
    assert "hidden" not in repr(describe_error(caught.value))


def test_an_unknown_host_name_is_unreachable() -> None:
    with pytest.raises(HttpUnreachableError, match=r"nobody\.invalid"):
        session().get("http://nobody.invalid/", max_bytes=100)


def test_a_server_without_tls_is_unreachable(peer: Peer) -> None:
    peer.greeting = b"SSH-2.0-OpenSSH_9.6\r\n\r\n"
    with pytest.raises(HttpUnreachableError, match="secure"):
        session().get(peer.url.replace("http:", "https:"), max_bytes=100)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_missing_certificate_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    sleeps: list[float] = []
    with pytest.raises(HttpError, match=r"/nowhere/bundle.pem.*REQUESTS_CA_BUNDLE"):
        session(attempts=3, sleeps=sleeps).get("https://127.0.0.1:9/x", max_bytes=9)
    assert sleeps == []


def test_an_untrusted_certificate_is_not_retried(self_signed: ssl.SSLContext) -> None:
    connections: list[int] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(1)
            with connection, suppress(OSError):
                self_signed.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(HttpUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            session(attempts=3).get(f"https://127.0.0.1:{listener.getsockname()[1]}/", max_bytes=10)
    assert len(connections) == 1


def hanging(first: bytes, trickle: bytes) -> Callable[[socket.socket], None]:
    """Send `first`, then `trickle` again and again without end."""

    def way(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            if trickle:
                connection.sendall(trickle)
            time.sleep(0.02)

    return way


HEADERS = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize("first", [b"", HEADERS])
def test_the_read_timeout_ends_silence(peer: Peer, first: bytes) -> None:
    peer.answers = [hanging(first, b"")]
    with pytest.raises(HttpTimeoutError):
        session(limits=HttpLimits(read_seconds=0.1)).get(peer.url, max_bytes=10**6)


@pytest.mark.parametrize(
    ("first", "trickle"), [(HEADERS, b"x"), (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"[:1])]
)
def test_the_total_time_ends_a_slow_response(peer: Peer, first: bytes, trickle: bytes) -> None:
    peer.answers = [hanging(first, trickle)]
    with pytest.raises(HttpTimeoutError, match="within the time limit"):
        session(attempts=9, limits=HttpLimits(total_seconds=0.3)).get(peer.url, max_bytes=10**6)
    assert len(peer.requests) == 1


def test_redirects_are_followed(peer: Peer) -> None:
    peer.answers = [
        answer(b"x" * 10**6, "301 Moved", Location="/b?c", close=True),
        answer(status="302 Found", Location=f"{peer.url}/end"),
        answer(b"here"),
    ]
    page = session().get(f"{peer.url}/a", max_bytes=10)
    assert (page.content, page.url) == (b"here", f"{peer.url}/end")
    assert peer.requests[1].startswith(b"GET /b?c ")


def test_post(peer: Peer) -> None:
    peer.answers = [answer(status="307 Temporary Redirect", Location="/b"), answer(b"found")]
    assert session().post(f"{peer.url}/a?q=1", max_bytes=10).content == b"found"
    first, second = peer.requests
    assert first.startswith(b"POST /a?q=1 ")
    assert b"\r\nContent-Length: 0\r\n" in first
    assert second.startswith(b"POST /b ")


def test_a_post_does_not_become_a_get(peer: Peer) -> None:
    peer.answers = [answer(status="302 Found", Location="/b")]
    with pytest.raises(HttpError, match="redirects a POST to a GET"):
        session().post(peer.url, max_bytes=10)
    assert len(peer.requests) == 1


def test_a_response_that_the_check_rejects_is_retried_and_counted(peer: Peer) -> None:
    def check(response: HttpResponse) -> None:
        if response.content != b"data":
            refused = HttpError("no data")
            refused.transient = response.content == b"later"
            raise refused

    peer.answers = [answer(b"later"), answer(b"data")]
    assert session(attempts=2).get(peer.url, max_bytes=10, check=check).content == b"data"
    peer.answers = [answer(b"page")]
    breakers = CircuitBreakers(BreakerPolicy(failure_threshold=1))
    refusing = session(attempts=2, breakers=breakers)
    with pytest.raises(HttpError, match="no data"):
        refusing.get(peer.url, max_bytes=10, check=check)
    with pytest.raises(CircuitOpenError):
        refusing.get(peer.url, max_bytes=10, check=check)
    assert len(peer.requests) == 3


def test_the_body_of_a_redirect_is_not_read(peer: Peer) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: /b\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        while True:
            connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    peer.answers = [flood, answer(b"here")]
    assert session().get(peer.url, max_bytes=10).content == b"here"


def test_redirects_are_limited(peer: Peer) -> None:
    peer.answers = [answer(status="302 Found", Location="/again")]
    with pytest.raises(HttpError, match="more than 2 redirects"):
        session(limits=HttpLimits(redirects=2)).get(peer.url, max_bytes=10)
    assert len(peer.requests) == 3


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://h.example/", "http://h:99999/", "http://[x"]
)
def test_a_redirect_to_another_scheme_is_rejected(peer: Peer, target: str) -> None:
    peer.answers = [answer(status="302 Found", Location=target)]
    with pytest.raises(HttpError, match="redirects to a target that is not an http"):
        session(attempts=3).get(peer.url, max_bytes=10)
    assert len(peer.requests) == 1


def test_credentials_are_sent_only_to_their_origin(peer: Peer) -> None:
    with ExitStack() as stack:
        other = Peer()
        stack.callback(other.close)
        other.answers = [answer(b"other")]
        peer.answers = [
            answer(status="302 Found", Location="/here"),
            answer(status="302 Found", Location=f"{other.url}/there"),
        ]
        sent = {"Authorization": "Bearer hidden", "X-Plain": "1"}
        assert session().get(peer.url, max_bytes=10, headers=sent).content == b"other"
    assert b"hidden" in peer.requests[1]
    assert b"hidden" not in other.requests[0]
    assert b"X-Plain: 1" in other.requests[0]


@pytest.mark.parametrize(
    "url", ["", "h.example", "file:///etc/passwd", "http://", "https://h:port/", "http://[", "//h"]
)
def test_an_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(HttpError, match="not an http or https URL"):
        session().get(url, max_bytes=10)


def test_a_url_that_cannot_be_requested_is_rejected() -> None:
    with pytest.raises(HttpError) as caught:
        session().get("http://user:hidden@exa mple.org/", max_bytes=10)
    assert "hidden" not in repr(describe_error(caught.value))


def test_an_invalid_header_is_rejected(peer: Peer) -> None:
    with pytest.raises(HttpError, match="InvalidHeader") as caught:
        session().get(peer.url, max_bytes=10, headers={"Authorization": "hidden\r\nX: y"})
    assert "hidden" not in repr(describe_error(caught.value))


def test_a_host_that_keeps_failing_is_not_called(peer: Peer) -> None:
    peer.answers = [answer(status="500 Oh")]
    breakers = CircuitBreakers(BreakerPolicy(failure_threshold=2), is_failure=is_server_fault)
    with_session = session(attempts=2, breakers=breakers)
    for _ in range(2):
        with pytest.raises(HttpStatusError):
            with_session.get(peer.url, max_bytes=10)
    with pytest.raises(CircuitOpenError, match=f"127.0.0.1:{peer.port} is not called"):
        with_session.get(peer.url, max_bytes=10)
    assert len(peer.requests) == 4


@pytest.mark.parametrize("status", ["404 Not Found", "429 Slow Down"])
def test_rejected_requests_do_not_open_the_circuit(peer: Peer, status: str) -> None:
    peer.answers = [answer(status=status)]
    breakers = CircuitBreakers(BreakerPolicy(failure_threshold=1), is_failure=is_server_fault)
    with_session = session(breakers=breakers)
    for _ in range(3):
        with pytest.raises(HttpStatusError):
            with_session.get(peer.url, max_bytes=10)


def test_retries_are_reported(peer: Peer) -> None:
    peer.answers = [answer(status="500 Oh"), answer(b"ok")]
    reported: list[tuple[str, Verdict]] = []
    HttpSession(
        "tests/1",
        retry=RetryPolicy(base_seconds=0),
        on_retry=lambda retry: reported.append((str(retry.error), retry.verdict)),
    ).get(peer.url, max_bytes=10)
    assert reported == [(f"{peer.url} answered 500 Oh", Verdict.TRANSIENT)]


def test_every_error_is_an_application_error() -> None:
    for kind in (HttpStatusError, HttpTimeoutError, ResponseTooLargeError):
        assert issubclass(kind, ApplicationError)


def test_user_agent() -> None:
    assert user_agent("report", "1.2.0") == "report/1.2.0"
    assert user_agent("report", "1.2", "https://h.example/why") == (
        "report/1.2 (+https://h.example/why)"
    )


@pytest.mark.parametrize(
    "parts", [("", "", ""), ("a b", "1", ""), ("a", "1\r\nX: y", ""), ("a", "1", "b\r\nX: y")]
)
def test_a_user_agent_cannot_inject_a_header(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"may contain|must be"):
        user_agent(*parts)
