"""`run-local.sh event-checkpoint`: its options, without what takes long to import."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from command_line.stages import stage_display
from lambda_core.errors import ConfigurationError
from lambda_core.observability import LOG_LEVELS
from local_cloud.environment import clear_aws_environment

OUTPUT_DIR = "dist/event-checkpoint"

DEFAULT_FILES = 1_000

MOST_FILES = 200_000
"""The local server keeps all of them in memory."""


def add_event_checkpoint_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "event-checkpoint",
        allow_abbrev=False,
        help="turn event files into a checkpoint, and the checkpoint into a monthly report",
        description="Run the packaged function event_log_checkpoint on event files, add late, "
        "rewritten, repeated and broken ones, run it again, and show what became of each object; "
        "then make the monthly report from the checkpoint.",
        epilog="Exit codes: 0 every object is accounted for, 1 failed, 2 wrong usage, "
        "130 interrupted.",
    )
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument(
        "--files",
        type=_number,
        default=DEFAULT_FILES,
        metavar="N",
        help=f"how many event files are made up ({DEFAULT_FILES:,})",
    )
    origin.add_argument(
        "--source", type=Path, metavar="DIR", help="a folder of event files to take instead"
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path(OUTPUT_DIR),
        metavar="DIR",
        help=f"where checkpoint, refusals and report are written ({OUTPUT_DIR})",
    )
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=str.upper,
        choices=LOG_LEVELS,
        help=f"{', '.join(LOG_LEVELS)} (LOG_LEVEL, WARNING)",
    )
    parser.set_defaults(run=_event_checkpoint)


def _event_checkpoint(args: argparse.Namespace) -> int:
    if not sys.platform.startswith("linux"):
        raise ConfigurationError("packaged functions run on Linux only")
    clear_aws_environment()
    # Imported here, because it takes longer to import than other commands need.
    from run_local.event_log.demonstration import demonstrate
    from run_local.event_log.event_files import from_folder, made_up
    from run_local.event_log.view import show

    rounds = from_folder(args.source) if args.source else made_up(args.files)
    shown = demonstrate(rounds, args.output_dir, stage_display())
    try:
        show(shown, sys.stdout)
    except BrokenPipeError:
        # Nobody reads it, as in `… | head -1`; the files are there. What is still buffered would
        # break the pipe again when Python flushes it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST_FILES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of files: 1 to {MOST_FILES:,} can be made"
        )
    return number
