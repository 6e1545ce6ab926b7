from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_core.redaction import MASK, is_secret_name, redact_url


@pytest.mark.parametrize(
    "name",
    ["API_KEY", "session_token", "DB_PASSWORD", "client-secret", "X-Amz-Signature", "sig", "auth"],
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["LOG_LEVEL", "page", "author", "design", "q"])
def test_names_that_may_be_shown(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a?page=2#part", "https://h.example/a?page=2"),
        ("https://me:pw@h.example:8443/a", "https://h.example:8443/a"),
        ("https://h.example/?token=abc&q=x", f"https://h.example/?token={MASK}&q=x"),
        ("https://h.example/?flag&api_key=", f"https://h.example/?flag&api_key={MASK}"),
        ("https://a@b@h.example/", "https://h.example/"),
        ("http://[half/", MASK),
        ("not a url", "not a url"),
    ],
)
def test_redacted_url(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(st.from_regex(r"[A-Z]{12}", fullmatch=True))
def test_a_redacted_url_contains_no_secret(secret: str) -> None:
    url = f"https://u{secret}:{secret}@h.example/p?access_token={secret}&X-Amz-Signature={secret}"
    assert secret not in redact_url(url)
