"""What `bin/deploy.sh` and `bin/verify-deploy.sh` share: arguments, exit codes and errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from artefacts.repository import ARCHITECTURES, repository_root
from command_line.command import COMPLETE, FAILED, report_errors
from deployment.deploy import Deployment
from deployment.errors import DeploymentError
from deployment.stacks import ENVIRONMENTS, Stack, stack_names
from lambda_core.errors import UsageError

DEFAULT_ARCHITECTURE: Final = "x86_64"


def new_parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that both commands take."""
    parser = argparse.ArgumentParser(
        prog=prog,
        allow_abbrev=False,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stacks = ", ".join(stack_names(repository_root()))
    parser.add_argument("stack", metavar="STACK", help=stacks)
    parser.add_argument("environment", metavar="ENV", help=", ".join(ENVIRONMENTS))
    account = parser.add_argument_group("account")
    account.add_argument(
        "--profile", help="profile in the configuration of the AWS CLI (default: AWS_PROFILE)"
    )
    account.add_argument(
        "--region",
        help="AWS region, such as eu-west-1 (default: AWS_REGION, AWS_DEFAULT_REGION, or the "
        "region of the profile)",
    )
    parser.add_argument(
        "--architecture",
        choices=sorted(set(ARCHITECTURES.values())),
        help=f"architecture of the functions (default: {DEFAULT_ARCHITECTURE})",
    )
    return parser


def deployment_of(args: argparse.Namespace, stack: Stack, ask: Callable[[str], str]) -> Deployment:
    """Return the deployment of a stack to the account that the arguments name.

    Parameters
    ----------
    ask
        Asks the user a question; returns the answer.

    Raises
    ------
    UsageError
        The profile does not exist.
    """
    return Deployment(
        stack,
        _session_of(args),
        args.architecture or DEFAULT_ARCHITECTURE,
        ask,
        # Terraform must use the same profile.
        environment={"AWS_PROFILE": args.profile} if args.profile else {},
    )


def _session_of(args: argparse.Namespace) -> boto3.Session:
    try:
        return boto3.Session(
            profile_name=args.profile,
            # Unlike other SDKs, boto3 reads AWS_DEFAULT_REGION only.
            region_name=args.region or os.environ.get("AWS_REGION"),
        )
    except ProfileNotFound as error:
        raise UsageError(f"--profile: {error}") from error


def verify(deployment: Deployment, *, run: bool) -> int:
    """Verify a deployed stack, and print the results; returns the exit code.

    Raises
    ------
    DeploymentError
        The stack has problems, which were printed; is not deployed; or differs from the
        configuration.
    """
    examination = deployment.verify(run=run)
    print(examination.table())
    for note in examination.notes:
        print(f"Note: {note}.")
    stack = f"{deployment.stack.name} in {deployment.stack.environment}"
    if problems := examination.problems:
        for problem in problems:
            print(f"Problem: {problem}.")
        raise DeploymentError(
            f"{stack} does not work; the number of problems listed above is {len(problems)}"
        )
    print(f"{stack} matches its configuration and works.")
    return COMPLETE


def run_command(prog: str, command: Callable[[], int]) -> int:
    """Run a command and print errors as a single line; returns the exit code."""
    try:
        return report_errors(
            prog,
            command,
            interrupted="interrupted. Terraform's state contains what was done, and the next run "
            "continues from there. Functions and executions that were started keep running",
        )
    except (BotoCoreError, ClientError) as error:
        print(f"{prog}: failed: AWS returned an error: {error}", file=sys.stderr)
        return FAILED
