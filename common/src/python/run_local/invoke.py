"""`run-local.sh invoke`: run one packaged function as Lambda would."""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from artefacts.function_settings import read_settings, settings_of
from artefacts.repository import SETTINGS_FILE, Artefacts, architecture, repository_root
from command_line.command import add_log_level_argument
from lambda_core.errors import UsageError
from local_cloud.clients import Clients, clients_of
from local_cloud.environment import clear_aws_environment
from local_cloud.server import moto_server, snapshot_day, snapshot_label
from run_local.deployer import Deployer
from run_local.up import function_options

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

_REPORT = re.compile(
    r"^REPORT RequestId: (?P<request>\S+)\tDuration: (?P<duration>[\d.]+) ms\t"
    r".*\tMemory Size: (?P<memory>\d+) MB\tMax Memory Used: (?P<peak>\d+) MB"
    r"(?:\tInit Duration: (?P<init>[\d.]+) ms)?",
    re.MULTILINE,
)


def add_invoke_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "invoke",
        allow_abbrev=False,
        help="run one packaged function as Lambda would",
        description="Deploy a packaged function with its layers to the local cloud and invoke it. "
        "Its answer goes to standard output, all else to standard error.",
        epilog="Sample events: lambda/FUNCTION/events/. "
        "Exit codes: 0 it answered, 1 it failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("function", metavar="FUNCTION", help=f"a function of {SETTINGS_FILE}")
    parser.add_argument("event", metavar="EVENT.json", help="file of the event; - is stdin")
    parser.add_argument("--logs", action="store_true", help="print what the function logs")
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        type=_endpoint,
        help="a local cloud that runs already (run-local.sh up); without, one of its own",
    )
    add_log_level_argument(parser)
    parser.set_defaults(run=_invoke)


@dataclass(frozen=True)
class Result:
    """What came of an invocation; times in milliseconds, memory in MB.

    Attributes
    ----------
    init_ms
        Time that the start took; None where the function was warm.
    """

    payload: bytes
    failed: bool
    log: tuple[str, ...]
    duration_ms: float
    init_ms: float | None
    peak_mb: int
    memory_mb: int


def _invoke(args: argparse.Namespace) -> int:
    clear_aws_environment()
    result = run_packaged(repository_root(), args.function, _event(args.event), args.endpoint)
    _print(args.function, result, logs=args.logs)
    return 1 if result.failed else 0


def run_packaged(root: Path, function: str, event: bytes, endpoint: str | None = None) -> Result:
    """Deploy a packaged function of the clone at `root` and invoke it.

    Parameters
    ----------
    endpoint
        URL of a local cloud; None for one that lives as long as the invocation.

    Raises
    ------
    UsageError
        If there is no such function; names those that there are.
    ArtefactMissingError
        If it was not packaged.
    """
    settings = settings_of(function, read_settings(root / SETTINGS_FILE))
    artefacts = Artefacts(root / "dist", architecture())
    # Said before a server is started for nothing.
    artefacts.function(function)
    with _cloud(endpoint) as url:
        clients = clients_of(url)
        deployer = Deployer(clients, artefacts)
        bucket = deployer.bucket("data")
        variables = {"OUTPUT_S3_BUCKET": bucket, "S3_CACHE_BUCKET": bucket, **local_source()}
        deployer.function(function, settings, variables)
        return invoke(clients, deployer.function_name(function), event)


def local_source() -> dict[str, str]:
    """Return variables by which functions know that their data is moto's snapshot."""
    day = snapshot_day()
    return {
        # The launch dates that the project brings.
        "RSS_URL": "",
        "SOURCE_LABEL": snapshot_label(),
        **({"SOURCE_AS_OF": day.isoformat()} if day else {}),
        # The local server has no quota.
        "SSM_MAX_TPS": "10000",
    }


def invoke(clients: Clients, name: str, event: bytes) -> Result:
    """Invoke a function and read what Lambda reports about it."""
    answer = clients("lambda").invoke(FunctionName=name, Payload=event, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode("utf-8", "replace")
    report = _REPORT.search(tail)
    if report is None:
        raise UsageError("this is no local cloud of this project: its log has no REPORT")
    return Result(
        payload=answer["Payload"].read(),
        failed="FunctionError" in answer,
        log=_whole_log(clients, f"/aws/lambda/{name}", report["request"]),
        duration_ms=float(report["duration"]),
        init_ms=float(report["init"]) if report["init"] else None,
        peak_mb=int(report["peak"]),
        memory_mb=int(report["memory"]),
    )


def _whole_log(clients: Clients, group: str, request: str) -> tuple[str, ...]:
    """Return the lines of one invocation; `LogType=Tail` has the last 4 kB only."""
    logs = clients("logs")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    for stream in streams:
        lines: list[str] = []
        within = False
        for line in _lines(logs, group, stream["logStreamName"]):
            within = within or line.startswith(f"START RequestId: {request} ")
            if within:
                lines.append(line)
            if line.startswith(f"REPORT RequestId: {request}\t"):
                return tuple(lines)
    return ()


def _lines(logs: Any, group: str, stream: str) -> Iterator[str]:  # noqa: ANN401 - a client
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True, **token
        )
        yield from (event["message"] for event in page["events"])
        if not page["events"] or page["nextForwardToken"] == token.get("nextToken"):
            return
        token = {"nextToken": page["nextForwardToken"]}


def _print(function: str, result: Result, *, logs: bool) -> None:
    if logs:
        print("\n".join(result.log), file=sys.stderr)
    answer = json.loads(result.payload)
    if result.failed:
        print(f"{function}: {answer['errorType']}: {answer['errorMessage']}", file=sys.stderr)
    start = "warm" if result.init_ms is None else f"cold start {result.init_ms:,.0f} ms"
    print(
        f"{function}: {result.duration_ms:,.0f} ms, {start}, "
        f"peak memory {result.peak_mb:,} of {result.memory_mb:,} MB",
        file=sys.stderr,
    )
    print(json.dumps(answer, indent=2, ensure_ascii=False))


@contextmanager
def _cloud(endpoint: str | None) -> Iterator[str]:
    if endpoint:
        yield endpoint
        return
    with moto_server(functions=function_options()) as own:
        yield own


def _event(name: str) -> bytes:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} holds no JSON: {error}") from error
    return content


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        own = parts.scheme == "http" and parts.hostname in LOOPBACK_NAMES and parts.port != 0
    except ValueError:
        # A port that is none is found out when it is looked at.
        own = False
    if not own:
        raise argparse.ArgumentTypeError(
            f"{text} is no local cloud: http://127.0.0.1:PORT, as run-local.sh up prints it"
        )
    return text.rstrip("/")
