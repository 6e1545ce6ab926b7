"""Keeps secrets out of messages and logs."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

MASK: Final = "***"
"""Replaces a secret."""

_SECRET_NAME: Final = re.compile(
    r"secret|token|passw|key|credential|signature|auth(?!or)|^sig$", re.IGNORECASE
)


def is_secret_name(name: str) -> bool:
    """Whether the value of a variable or query parameter with this name must not be shown.

    When in doubt, it is secret.

    Examples
    --------
    >>> is_secret_name("API_KEY"), is_secret_name("CACHE_KEY"), is_secret_name("AWS_REGION")
    (True, True, False)
    """
    return _SECRET_NAME.search(name) is not None


def redact_url(url: str) -> str:
    """Return a URL for a message: without user, password, secret query values and fragment.

    Parameters
    ----------
    url
        Any text that should be a URL. If it cannot be parsed, all of it is masked.

    Returns
    -------
    str
        The URL. `MASK` replaces the values of query parameters with a secret name
        (`is_secret_name`).

    Examples
    --------
    >>> redact_url("https://user:secret@example.org/feed?token=abc&page=2#top")
    'https://example.org/feed?token=***&page=2'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    fields = (field.partition("=") for field in parts.query.split("&"))
    query = "&".join(
        f"{name}={MASK}" if equals and is_secret_name(name) else name + equals + value
        for name, equals, value in fields
    )
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, query, ""))
