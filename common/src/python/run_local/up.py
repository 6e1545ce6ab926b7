"""`run-local.sh up`: the local cloud, for as long as one wants it."""

from __future__ import annotations

import argparse
import signal
import threading

from artefacts.repository import CODE_FOLDER, repository_root
from command_line.command import add_log_level_argument
from lambda_core.errors import UsageError
from local_cloud.environment import clear_aws_environment
from local_cloud.functions import FunctionOptions
from local_cloud.lambda_runtime.runtime_environment import lambda_runtime_python
from local_cloud.page import PATH
from local_cloud.server import moto_server

DEFAULT_PORT = 4566


def add_up_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "up",
        allow_abbrev=False,
        help="start the local cloud, for the AWS CLI, boto3 or Terraform",
        description="Start the local cloud and keep it until Ctrl-C. It forgets everything when it "
        "ends, and listens on this machine's loopback only.",
        epilog="Exit codes: 0 ended, 1 it could not start, 2 wrong usage.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help=f"port on 127.0.0.1 ({DEFAULT_PORT}); 0 takes a free one",
    )
    add_log_level_argument(parser)
    parser.set_defaults(run=_up)


def function_options() -> FunctionOptions:
    """Return how functions run, in a clone with what earlier runs unpacked."""
    try:
        kept = repository_root() / CODE_FOLDER
    except UsageError:
        kept = None
    return FunctionOptions(lambda_runtime_python(), code_folder=kept)


def _up(args: argparse.Namespace) -> int:
    clear_aws_environment()
    stop = threading.Event()
    with moto_server(args.port, function_options()) as endpoint:
        # From here on Ctrl-C is how it is meant to end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        print(_welcome(endpoint), flush=True)
        stop.wait()
    print("The local cloud has ended.")
    return 0


def _welcome(endpoint: str) -> str:
    return "\n".join(
        (
            f"The local cloud runs at {endpoint}",
            f"What is in it: {endpoint}{PATH}",
            "",
            "Point the AWS CLI, boto3 or Terraform at it:",
            "",
            f"  export AWS_ENDPOINT_URL={endpoint}",
            "  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local",
            "  export AWS_DEFAULT_REGION=us-east-1",
            "",
            "Ctrl-C ends it, and everything in it.",
        )
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return port
