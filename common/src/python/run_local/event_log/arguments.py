"""Options of `run-local.sh event-log`; modules that are slow to import are imported later."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from command_line.command import EXIT_CODES, add_log_level_argument, ignoring_broken_pipe
from command_line.stages import stage_display
from lambda_core.errors import UsageError
from local_cloud.environment import clear_aws_environment

OUTPUT_DIR = "dist"
"""Has a folder for each name of the command."""

DEFAULT_FILES = 1_000

MOST_FILES = 200_000
"""The maximum number of files, because the local server keeps all of them in memory."""


def add_event_log_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its alias to the parser."""
    parser = commands.add_parser(
        "event-log",
        aliases=["event-checkpoint"],
        allow_abbrev=False,
        help="collect event files in a checkpoint and create the monthly report",
        description="Run the packaged function event_log_checkpoint on event files. Then add "
        "late, rewritten, repeated and broken files, run it again, and show what happened to "
        "every file. Finally, create the monthly report from the checkpoint. "
        "event-checkpoint is another name of this command.",
        epilog=EXIT_CODES,
    )
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--files",
        type=_number,
        default=DEFAULT_FILES,
        metavar="N",
        help=f"number of event files to generate (default: {DEFAULT_FILES:,})",
    )
    files.add_argument(
        "--source", type=Path, metavar="DIR", help="use the event files in this folder instead"
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="folder of the checkpoint, the rejected files and the report "
        f"(default: {OUTPUT_DIR}/COMMAND, such as {OUTPUT_DIR}/event-log)",
    )
    add_log_level_argument(parser)
    parser.set_defaults(run=_event_log)


def _event_log(args: argparse.Namespace) -> int:
    if not sys.platform.startswith("linux"):
        raise UsageError(
            "packaged functions run only on Linux; use the dev container: "
            "bin/exec-in-devcontainer.sh"
        )
    clear_aws_environment()
    # Imported here, because they take longer to import than other commands need.
    from run_local.event_log.demonstration import demonstrate
    from run_local.event_log.event_files import from_folder, generate_rounds
    from run_local.event_log.view import show

    rounds = from_folder(args.source) if args.source else generate_rounds(args.files)
    folder = args.output_dir or Path(OUTPUT_DIR, args.command)
    shown = demonstrate(rounds, folder, stage_display())
    # The files are complete even if nobody reads the output.
    with ignoring_broken_pipe():
        show(shown, sys.stdout)
    return 0


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST_FILES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a valid number of files: 1 to {MOST_FILES:,}"
        )
    return number
