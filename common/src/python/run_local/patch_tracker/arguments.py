"""Options of `run-local.sh patch-tracker`; modules that are slow to import are imported later."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from command_line.command import EXIT_CODES, add_log_level_argument, ignoring_broken_pipe
from command_line.stages import stage_display
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
        help="show which patches of a mailing list are waiting, and for whom",
        description="Read patches from Patchwork and their discussion from a mailing list archive "
        "into DynamoDB, and show the board. By default, local stand-ins for both servers serve "
        "sample mails that are part of the project.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "--mbox",
        type=Path,
        metavar="FILE",
        help="let the stand-ins serve the mails of this mbox, gzipped or not",
    )
    parser.add_argument("--patchwork-url", metavar="URL", help="read a real Patchwork server")
    parser.add_argument("--lore-url", metavar="URL", help="read a real public-inbox server")
    parser.add_argument("--project", metavar="NAME", help="link name of the project in Patchwork")
    parser.add_argument(
        "--list",
        metavar="NAME",
        dest="mail_list",
        help="name of the mailing list (default: name of the project)",
    )
    parser.add_argument(
        "--contact",
        metavar="TEXT",
        help="URL or address of a person who is responsible for the requests; required for real "
        "servers, which receive it with every request",
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=30,
        metavar="N",
        help="read the mails of the last N days (default: 30)",
    )
    parser.add_argument(
        "--in-process",
        action="store_true",
        help="run the functions' code in this process instead of from its packages; faster, same "
        "board; always used on systems other than Linux",
    )
    add_log_level_argument(parser)
    parser.set_defaults(run=_patch_tracker, what="board")
    what = parser.add_subparsers(dest="what", metavar="WHAT", title="what to show")
    what.add_parser("board", help="all series (the default)")
    show = what.add_parser("show", help="one patch or mail with its discussion")
    show.add_argument("message_id", type=_message_id, metavar="MESSAGE-ID")
    search = what.add_parser("search", help="series with matching patches")
    search.add_argument(
        "--submitter", type=_address, metavar="ADDRESS", help="mail address of the submitter"
    )
    search.add_argument(
        "--status", type=_status, metavar="STATUS", help="for example new or under-review"
    )
    search.add_argument(
        "--series", type=_series, metavar="NUMBER", help="number of the series in Patchwork"
    )
    search.add_argument(
        "--path", type=_path, metavar="PREFIX", help="the patch changes a file below this path"
    )
    export = what.add_parser("export", help="write the board to a file")
    export.add_argument(
        "--format", choices=_FORMATS, default="csv", help="format of the file (default: csv)"
    )
    export.add_argument(
        "--output", type=Path, metavar="FILE", help=f"the file (default: {OUTPUT}.FORMAT)"
    )


def _days(text: str) -> int:
    days = int(text) if text.isdecimal() else 0
    if not 1 <= days <= 3650:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of days: 1 to 3650")
    return days


def _series(text: str) -> int:
    # Patchwork's numbers have at most 10 digits.
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a series")
    return int(text)


def _status(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", text.lower(), re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a status, such as new or under-review")
    return text.lower()


def _address(text: str) -> str:
    if "@" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a mail address")
    return text.strip()


def _path(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty")
    return text


def _message_id(text: str) -> str:
    if not text.strip().strip("<>"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a message ID")
    return text


def _patch_tracker(args: argparse.Namespace) -> int:
    clear_aws_environment()
    if not sys.platform.startswith("linux") and not args.in_process:
        print(
            "Packaged functions run only on Linux, so their code runs in this process.",
            file=sys.stderr,
        )
        args.in_process = True
    # Imported here, because they take longer to import than other commands need.
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
    with ignoring_broken_pipe():
        sys.stdout.write(text)
        sys.stdout.flush()
    return 0
