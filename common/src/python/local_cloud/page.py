"""The status page: what is in the local cloud, for people.

Made on the server, without scripts, and loading nothing from elsewhere; a page fetches itself anew
every few seconds. Everything that comes from functions or callers is escaped.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local_cloud.html import Content, Node, Style
from local_cloud.lambda_runtime.lambda_service import LambdaService, PastInvocation
from local_cloud.state import (
    Bucket,
    Execution,
    Function,
    Snapshot,
    StateRun,
    Table,
    Topic,
    snapshot,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/_local-cloud/"
"""No bucket can have this name, so that the page is in nobody's way."""

REFRESH_SECONDS = 2

LOGS = 5
"""Of the latest invocations of a function."""

SHOWN_CHARACTERS = 20_000
"""Of a log, an input or an output."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --quiet: #777;
  --good: #1a7f37; --bad: #c62828; --busy: #0969da; }
@media (prefers-color-scheme: dark) {
  :root { --good: #4ac26b; --bad: #ff7b72; --busy: #58a6ff; --quiet: #999; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 68rem;
  padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; margin: 0; } h1 a { color: inherit; text-decoration: none; }
h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
header p, .none, small { color: var(--quiet); margin: .1rem 0; }
table { border-collapse: collapse; width: 100%; }
th { color: var(--quiet); font-size: .8rem; font-weight: 500; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .8rem .35rem 0; text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.when { white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .busy { color: var(--busy); }
.states span { border: 1px solid currentColor; border-radius: 1rem; display: inline-block;
  font-size: .8rem; margin: .1rem .15rem .1rem 0; padding: 0 .6rem; }
pre { background: var(--soft); border-radius: .4rem; font: 12.5px/1.45 ui-monospace, monospace;
  overflow-x: auto; padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--busy); }
""".strip()

_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class StatusPage:
    """Answers requests below `PATH` and hands all others on.

    Parameters
    ----------
    application
        What answers the other requests: moto.
    service
        Runs the functions of which the page tells.
    """

    def __init__(self, application: WSGIApplication, service: LambdaService) -> None:
        self._application = application
        self._service = service

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ.get("PATH_INFO", "")
        if not f"{path}/".startswith(PATH):
            return self._application(environ, start_response)
        status, body = self._answer(environ, path.removeprefix(PATH.rstrip("/")).strip("/"))
        content = body.encode()
        start_response(
            f"{status.value} {status.phrase}",
            [
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Length", str(len(content))),
                ("Content-Security-Policy", _POLICY),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
            ],
        )
        return [content]

    def _answer(self, environ: WSGIEnvironment, what: str) -> tuple[HTTPStatus, str]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed"
        content = render(snapshot(self._service), what)
        return (HTTPStatus.OK, content) if content else (HTTPStatus.NOT_FOUND, "Not found")


def render(state: Snapshot, what: str) -> str | None:
    """Return the page about one thing, such as `functions/NAME`, or about all; None for no such."""
    if not what:
        return _document("Local cloud", _overview(state))
    kind, _, name = what.partition("/")
    kinds: dict[str, tuple[Sequence[Any], Callable[[Any], Content]]] = {
        "buckets": (state.buckets, _bucket),
        "executions": (state.executions, _execution),
        "functions": (state.functions, _function),
        "tables": (state.tables, _table_items),
        "topics": (state.topics, _topic),
    }
    things, show = kinds.get(kind, ((), lambda _: None))
    for thing in things:
        if name == (thing.arn if isinstance(thing, Execution) else thing.name):
            return _document(thing.name, [Node("h2", thing.name), show(thing)])
    return None


def _document(title: str, content: Content) -> str:
    head = Node(
        "head",
        Node("meta", charset="utf-8"),
        Node("meta", http_equiv="refresh", content=str(REFRESH_SECONDS)),
        Node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Node("title", title),
        Style(_STYLE),
    )
    now = f"{dt.datetime.now(dt.UTC):%H:%M:%S} UTC"
    header = Node(
        "header",
        Node("h1", Node("a", "Local cloud", href=PATH)),
        Node("p", f"As of {now}, renewed every {REFRESH_SECONDS} seconds."),
    )
    return f"<!doctype html>{Node('html', head, Node('body', header, content), lang='en')}"


