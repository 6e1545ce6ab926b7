"""Deploys a stack: `bin/deploy.sh STACK ENV`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from artefacts.repository import ARCHITECTURES, architecture, repository_root
from command_line.command import COMPLETE, FAILED, INTERRUPTED, WRONG_USAGE, exit_with
from deployment.deploy import Deployment, ask_on_terminal
from deployment.errors import UsageError
from deployment.proof.local import local_account, run_pipeline
from deployment.proof.proof import log_settings, prove
from deployment.stacks import ENVIRONMENTS, Stack, find_stack
from deployment.terraform import require_terraform
from lambda_core.errors import ApplicationError, ConfigurationError

PROG = "deploy.sh"


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy, plan or destroy; the result is the exit code."""
    args = _parser().parse_args(arguments)
    try:
        return _run(args)
    except KeyboardInterrupt:
        print(
            f"{PROG}: interrupted; what Terraform had done is in the state, and the next run goes "
            "on from there; what was started goes on by itself",
            file=sys.stderr,
        )
        return INTERRUPTED
    except ConfigurationError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return WRONG_USAGE
    except ApplicationError as error:
        print(f"{PROG}: failed: {error}", file=sys.stderr)
        return FAILED
    except (BotoCoreError, ClientError) as error:
        print(f"{PROG}: failed: AWS answered: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        allow_abbrev=False,
        description="Package a stack with Pants and deploy it with Terraform.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("stack", metavar="STACK", help="such as region_report")
    parser.add_argument("environment", metavar="ENV", help=", ".join(ENVIRONMENTS))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="show what would change, and stop")
    what.add_argument("--destroy", action="store_true", help="remove everything; not in production")
    what.add_argument(
        "--verify",
        action="store_true",
        help="check that what is deployed is as the configuration says, there, and well",
    )
    parser.add_argument(
        "--run",
        action="store_true",
        help="with --verify: start besides what the schedules start, and wait for its end",
    )
    parser.add_argument(
        "--local",
        action="store_true",
        help="deploy to a local cloud that lives as long as this command, run the pipeline there, "
        "and show what it made; needs no account",
    )
    parser.add_argument(
        "--prove",
        action="store_true",
        help="with --local: prove besides that a second plan is empty, that each function's role "
        "allows what the function called and no more, and that destroying leaves nothing",
    )
    parser.add_argument(
        "--approved",
        metavar="ENV",
        help="the environment's name, from where somebody has agreed already, such as an "
        "environment of GitHub with reviewers; production asks nobody then",
    )
    parser.add_argument("--profile", help="profile of the AWS CLI's configuration")
    parser.add_argument("--region", help="where to deploy, such as eu-west-1")
    parser.add_argument(
        "--architecture",
        choices=sorted(set(ARCHITECTURES.values())),
        help="what the functions run on (x86_64; with --local, what this machine is)",
    )
    return parser


def _run(args: argparse.Namespace) -> int:
    stack = find_stack(repository_root(), args.stack, args.environment)
    if args.local:
        return _run_locally(args, stack)
    if args.prove:
        raise UsageError("--prove is for --local")
    if args.run and not args.verify:
        raise UsageError("--run is for --verify")
    if args.approved not in (None, stack.environment):
        raise UsageError(f"--approved {args.approved} is for another environment than this one")
    try:
        session = boto3.Session(
            profile_name=args.profile,
            # Unlike other SDKs, this one looks at AWS_DEFAULT_REGION only.
            region_name=args.region or os.environ.get("AWS_REGION"),
        )
    except ProfileNotFound as error:
        raise UsageError(f"--profile: {error}") from error
    deployment = Deployment(
        stack,
        session,
        args.architecture or "x86_64",
        ask_on_terminal if args.approved is None else lambda _: args.approved,
        environment={"AWS_PROFILE": args.profile} if args.profile else {},
    )
    if args.destroy:
        deployment.destroy()
        return COMPLETE
    if args.plan:
        deployment.plan()
        return COMPLETE
    if args.verify:
        examination = deployment.verify(run=args.run)
        print(examination.table())
        for note in examination.notes:
            print(f"  But {note}.")
        print(f"{stack.name} in {stack.environment} is as it should be.")
        return COMPLETE
    outputs = deployment.apply()
    print(_what_now(stack, outputs, args.profile))
    return COMPLETE


def _run_locally(args: argparse.Namespace, stack: Stack) -> int:
    if args.profile or args.region or args.destroy or args.verify or args.approved or args.run:
        raise UsageError(
            "--local has no use for --profile, --region, --destroy, --verify, --run or --approved: "
            "it starts empty"
        )
    require_terraform()
    with local_account(stack) as account:
        deployment = Deployment(
            stack,
            boto3.Session(),
            args.architecture or architecture(),
            # Nothing can be harmed that will not be gone with this command.
            lambda _: stack.environment,
            account.variables,
            log_settings(stack) if args.prove else {},
        )
        if args.plan:
            deployment.plan()
            return COMPLETE
        outputs = deployment.apply()
        code = run_pipeline(stack, account, outputs, thorough=args.prove)
        if args.prove:
            prove(deployment, account.endpoint, outputs)
        return code


def _what_now(stack: Stack, outputs: Mapping[str, Any], profile: str | None) -> str:
    lines = [f"{stack.name} is deployed to {stack.environment}; its outputs are above."]
    for purpose, command in sorted(outputs.get("commands", {}).items()):
        lines += ["", f"To {purpose}:", f"  {command}{f' --profile {profile}' if profile else ''}"]
    return "\n".join(lines)


if __name__ == "__main__":
    exit_with(main())
