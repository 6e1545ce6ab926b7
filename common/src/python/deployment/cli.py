"""Deploys a stack: `bin/deploy.sh STACK ENV`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from artefacts.repository import repository_root
from command_line.command import COMPLETE, exit_with
from deployment.command import deployment_of, new_parser, run_command, verify
from deployment.deploy import ask_on_terminal
from deployment.stacks import find_stack
from lambda_core.errors import UsageError

if TYPE_CHECKING:
    from deployment.stacks import Stack

PROG = "deploy.sh"

_EXAMPLES = """\
examples:
  bin/deploy.sh region_report dev --local            try it without an AWS account
  bin/deploy.sh region_report dev --plan             show what would change in your account
  bin/deploy.sh region_report dev                    deploy to your account
  bin/deploy.sh region_report prod --profile ops     deploy to production; asks for confirmation
  bin/deploy.sh region_report dev --destroy          delete all resources of the stack

exit codes:
  0    done
  1    failed; standard error names the cause
  2    wrong usage; nothing was changed
  130  interrupted with Ctrl-C

bin/verify-deploy.sh checks a deployed stack and changes nothing.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy, plan, verify or destroy a stack; returns the exit code."""
    return run_command(PROG, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        PROG,
        "Package a stack with Pants and deploy it with Terraform. By default, the command creates\n"
        "a plan, shows it and applies exactly that plan. In production, it asks you first.",
        _EXAMPLES,
    )
    actions = parser.add_argument_group("other actions").add_mutually_exclusive_group()
    actions.add_argument(
        "--plan", action="store_true", help="show what would change, and change nothing"
    )
    actions.add_argument(
        "--destroy",
        action="store_true",
        help="delete all resources of the stack; refused in production",
    )
    actions.add_argument(
        "--verify",
        action="store_true",
        help="check the deployed stack, as bin/verify-deploy.sh does",
    )
    parser.add_argument(
        "--run",
        action="store_true",
        help="with --verify: first start the targets of the schedules, and wait until they end",
    )
    parser.add_argument(
        "--approved",
        metavar="ENV",
        help="name of the environment; states that somebody, such as a reviewer of the GitHub "
        "environment, has approved the deployment, so that the command does not ask in production",
    )
    local = parser.add_argument_group("without an AWS account")
    local.add_argument(
        "--local",
        action="store_true",
        help="deploy to a local cloud, run the pipeline there, and show the result; the local "
        "cloud stops when the command ends (default architecture: that of this machine)",
    )
    local.add_argument(
        "--prove",
        action="store_true",
        help="with --local: also check that a second plan is empty, that alarms are delivered, "
        "that each function's role has exactly the required permissions, that a function can "
        "be rolled back to an earlier version, and that --destroy leaves nothing behind",
    )
    return parser


def _run(args: argparse.Namespace) -> int:
    stack = find_stack(repository_root(), args.stack, args.environment)
    if args.prove and not args.local:
        raise UsageError("--prove needs --local")
    if args.local:
        return _run_locally(args, stack)
    if args.run and not args.verify:
        raise UsageError("--run needs --verify")
    if args.approved not in (None, stack.environment):
        raise UsageError(
            f"--approved {args.approved} does not match the environment {stack.environment}"
        )
    deployment = deployment_of(
        args, stack, ask_on_terminal if args.approved is None else lambda _: args.approved
    )
    if args.verify:
        return verify(deployment, run=args.run)
    if args.destroy:
        deployment.destroy()
    elif args.plan:
        deployment.plan()
    else:
        print(_next_steps(stack, deployment.apply(), args.profile))
    return COMPLETE


def _run_locally(args: argparse.Namespace, stack: Stack) -> int:
    if args.profile or args.region or args.destroy or args.verify or args.approved or args.run:
        raise UsageError(
            "--local cannot be combined with --profile, --region, --destroy, --verify, --run or "
            "--approved: the local cloud starts empty and needs no account"
        )
    # Imported only here: a deployment to an account must not load the local cloud and the domains.
    from deployment.proof.local import deploy_locally

    return deploy_locally(stack, args.architecture, plan_only=args.plan, prove_it=args.prove)


def _next_steps(stack: Stack, outputs: Mapping[str, Any], profile: str | None) -> str:
    lines = [f"{stack.name} is deployed to {stack.environment}; its outputs are above."]
    for purpose, command in sorted(outputs.get("commands", {}).items()):
        lines += ["", f"To {purpose}:", f"  {command}{f' --profile {profile}' if profile else ''}"]
    return "\n".join(lines)


if __name__ == "__main__":
    exit_with(main())
