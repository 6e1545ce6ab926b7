"""Proves that a stack that was deployed from an earlier commit can be upgraded.

Run it with `build-support/ci/prove_upgrade.sh COMMIT [STACK…]`.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import boto3

from artefacts.packaging import packaged
from artefacts.repository import architecture, repository_root
from command_line.command import COMPLETE, exit_with, report_errors
from deployment.errors import DeploymentError
from deployment.proof.local import local_account
from deployment.proof.stacks import LOCAL_STACKS
from deployment.stacks import ENVIRONMENTS, PRODUCTION, Stack, find_stack, stack_names
from deployment.state import Account, ensure_state_bucket
from deployment.terraform import Terraform, require_terraform
from lambda_core.errors import UsageError

EARLIER: Final = Path("dist/upgrade")
"""Folder for the files of the earlier commit."""

FILES: Final = ("bin", "build-support", "lambda", "terraform")
"""What Terraform needs of the earlier commit. The packages are those of the current one."""

DIFFERING_OUTPUTS: Final = frozenset({"commands", "function_versions"})
"""Outputs that an upgrade may change: texts, and versions of functions whose settings changed."""


def prove_upgrade(stack: Stack, commit: str) -> None:
    """Deploy a stack from an earlier commit to a local cloud, then upgrade it.

    Raises
    ------
    DeploymentError
        If the upgrade replaces or deletes a resource, changes an output, or is incomplete.
    """
    earlier = dataclasses.replace(stack, root=_checked_out(stack.root, commit))
    if functions := stack.functions():
        packaged(stack.root, architecture(), functions)
    with ExitStack() as block:
        block.enter_context(local_account(stack))
        local = LOCAL_STACKS[stack.name](block)
        variables = local.variables(deletable=stack.environment != PRODUCTION)
        session = boto3.Session()
        identity = session.client("sts").get_caller_identity()
        account = Account(identity["Account"], str(session.region_name), identity["Arn"])
        ensure_state_bucket(account, session.client("s3"))

        before = _terraform(earlier, stack, variables, account)
        before.plan(quiet=True)
        before.apply()

        after = _terraform(stack, stack, variables, account)
        after.plan()
        changes = after.planned_changes()
        if gone := list(lost(changes)):
            raise DeploymentError("the upgrade would delete or replace:\n  " + "\n  ".join(gone))
        after.apply()
        if changed := list(changed_outputs(before.outputs(), after.outputs())):
            raise DeploymentError(f"the upgrade changed these outputs: {', '.join(changed)}")
        if after.plan():
            raise DeploymentError("a second plan, after the upgrade, is not empty")
    for line in summary(changes):
        print(f"  {line}")
    print(f"Proved: {stack.name} of {commit} is upgraded; nothing is replaced or deleted.")


def lost(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the address of each resource that a plan deletes or replaces.

    Parameters
    ----------
    changes
        `resource_changes` of a plan.

    Examples
    --------
    >>> replaced = {"actions": ["delete", "create"]}
    >>> list(lost([{"address": "aws_s3_bucket.data", "mode": "managed", "change": replaced}]))
    ['aws_s3_bucket.data']
    """
    for change in changes:
        # Terraform also forgets resources without deleting them.
        if change["mode"] == "managed" and {"delete", "forget"} & {*change["change"]["actions"]}:
            yield str(change["address"])


def changed_outputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of each output that an upgrade removes or changes, except `DIFFERING_OUTPUTS`.

    Examples
    --------
    >>> list(changed_outputs({"bucket": "a", "topic": "t"}, {"bucket": "b", "topic": "t"}))
    ['bucket']
    """
    for name, value in before.items():
        if name not in after or (name not in DIFFERING_OUTPUTS and after[name] != value):
            yield name


def summary(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each resource that a plan moves, creates or updates.

    Examples
    --------
    >>> update = {"actions": ["update"], "before": {"tags": {}}, "after": {"tags": {"a": "b"}}}
    >>> list(summary([{"address": "aws_iam_role.a", "mode": "managed", "change": update}]))
    ['update aws_iam_role.a: tags']
    """
    moved = 0
    for change in changes:
        moved += "previous_address" in change
        what = change["change"]
        if change["mode"] != "managed" or what["actions"] == ["no-op"]:
            continue
        before, after = what["before"] or {}, what["after"] or {}
        names = sorted(name for name in after if before.get(name) != after[name])
        details = f": {', '.join(names)}" if what["actions"] == ["update"] else ""
        yield f"{'/'.join(what['actions'])} {change['address']}{details}"
    if moved:
        yield f"{moved} resources have a new address"


def _checked_out(root: Path, commit: str) -> Path:
    """Return a new folder with the files of a commit."""
    folder = root / EARLIER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder / "files.tar"
    command = ["git", "archive", f"--output={archive}", commit, "--", *FILES]
    done = subprocess.run(  # noqa: S603 - the arguments are a commit and constants
        command, cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UsageError(f"cannot read the commit {commit!r}: {done.stderr.strip()}")
    shutil.unpack_archive(archive, folder, filter="data")
    return folder


def _terraform(
    configuration: Stack, stack: Stack, variables: Mapping[str, object], account: Account
) -> Terraform:
    # The packages are those of the current commit.
    settings = stack.variables(account.region, architecture())
    terraform = Terraform(configuration, {**variables, **settings})
    terraform.init(account.backend(stack.state_key))
    return terraform


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove the upgrade of stacks; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="prove_upgrade.sh",
        description="Prove that stacks that were deployed from an earlier commit can be upgraded.",
    )
    parser.add_argument("commit", metavar="COMMIT", help="the commit that was deployed")
    parser.add_argument(
        "stacks", metavar="STACK", nargs="*", help="such as region_report (default: all)"
    )
    parser.add_argument("--environment", choices=ENVIRONMENTS, default="dev")
    args = parser.parse_args(arguments)
    root = repository_root()
    names = args.stacks or stack_names(root)

    def prove_all() -> int:
        require_terraform()
        for name in names:
            prove_upgrade(find_stack(root, name, args.environment), args.commit)
        return COMPLETE

    return report_errors(parser.prog, prove_all, interrupted="interrupted")


if __name__ == "__main__":
    exit_with(main())
