"""What runs on one machine without an AWS account: `bin/run-local.sh COMMAND`."""

from __future__ import annotations

# Ctrl-C must be seen to before the other imports, which take half a second.
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
from command_line.command import exit_with, guarded, text_in_utf8
from command_line.stages import stage_display
from local_cloud.environment import clear_aws_environment
from local_cloud.server import moto_server, snapshot_day, snapshot_label
from run_local.event_log.arguments import add_event_checkpoint_parser
from run_local.invoke import add_invoke_parser
from run_local.patch_tracker.arguments import add_patch_tracker_parser
from run_local.up import add_up_parser

OUTPUT_DIR = "dist/region-report"

MAX_TPS = 10_000.0
"""The local server has no quota: it is as fast as it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    return guarded(f"{parser.prog} {args.command}", args.log_level, lambda: args.run(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run-local.sh",
        allow_abbrev=False,
        description="Run the pipelines on this machine, without an AWS account.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    report = commands.add_parser(
        "region-report",
        allow_abbrev=False,
        help="make the region and service report from the parameter tree that moto ships",
        description="Make the region and service report from a local copy of AWS's parameter tree: "
        "a snapshot, not live data.",
        epilog="Exit codes: 0 complete, 1 incomplete or failed, 2 wrong usage, 130 interrupted.",
    )
    add_report_arguments(report, f"default: {OUTPUT_DIR}")
    report.set_defaults(output_dir=OUTPUT_DIR, run=_region_report)
    report.add_argument(
        "--rss-url",
        metavar="URL",
        type=text_in_utf8,
        help="a feed of launches to read instead of the dates that the project brings",
    )
    report.add_argument(
        "--in-process",
        action="store_true",
        help="make it in this process, instead of by the state machine and the packaged functions "
        "as on AWS: quicker, the same reports; always so where this is not Linux",
    )
    add_event_checkpoint_parser(commands)
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
        print("Packaged functions run on Linux only: making it in this process.", file=sys.stderr)
        args.in_process = True
    if args.in_process:
        return finish(_in_process(args, options))
    # Imported here, because it takes longer to import than the quick way needs.
    from run_local import region_report

    return finish(
        region_report.make_report(
            options,
            stage_display(),
            rss_url=args.rss_url,
            max_tps=MAX_TPS,
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
