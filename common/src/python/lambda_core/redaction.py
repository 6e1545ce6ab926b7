"""Keeping secrets out of messages and logs."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

MASK: Final = "***"
"""What stands in place of a secret."""

_SECRET_NAME: Final = re.compile(
    r"secret|token|passw|key|credential|signature|auth(?!or)|^sig$", re.IGNORECASE
)


def is_secret_name(name: str) -> bool:
    """Whether a value of this name (a variable, a query parameter) should never be shown.

    Errs on the side of hiding: `API_KEY` and `SESSION_TOKEN` are secret, `CACHE_KEY` is too.
    """
    return _SECRET_NAME.search(name) is not None


def redact_url(url: str) -> str:
    """Return `url` fit for a message: no user, no password, no secret query value, no fragment.

    Parameters
    ----------
    url
        Any text that should be a URL. One that cannot be split is masked as a whole.

    Returns
    -------
    str
        The same URL; user information is dropped and the values of query parameters whose name
        looks secret (see `is_secret_name`) are replaced by `MASK`.
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
