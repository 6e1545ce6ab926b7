"""`run-local.sh invoke`: run one packaged function as Lambda would."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from artefacts.function_settings import read_settings, settings_of
from artefacts.repository import SETTINGS_FILE, Artefacts, architecture, repository_root
from command_line.command import EXIT_CODES, add_log_level_argument
from lambda_core.errors import UsageError
from local_cloud.clients import clients_of
from local_cloud.environment import clear_aws_environment
from local_cloud.server import moto_server
from run_local.deployer import Deployer
from run_local.invocation import Result, invoke
from run_local.preparation import Preparation, prepare
from run_local.up import function_options

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
"""A name that Lambda accepts."""


def add_invoke_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "invoke",
        allow_abbrev=False,
        help="run one packaged function with an event",
        description="Deploy a packaged function with its layers to the local cloud and invoke it. "
        "Buckets, tables, sample files, the output of earlier functions and stand-in servers that "
        "the event needs are created first, unless they exist. The function's response goes to "
        "standard output, everything else to standard error. "
        "Package the functions first: bin/pants package ::",
        epilog=f"Sample events: lambda/FUNCTION/events/*.json. {EXIT_CODES}",
    )
    parser.add_argument("function", metavar="FUNCTION", help=f"a function in {SETTINGS_FILE}")
    parser.add_argument("event", metavar="EVENT.json", help="file with the event; - reads stdin")
    parser.add_argument("--logs", action="store_true", help="print the function's log")
    parser.add_argument(
        "--env",
        metavar="NAME=VALUE",
        type=_variable,
        action="append",
        default=[],
        help="set an environment variable of the function; may be repeated",
    )
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        type=_endpoint,
        help="use a running local cloud (run-local.sh up) and what it contains; "
        "by default a new one is started",
    )
    add_log_level_argument(parser)
    parser.set_defaults(run=_invoke)


def _invoke(args: argparse.Namespace) -> int:
    clear_aws_environment()
    result = run_packaged(
        repository_root(),
        args.function,
        _event(args.event),
        args.endpoint,
        variables=dict(args.env),
        report=lambda line: print(f"{args.function}: {line}", file=sys.stderr, flush=True),
    )
    _print(args.function, result, logs=args.logs)
    return 1 if result.failed else 0


def run_packaged(
    root: Path,
    function: str,
    event: bytes,
    endpoint: str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    report: Callable[[str], None] = lambda _: None,
    packages: Path | None = None,
) -> Result:
    """Deploy a packaged function, create what its event needs, and invoke it.

    Parameters
    ----------
    root
        Folder of the repository.
    event
        The event as JSON.
    endpoint
        URL of a local cloud; None starts one that ends after the invocation.
    variables
        Environment variables of the function; they override all others.
    report
        Receives one line for every created resource.
    packages
        Folder of the packages; None for the repository's `dist`.

    Raises
    ------
    UsageError
        If the function does not exist; the message lists the functions.
    ArtefactMissingError
        If it has not been packaged.
    """
    pipelines = read_settings(root / SETTINGS_FILE)
    settings = settings_of(function, pipelines)
    pipeline = next(name for name, functions in pipelines.items() if function in functions)
    artefacts = Artefacts(packages or root / "dist", architecture())
    # Check this before the server is started.
    artefacts.function(function)
    chosen = dict(variables or {})
    fields = json.loads(event)
    with _cloud(endpoint) as url, ExitStack() as stack:
        deployer = Deployer(clients_of(url), artefacts)
        preparation = Preparation(
            deployer=deployer,
            function=function,
            event=fields if isinstance(fields, dict) else {},
            functions=pipelines[pipeline],
            chosen=chosen,
            report=report,
            stack=stack,
        )
        needed = prepare(pipeline, preparation)
        deployer.function(function, settings, {**needed, **chosen})
        return invoke(deployer.clients, deployer.function_name(function), event)


def _print(function: str, result: Result, *, logs: bool) -> None:
    if logs:
        print("\n".join(result.log), file=sys.stderr)
    response = json.loads(result.payload)
    if result.failed:
        print(f"{function}: {response['errorType']}: {response['errorMessage']}", file=sys.stderr)
    start = "warm" if result.init_ms is None else f"cold start {result.init_ms:,.0f} ms"
    print(
        f"{function}: {result.duration_ms:,.0f} ms, {start}, "
        f"peak memory {result.peak_mb:,} of {result.memory_mb:,} MB",
        file=sys.stderr,
    )
    print(json.dumps(response, indent=2, ensure_ascii=False))


@contextmanager
def _cloud(endpoint: str | None) -> Iterator[str]:
    if endpoint:
        yield endpoint
        return
    with moto_server(functions=function_options()) as started:
        yield started


def _event(name: str) -> bytes:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"the event {name} cannot be read: {error.strerror}") from error
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the event {name} is not JSON: {error}") from error
    return content


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not _VARIABLE.fullmatch(name):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a variable such as LOG_LEVEL=DEBUG; a name begins with a letter and "
            "consists of letters, digits and underscores"
        )
    return name, value


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        local = parts.scheme == "http" and parts.hostname in LOOPBACK_NAMES and parts.port != 0
    except ValueError:
        # `port` raises for a port that is not a number or is too large.
        local = False
    if not local:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a local cloud; give the URL that run-local.sh up prints, such as "
            "http://127.0.0.1:4566"
        )
    return text.rstrip("/")
