"""The status page: shows what the local cloud contains.

The server renders the page from Jinja2 templates, which escape everything that functions or callers
supplied. The page loads nothing from other servers. Without JavaScript it works too, but does not
update itself.

The page shares its origin with the content of buckets. Its Content-Security-Policy therefore allows
its own script and style sheet by their hashes, and no others from this origin.
"""

from __future__ import annotations

import base64
import codecs
import datetime as dt
import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from local_cloud.lambda_runtime.lambda_service import HISTORY, LambdaService
from local_cloud.state import LATEST, Bucket, Snapshot, StoredObject, find_object, snapshot

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from jinja2 import Environment
    from werkzeug.wrappers import Request, Response

PATH = "/_local-cloud/"
"""No bucket can have this name, so the page hides no request to AWS."""

REFRESH_SECONDS = 2

LOGS = 5
"""A function's page shows the logs of this many invocations."""

OBJECTS_PER_PAGE = 50

SHOWN_CHARACTERS = 20_000
"""The page shows at most this much of a log, an input, an output or a message."""

PREVIEW_BYTES = 20_000
"""The page shows at most this much of an object."""

HEX_BYTES = 256
"""The page shows this much of an object that is not text."""

_TEMPLATES = {
    "buckets": "bucket.html",
    "executions": "execution.html",
    "functions": "function.html",
    "queues": "queue.html",
    "tables": "table.html",
    "topics": "topic.html",
}

_COLOURS = {
    **dict.fromkeys(("ALARM", "ABORTED", "FAILED", "TIMED_OUT", "failed"), "bad"),
    **dict.fromkeys(("RUNNING", "running"), "busy"),
    **dict.fromkeys(("OK", "SUCCEEDED", "passed"), "good"),
}

_CONTROL_PICTURES = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
}
"""HTML has no way to write most control characters, so the page shows their symbols: ␀, ␛."""


class StatusPage:
    """Answers requests below `PATH` and passes all others on.

    Parameters
    ----------
    application
        Answers the other requests: moto.
    service
        Runs the functions that the page shows.
    """

    def __init__(self, application: WSGIApplication, service: LambdaService) -> None:
        self._application = application
        self._service = service

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if not f"{environ.get('PATH_INFO', '')}/".startswith(PATH):
            return self._application(environ, start_response)
        # Only the server's process imports what it needs to answer.
        from werkzeug.wrappers import Request

        response = self._answer(Request(environ))
        response.headers.update(
            {
                "Content-Security-Policy": _assets().policy,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            }
        )
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        from werkzeug.wrappers import Response

        if request.method not in ("GET", "HEAD"):
            status = HTTPStatus.METHOD_NOT_ALLOWED
            return Response("Method not allowed\n", status, {"Allow": "GET, HEAD"})
        what = request.path.removeprefix(PATH.rstrip("/")).strip("/")
        arguments = request.args.to_dict()
        kind, _, name = what.partition("/")
        if kind == "buckets" and "key" in arguments:
            stored = find_object(name, arguments["key"])
            if stored and "download" in arguments:
                return _download(stored)
            page = _object_page(stored, arguments) if stored else None
        else:
            page = render(snapshot(self._service), what, arguments)
        if page is None:
            details = [arguments[name] for name in ("key", "page") if name in arguments]
            page = _document("missing.html", arguments, what=[what, *details])
            return _html(page, HTTPStatus.NOT_FOUND)
        return _html(page, HTTPStatus.OK)


def render(state: Snapshot, what: str, arguments: Mapping[str, str]) -> str | None:
    """Return a page as HTML; None if the resource does not exist.

    Parameters
    ----------
    state
        What the local cloud contains.
    what
        The path below `PATH`: empty for the overview, or a kind and a name such as `queues/orders`.
    arguments
        The query of the URL: `page` of a bucket, and `paused` if the page does not update itself.
    """
    if not what:
        return _document("overview.html", arguments, state=state, history=HISTORY)
    kind, _, name = what.partition("/")
    if kind not in _TEMPLATES:
        return None
    for thing in getattr(state, kind):
        if name == (thing.arn if kind == "executions" else thing.name):
            extra = _objects(thing, arguments) if isinstance(thing, Bucket) else {}
            if extra is None:
                return None
            return _document(_TEMPLATES[kind], arguments, thing=thing, **extra)
    return None


