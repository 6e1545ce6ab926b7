"""Checks a deployed stack: `bin/verify-deploy.sh STACK ENV`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from artefacts.repository import repository_root
from command_line.command import exit_with
from deployment.command import deployment_of, new_parser, run_command, verify
from deployment.deploy import ask_on_terminal
from deployment.stacks import find_stack

PROG = "verify-deploy.sh"

_DESCRIPTION = """\
Check a deployed stack, and change nothing. The command checks that

  - Terraform's plan is empty: the stack matches the configuration of this checkout,
  - functions, state machines, tables and buckets exist and work,
  - no alarm is active.

It prints a table of what it checked, and notes such as disabled schedules or e-mail addresses
that have not yet confirmed their subscription."""

_EXAMPLES = """\
examples:
  bin/verify-deploy.sh region_report dev
  bin/verify-deploy.sh region_report prod --run --profile ops

exit codes:
  0    the stack matches its configuration and works
  1    it does not, or what --run started failed; standard error names the cause
  2    wrong usage
  130  interrupted with Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a deployed stack; returns the exit code."""
    return run_command(PROG, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(PROG, _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "--run",
        action="store_true",
        help="first start the targets of the enabled schedules, and wait until they end; "
        "this takes minutes and changes data",
    )
    return parser


def _run(args: argparse.Namespace) -> int:
    stack = find_stack(repository_root(), args.stack, args.environment)
    return verify(deployment_of(args, stack, ask_on_terminal), run=args.run)


if __name__ == "__main__":
    exit_with(main())
