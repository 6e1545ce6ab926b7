"""The command line of the region and service report, which reads from an AWS account.

Exit codes: 0 the report is complete; 1 it is incomplete or failed; 2 wrong usage; 130 interrupted.
A run that fails or is interrupted publishes nothing.
"""

from __future__ import annotations

# Ctrl-C must be handled before the other imports, which take half a second.
from command_line import interrupts

if __name__ == "__main__":
    interrupts.end_silently_on_ctrl_c()

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from aws_ssm_fetcher import __version__, console
from aws_ssm_fetcher.core.cache import CacheManager
from aws_ssm_fetcher.core.config import Config
from aws_ssm_fetcher.data_fetcher import DEFAULT_MAX_TPS, AWSSSMDataFetcher
from aws_ssm_fetcher.data_sources.rss import LIVE_FEED_URL, HttpLaunchFeed
from aws_ssm_fetcher.outputs.files import ReportFormat
from aws_ssm_fetcher.outputs.run_result import RunResult
from aws_ssm_fetcher.pipeline import Options, make_report
from command_line.command import (
    COMPLETE,
    FAILED,
    add_log_level_argument,
    exit_with,
    guarded,
    ignoring_broken_pipe,
    number,
    positive_number,
    text_in_utf8,
)
from command_line.stages import stage_display


def main(arguments: Sequence[str] | None = None) -> int:
    """Create the report, or show or clear its cache; return the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    return guarded(
        parser.prog, args.log_level, lambda: _run(args), interrupted="nothing was published"
    )


def add_report_arguments(
    parser: argparse.ArgumentParser, output_dir: str = "OUTPUT_DIR, output"
) -> None:
    """Add the options of every command that creates the report.

    Parameters
    ----------
    parser
        Receives the options.
    output_dir
        The default folder of the reports, as the help shows it.
    """
    parser.add_argument(
        "--output-dir",
        metavar="DIR",
        type=_folder,
        help=f"folder of the reports ({output_dir})",
    )
    parser.add_argument(
        "--format",
        metavar="FORMAT[,FORMAT]",
        type=_formats,
        default=tuple(ReportFormat),
        help="json, csv, excel or several of them, separated by commas (default: all)",
    )
    parser.add_argument(
        "--cross-check",
        action="store_true",
        help="also read the tree by service, and list how it differs from the tree by region",
    )
    parser.add_argument(
        "--no-zones",
        dest="zones",
        action="store_false",
        help="omit availability, local and wavelength zones; saves three calls per region",
    )
    add_log_level_argument(parser)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")


def finish(result: RunResult) -> int:
    """Print the closing table and return the exit code."""
    # The report is complete even if nobody reads the table.
    with ignoring_broken_pipe():
        print(console.closing_table(result), flush=True)
    return COMPLETE if result.complete else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aws-ssm-fetcher",
        allow_abbrev=False,
        description="Report which AWS services are available in which regions, from AWS's own "
        "public parameters. The environment variable and the default of each option are in "
        "parentheses.",
        epilog="Exit codes: 0 complete, 1 incomplete or failed, 2 wrong usage, 130 interrupted.",
    )
    add_report_arguments(parser)
    parser.add_argument(
        "--region", help="region whose SSM is queried (AWS_DEFAULT_REGION, us-east-1)"
    )
    parser.add_argument(
        "--ssm-regions",
        metavar="R[,R]",
        help="regions to query concurrently instead, each with its own quota (SSM_REGIONS)",
    )
    parser.add_argument("--profile", help="AWS profile (AWS_PROFILE)")
    parser.add_argument(
        "--max-tps",
        type=positive_number,
        default=DEFAULT_MAX_TPS,
        metavar="N",
        help="maximum SSM calls per second to each region; all users of the account share the "
        f"quota of a region ({DEFAULT_MAX_TPS:.0f})",
    )
    parser.add_argument(
        "--rss-url",
        metavar="URL",
        type=text_in_utf8,
        default=LIVE_FEED_URL,
        help=f"feed of region launches ({LIVE_FEED_URL})",
    )
    parser.add_argument(
        "--cache-hours",
        type=number,
        metavar="N",
        help="how long cached data is used, in hours (CACHE_HOURS, 24)",
    )
    parser.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")
    parser.add_argument(
        "--cache-dir", metavar="DIR", help="folder of the cache (CACHE_DIR, .cache)"
    )
    parser.add_argument(
        "--clear-cache",
        action="store_true",
        help="clear the cache and print how many entries it had",
    )
    parser.add_argument("--cache-info", action="store_true", help="show the content of the cache")
    return parser


def _run(args: argparse.Namespace) -> int:
    config = Config.from_args(args)
    if args.clear_cache or args.cache_info:
        return _manage_cache(args, CacheManager(config))
    fetcher = AWSSSMDataFetcher(config, max_tps=args.max_tps)
    result = make_report(
        fetcher,
        HttpLaunchFeed(args.rss_url),
        Options(
            output_dir=Path(config.output_dir),
            formats=args.format,
            zones=args.zones,
            cross_check=args.cross_check,
        ),
        stage_display(),
    )
    return finish(result)


def _manage_cache(args: argparse.Namespace, cache: CacheManager) -> int:
    if args.clear_cache:
        count = cache.clear_all()
        print(f"cleared {count} cache {'entry' if count == 1 else 'entries'}")
    if args.cache_info:
        print(cache.info())
    return COMPLETE


def _formats(text: str) -> tuple[ReportFormat, ...]:
    names = {name.strip().lower() for name in text.split(",")}
    known = {kind.value for kind in ReportFormat}
    if not names <= known:
        unknown = ", ".join(sorted(names - known)) or "nothing"
        raise argparse.ArgumentTypeError(
            f"{unknown!r} is not a format; choose from {', '.join(sorted(known))}"
        )
    return tuple(kind for kind in ReportFormat if kind.value in names)


def _folder(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("'' is not the path of a folder")
    return text_in_utf8(text)


def run() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    interrupts.raise_on_ctrl_c()
    exit_with(main())


if __name__ == "__main__":
    run()
