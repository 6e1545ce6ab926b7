"""`run-local.sh patch-tracker`: its options, without what takes long to import."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from command_line.stages import stage_display
from lambda_core.observability import LOG_LEVELS
from local_cloud.environment import clear_aws_environment

_FORMATS = ("csv", "json", "parquet")

OUTPUT = "dist/patch-tracker/board"


def add_patch_tracker_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "patch-tracker",
        allow_abbrev=False,
        help="show which patches of a mailing list wait, for whom, and what was said about them",
        description="Read Patchwork and a list's archive into DynamoDB and show the board. Without "
        "further options both are local stand-ins that serve mails which the project brings.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument(
        "--mbox", type=Path, metavar="FILE", help="an mbox, gzipped or not, instead"
    )
    parser.add_argument("--patchwork-url", metavar="URL", help="a real Patchwork server")
    parser.add_argument("--lore-url", metavar="URL", help="a real public-inbox server")
    parser.add_argument("--project", metavar="NAME", help="the project's link name in Patchwork")
    parser.add_argument(
        "--list", metavar="NAME", dest="mail_list", help="the list's name (that of the project)"
    )
    parser.add_argument(
        "--contact", metavar="TEXT", help="where the people of real servers can complain"
    )
    parser.add_argument(
        "--days", type=_days, default=30, metavar="N", help="how far the list is read back (30)"
    )
    parser.add_argument(
        "--in-process",
        action="store_true",
        help="run the functions' code in this process instead of from its packages: quicker, the "
        "same board; always so where this is not Linux",
    )
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=str.upper,
        choices=LOG_LEVELS,
        help=f"{', '.join(LOG_LEVELS)} (LOG_LEVEL, WARNING)",
    )
    parser.set_defaults(run=_patch_tracker, what="board")
    what = parser.add_subparsers(dest="what", metavar="WHAT")
    what.add_parser("board", help="all series (what is done without WHAT)")
    show = what.add_parser("show", help="one patch or mail with its discussion")
    show.add_argument("message_id", type=_message_id, metavar="MESSAGE-ID")
    search = what.add_parser("search", help="the series of some patches")
    search.add_argument("--submitter", type=_address, metavar="ADDRESS")
    search.add_argument(
        "--status", type=_status, metavar="STATUS", help="such as new or under-review"
    )
    search.add_argument("--series", type=_series, metavar="NUMBER", help="Patchwork's number")
    search.add_argument("--path", type=_path, metavar="PREFIX", help="files below this are touched")
    export = what.add_parser("export", help="the board as a file")
    export.add_argument("--format", choices=_FORMATS, default="csv")
    export.add_argument("--output", type=Path, metavar="FILE", help=f"where ({OUTPUT}.FORMAT)")


def _days(text: str) -> int:
    days = int(text) if text.isdecimal() else 0
    if not 1 <= days <= 3650:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to 3650")
    return days


def _series(text: str) -> int:
    # Of more digits is no number that Patchwork gives.
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a series")
    return int(text)


def _status(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", text.lower(), re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no status, such as new or under-review")
    return text.lower()


def _address(text: str) -> str:
    if "@" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no address")
    return text.strip()


def _path(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no path")
    return text


def _message_id(text: str) -> str:
    if not text.strip().strip("<>"):
        raise argparse.ArgumentTypeError(f"{text!r} is no message id")
    return text


def _patch_tracker(args: argparse.Namespace) -> int:
    clear_aws_environment()
    if not sys.platform.startswith("linux") and not args.in_process:
        print("Packaged functions run on Linux only: running in this process.", file=sys.stderr)
        args.in_process = True
    # Imported here, because it takes longer to import than other commands need.
    from run_local.patch_tracker.demonstration import Options, demonstration
    from run_local.patch_tracker.view import board, export, search, show

    options = Options(
        mbox=args.mbox,
        patchwork_url=args.patchwork_url,
        lore_url=args.lore_url,
        project=args.project,
        mail_list=args.mail_list,
        contact=args.contact,
        days=args.days,
        in_process=args.in_process,
    )
    with demonstration(options, stage_display()) as shown:
        match args.what:
            case "show":
                text = show(shown, args.message_id)
            case "search":
                found = search(
                    shown.tracker,
                    submitter=args.submitter,
                    status=args.status,
                    series=args.series,
                    path=args.path,
                )
                text = board(shown, found)
            case "export":
                target = args.output or Path(f"{OUTPUT}.{args.format}")
                text = f"{export(shown, args.format, target)} series written to {target}\n"
            case _:
                text = board(shown)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads it, as in `… | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