def _overview(state: Snapshot) -> Content:
    return [
        _section(
            "Executions",
            ("Execution", "Status", "Started", "#Took", "States"),
            (
                (
                    [
                        _link("executions", one.arn, one.name),
                        Node("br"),
                        Node("small", one.machine),
                    ],
                    _status(one.status),
                    _moment(one.started),
                    _took(one.started, one.ended),
                    _chips(one.states),
                )
                for one in state.executions
            ),
            "No state machine has been executed.",
        ),
        _section(
            "Functions",
            ("Function", "#Memory", "#Timeout", "Layers", "Last invocation", "#Invocations"),
            (
                (
                    _link("functions", one.name),
                    f"{one.memory_mb:,} MB",
                    f"{one.timeout_seconds:,} s",
                    ", ".join(one.layers),
                    _ending(one.invocations[0]) if one.invocations else "never",
                    len(one.invocations),
                )
                for one in state.functions
            ),
            "No function has been created.",
        ),
        _section(
            "Buckets",
            ("Bucket", "#Objects", "#Size"),
            (
                (_link("buckets", one.name), f"{one.objects:,}", _size(one.bytes))
                for one in state.buckets
            ),
            "No bucket has been created.",
        ),
        _section(
            "Tables",
            ("Table", "#Items"),
            ((_link("tables", one.name), f"{one.items:,}") for one in state.tables),
            "No table has been created.",
        ),
        _section(
            "Alarms",
            ("Alarm", "State", "Reason"),
            ((one.name, _status(one.state), one.reason) for one in state.alarms),
            "No alarm has been created.",
        ),
        _section(
            "Topics",
            ("Topic", "#Messages", "Last message"),
            (
                (_link("topics", one.name), one.messages, one.latest[0][0] if one.latest else "")
                for one in state.topics
            ),
            "No topic has been created.",
        ),
        _section(
            "Queues",
            ("Queue", "#Messages"),
            ((one.name, one.waiting) for one in state.queues),
            "No queue has been created.",
        ),
    ]


def _section(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Content]], empty: str
) -> Content:
    """Return a table; a column whose name begins with # holds numbers."""
    kinds = ["number" if column.startswith("#") else None for column in columns]
    body = [
        Node("tr", [Node("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)])
        for row in rows
    ]
    head = [
        Node("th", column.removeprefix("#"), class_=kind)
        for column, kind in zip(columns, kinds, strict=True)
    ]
    table = Node("table", Node("thead", Node("tr", head)), Node("tbody", body))
    return [Node("h2", title), table if body else Node("p", empty, class_="none")]


def _execution(one: Execution) -> Content:
    return [
        Node("p", _status(one.status), " ", one.machine, ", started ", _moment(one.started)),
        Node("p", one.error, class_="bad") if one.error else None,
        _section(
            "States",
            ("State", "Outcome", "Entered", "#Took", "Errors"),
            (
                (
                    state.name,
                    _status(state.outcome),
                    _moment(state.entered),
                    _took(state.entered, state.left or one.ended),
                    ", ".join(state.errors),
                )
                for state in one.states
            ),
            "It has not begun.",
        ),
        _text("Input", one.input),
        _text("Output", one.output) if one.output else None,
    ]


def _function(one: Function) -> Content:
    return [
        _section(
            "Invocations",
            ("Ended", "Outcome", "#Duration", "#Start", "#Peak memory"),
            (
                (
                    _moment(dt.datetime.fromtimestamp(call.ended_at, dt.UTC)),
                    _ending(call),
                    f"{call.outcome.duration_ms:,.0f} ms",
                    f"{call.outcome.init_ms:,.0f} ms" if call.outcome.init_ms else "warm",
                    f"{call.outcome.peak_mb:,} of {one.memory_mb:,} MB",
                )
                for call in one.invocations
            ),
            "It has not been invoked.",
        ),
        [
            _text(f"Log of {call.outcome.request_id}", "\n".join(call.outcome.log))
            for call in one.invocations[:LOGS]
        ],
    ]


def _bucket(one: Bucket) -> Content:
    return _section(
        "Latest objects",
        ("Key", "#Size", "Written"),
        ((key, _size(size), _moment(when)) for key, size, when in one.latest),
        "It is empty.",
    )


def _table_items(one: Table) -> Content:
    return [_text("Some of its items", "\n".join(one.some))]


def _topic(one: Topic) -> Content:
    return [_text(subject or "Message", text) for subject, text in one.latest]


def _text(title: str, text: str) -> Content:
    cut = text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "")
    return [Node("h2", title), Node("pre", cut)]


def _chips(states: Sequence[StateRun]) -> Content:
    chips = [
        Node(
            "span",
            state.name,
            f" after {len(state.errors)} × {state.errors[-1]}" if state.errors else None,
            class_=_COLOURS.get(state.outcome),
        )
        for state in states
    ]
    return Node("div", chips, class_="states")


_COLOURS = {
    **dict.fromkeys(("ALARM", "ABORTED", "FAILED", "TIMED_OUT", "failed"), "bad"),
    **dict.fromkeys(("RUNNING", "running"), "busy"),
    **dict.fromkeys(("OK", "SUCCEEDED", "passed"), "good"),
}


def _status(status: str) -> Content:
    return Node("span", status.lower().replace("_", "\u00a0"), class_=_COLOURS.get(status))


def _ending(call: PastInvocation) -> Content:
    error = call.outcome.error_type
    return Node("span", error or "answered", class_="bad" if error else "good")


def _moment(when: dt.datetime) -> Content:
    return Node("span", f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}", class_="when")


def _took(begin: dt.datetime, end: dt.datetime | None) -> str:
    return f"{((end or dt.datetime.now(dt.UTC)) - begin).total_seconds():,.1f} s"


def _size(number: int) -> str:
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _link(kind: str, name: str, text: str | None = None) -> Node:
    return Node("a", text or name, href=f"{PATH}{kind}/{quote(name, safe=':')}")