def _objects(bucket: Bucket, arguments: Mapping[str, str]) -> dict[str, Any] | None:
    """Return a page of a bucket's objects; None if there is no such page."""
    last = max(1, -(-len(bucket.objects) // OBJECTS_PER_PAGE))
    page = arguments.get("page", "1")
    if page not in map(str, range(1, last + 1)):
        return None
    number = int(page)
    begin = (number - 1) * OBJECTS_PER_PAGE
    objects = bucket.objects[begin : begin + OBJECTS_PER_PAGE]
    return {"objects": objects, "begin": begin, "page": number, "last_page": last}


def _object_page(stored: StoredObject, arguments: Mapping[str, str]) -> str:
    return _document(
        "object.html", arguments, thing=stored, preview=preview(stored.content), hex_bytes=HEX_BYTES
    )


@dataclass(frozen=True)
class Preview:
    """The beginning of an object: as text, or as a hex dump if it is not UTF-8 text."""

    text: str
    is_text: bool
    is_cut: bool


def preview(content: bytes) -> Preview:
    r"""Return the beginning of an object in a readable form.

    Examples
    --------
    >>> preview(b"a,b\n1,2\n")
    Preview(text='a,b\n1,2\n', is_text=True, is_cut=False)
    >>> preview(b"PAR1\x00")
    Preview(text='50 41 52 31 00  PAR1.', is_text=False, is_cut=False)
    """
    is_cut = len(content) > PREVIEW_BYTES
    try:
        # The cut can be within a character.
        decoder = codecs.getincrementaldecoder("utf-8")()
        text = decoder.decode(content[:PREVIEW_BYTES], final=not is_cut)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Preview(_hex_dump(content[:HEX_BYTES]), False, len(content) > HEX_BYTES)
    return Preview(text, True, is_cut)


def _hex_dump(content: bytes) -> str:
    rows = [content[begin : begin + 16] for begin in range(0, len(content), 16)]
    width = 3 * min(16, len(content)) - 1
    return "\n".join(
        f"{row.hex(' '):{width}}  "
        + "".join(chr(code) if 0x20 <= code < 0x7F else "." for code in row)
        for row in rows
    )


def _download(stored: StoredObject) -> Response:
    from werkzeug.wrappers import Response

    # A browser saves the file and never displays it, regardless of the object's content type.
    kind = "text/plain" if preview(stored.content).is_text else "application/octet-stream"
    response = Response(stored.content, content_type=kind)
    response.headers.add("Content-Disposition", "attachment", filename=download_name(stored.key))
    return response


def download_name(key: str) -> str:
    r"""Return a file name for an object: the last part of its key, without invisible characters.

    Examples
    --------
    >>> download_name("reports/2026/report.csv")
    'report.csv'
    >>> download_name("a/..")
    'object'
    >>> download_name("invoice\u202efdp.exe")
    'invoicefdp.exe'
    """
    last = key.replace("\\", "/").rstrip("/").rpartition("/")[2]
    # Unicode's categories C…: control, format (such as U+202E), surrogate, private use, unassigned.
    return "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(". ") or "object"


def _html(page: str, status: HTTPStatus) -> Response:
    from werkzeug.wrappers import Response

    # JSON can contain half of a surrogate pair, which UTF-8 cannot encode.
    content = page.encode(errors="backslashreplace")
    return Response(content, status, content_type="text/html; charset=utf-8")


@dataclass(frozen=True)
class _Assets:
    """The style sheet, the script, and the policy that allows exactly these two."""

    style: str
    script: str
    policy: str


@cache
def _assets() -> _Assets:
    environment = _environment()
    style, script = (_source(environment, name) for name in ("page.css", "page.js"))
    policy = (
        "default-src 'none'",
        f"style-src '{_digest(style)}'",
        f"script-src '{_digest(script)}'",
        # The script fetches the page again.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return _Assets(style, script, "; ".join(policy))


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None  # noqa: S101 - for the type checker
    return environment.loader.get_source(environment, name)[0]


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("local_cloud"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=_moment, size=_size)
    environment.globals.update(
        colours=_COLOURS,
        latest=LATEST,
        logs=LOGS,
        refresh_seconds=REFRESH_SECONDS,
        shown_characters=SHOWN_CHARACTERS,
        duration=_duration,
    )
    return environment


def _document(template: str, arguments: Mapping[str, str], **content: object) -> str:
    paused = "paused" in arguments
    return (
        _environment()
        .get_template(template)
        .render(
            assets=_assets(),
            address=_address(paused),
            now=dt.datetime.now(dt.UTC),
            paused=paused,
            **content,
        )
    )


def _address(paused: bool) -> Callable[..., str]:
    """Return a function that makes the links of a page, which keep it paused."""

    def address(*parts: str, **query: str) -> str:
        path = "/".join(quote(part, safe=":", errors="backslashreplace") for part in parts)
        parameters = {**query, "paused": ""} if paused else query
        return f"{PATH}{path}{'?' if parameters else ''}{urlencode(parameters)}"

    return address


def _visible(value: object) -> object:
    return value.translate(_CONTROL_PICTURES) if isinstance(value, str) else value


def _moment(when: dt.datetime | float) -> str:
    moment = when if isinstance(when, dt.datetime) else dt.datetime.fromtimestamp(when, dt.UTC)
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _duration(begin: dt.datetime, end: dt.datetime | None) -> str:
    return f"{((end or dt.datetime.now(dt.UTC)) - begin).total_seconds():,.1f} s"


def _size(number: int) -> str:
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"
