"""Runs the pipelines on one machine without an AWS account: `bin/run-local.sh COMMAND`."""

from __future__ import annotations

# Handle Ctrl-C before the other imports, which take half a second.
from command_line import interrupts

if __name__ == "__main__":
    interrupts.end_silently_on_ctrl_c()

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aws_ssm_fetcher.cli import add_report_arguments, finish
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import AWSSSMDataFetcher, Source
from aws_ssm_fetcher.data_sources.rss import BundledLaunchFeed, HttpLaunchFeed
from aws_ssm_fetcher.outputs.run_result import RunResult
from aws_ssm_fetcher.pipeline import Options, make_report
from command_line.command import EXIT_CODES, WRONG_USAGE, exit_with, guarded, text_in_utf8
from command_line.stages import stage_display
from local_cloud.environment import clear_aws_environment
from local_cloud.server import moto_server, snapshot_day, snapshot_label
from run_local.event_log.arguments import add_event_log_parser
from run_local.invoke import add_invoke_parser
from run_local.patch_tracker.arguments import add_patch_tracker_parser
from run_local.up import add_up_parser

OUTPUT_DIR = "dist/region-report"

MAX_TPS = 10_000.0
"""Calls per second to the local server, which has no quota."""

EXAMPLES = """\
examples:
  bin/run-local.sh region-report
  bin/run-local.sh event-log --files 5000
  bin/run-local.sh patch-tracker search --status new
  bin/run-local.sh invoke fetch_patches lambda/fetch_patches/events/changes.json
  bin/run-local.sh up

COMMAND --help lists the options of a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without a command, print the help."""
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    args = parser.parse_args(given)
    return guarded(
        f"{parser.prog} {args.command}",
        args.log_level,
        lambda: args.run(args),
        interrupted=args.interrupted,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run-local.sh",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run the pipelines on this machine, with a local server in place of AWS.\n"
        "Needs no AWS account, credentials or Docker.",
        epilog=EXAMPLES,
    )
    parser.set_defaults(interrupted="")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    report = commands.add_parser(
        "region-report",
        allow_abbrev=False,
        help="report which AWS service is available in which region",
        description="Create the region and service report from a local copy of AWS's parameter "
        "tree: a snapshot, not live data.",
        epilog=EXIT_CODES,
    )
    add_report_arguments(report, f"default: {OUTPUT_DIR}")
    report.set_defaults(
        output_dir=OUTPUT_DIR, run=_region_report, interrupted="nothing was published"
    )
    report.add_argument(
        "--rss-url",
        metavar="URL",
        type=text_in_utf8,
        help="a feed of region launches (default: the launch dates that are part of the project)",
    )
    report.add_argument(
        "--in-process",
        action="store_true",
        help="create the report in this process, without the state machine and the packaged "
        "functions; faster, same reports; always used on systems other than Linux",
    )
    add_event_log_parser(commands)
    add_patch_tracker_parser(commands)
    add_invoke_parser(commands)
    add_up_parser(commands)
    return parser


def _region_report(args: argparse.Namespace) -> int:
    clear_aws_environment()
    options = Options(
        output_dir=Path(args.output_dir),
        formats=args.format,
        zones=args.zones,
        cross_check=args.cross_check,
    )
    if not sys.platform.startswith("linux") and not args.in_process:
        print(
            "Packaged functions run only on Linux, so the report is created in this process.",
            file=sys.stderr,
        )
        args.in_process = True
    if args.in_process:
        return finish(_in_process(args, options))
    # Imported here, because the in-process run does not need it and it takes time to import.
    from run_local import region_report

    return finish(
        region_report.make_report(
            options,
            stage_display(),
            rss_url=args.rss_url,
            log_level=args.log_level or "INFO",
        )
    )


def _in_process(args: argparse.Namespace, options: Options) -> RunResult:
    with moto_server() as endpoint:
        os.environ |= {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        fetcher = AWSSSMDataFetcher(
            Config(cache_enabled=False, output_dir=args.output_dir),
            max_tps=MAX_TPS,
            source=Source(snapshot_label(), as_of=snapshot_day()),
        )
        feed = HttpLaunchFeed(args.rss_url) if args.rss_url else BundledLaunchFeed()
        return make_report(fetcher, feed, options, stage_display())


if __name__ == "__main__":
    interrupts.raise_on_ctrl_c()
    exit_with(main())
