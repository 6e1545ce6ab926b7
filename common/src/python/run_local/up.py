"""`run-local.sh up`: start the local cloud and keep it running."""

from __future__ import annotations

import argparse
import signal
import threading

from artefacts.repository import CODE_FOLDER, repository_root
from command_line.command import EXIT_CODES, add_log_level_argument
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
        help="start the local cloud for the AWS CLI, boto3 or Terraform",
        description="Start the local cloud and keep it running until Ctrl-C. It accepts "
        "connections from this machine only. Its contents are lost when it ends.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help=f"port on 127.0.0.1 (default: {DEFAULT_PORT}); 0 uses a free port",
    )
    add_log_level_argument(parser)
    parser.set_defaults(run=_up)


def function_options() -> FunctionOptions:
    """Return how functions run; in a repository, code unpacked by earlier runs is reused."""
    try:
        code_folder = repository_root() / CODE_FOLDER
    except UsageError:
        code_folder = None
    return FunctionOptions(lambda_runtime_python(), code_folder=code_folder)


def _up(args: argparse.Namespace) -> int:
    clear_aws_environment()
    stop = threading.Event()
    with moto_server(args.port, function_options()) as endpoint:
        # From now on, Ctrl-C is the normal way to end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        print(_welcome(endpoint), flush=True)
        stop.wait()
    print("The local cloud has ended.")
    return 0


def _welcome(endpoint: str) -> str:
    return "\n".join(
        (
            f"The local cloud is running at {endpoint}",
            f"Status page: {endpoint}{PATH}",
            "",
            "To use it with the AWS CLI, boto3 or Terraform:",
            "",
            f"  export AWS_ENDPOINT_URL={endpoint}",
            "  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local",
            "  export AWS_DEFAULT_REGION=us-east-1",
            "",
            "Ctrl-C ends it and deletes its contents.",
        )
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else -1
    if not 0 <= port < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return port
