"""The steps of a deployment, in their order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deployment.checks import check_packages, check_plan
from deployment.errors import DeploymentError, UsageError
from deployment.stacks import PRODUCTION, Stack
from deployment.state import Account, ensure_state_bucket, require_state_bucket
from deployment.terraform import Terraform
from deployment.verify import faults, unconfirmed
from local_cloud.packaging import packaged

type Ask = Callable[[str], str]
"""Asks a person, and returns the answer; empty where nobody is there."""


@dataclass
class Deployment:
    """One run of the command.

    Parameters
    ----------
    stack
        What is deployed.
    session
        Credentials and region.
    architecture
        On which the functions run.
    ask
        Asks whoever started it.
    variables
        Over those of the environment's file.
    environment
        Variables of Terraform's process.
    """

    stack: Stack
    session: boto3.Session
    architecture: str
    ask: Ask
    variables: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> bool:
        """Show what would change, and change nothing; returns whether anything would.

        Raises
        ------
        DeploymentError
            If it could not be carried out.
        """
        return self._plan(self._terraform(), destroy=False)

    def apply(self) -> dict[str, Any]:
        """Deploy the stack; returns its outputs.

        Raises
        ------
        DeploymentError
            If it could not be carried out, or nobody agreed to it.
        """
        terraform = self._terraform()
        if self._plan(terraform, destroy=False):
            self._require_consent(f"deploy {self.stack.name} to production")
            terraform.apply()
        return terraform.outputs()

    def verify(self) -> None:
        """Check that what is deployed is as it was told, there, and well; changes nothing.

        Raises
        ------
        DeploymentError
            Names what is wrong.
        """
        terraform = self._terraform(make_state=False)
        if terraform.plan():
            raise DeploymentError(
                "what is deployed is not what the configuration says: the plan above is not empty"
            )
        resources = terraform.planned_changes()
        if wrong := list(faults(resources, self.session)):
            raise DeploymentError("what is deployed is not well:\n  " + "\n  ".join(wrong))
        for address in unconfirmed(resources):
            print(f"{address} has not confirmed yet to be told of anything", file=sys.stderr)

    def destroy(self) -> None:
        """Remove everything of the stack.

        Raises
        ------
        UsageError
            In production, always.
        DeploymentError
            If it could not be carried out.
        """
        if self.stack.environment == PRODUCTION:
            raise UsageError(
                "production is not destroyed by this command: nothing was changed. Its buckets "
                "and tables are protected, and are removed by hand, if at all"
            )
        terraform = self._terraform()
        if self._plan(terraform, destroy=True):
            terraform.apply()

    def _terraform(self, *, make_state: bool = True) -> Terraform:
        functions = self.stack.functions()
        packages = self.stack.root / "dist"
        if functions:
            packaged(self.stack.root, self.architecture, functions)
            check_packages(packages, functions, self.architecture)
        account = self._account()
        s3 = self.session.client("s3")
        if make_state:
            ensure_state_bucket(account, s3)
        else:
            require_state_bucket(account, s3)
        terraform = Terraform(
            self.stack,
            {
                **self.variables,
                # A stack without functions has no variables for them.
                **({"architecture": self.architecture} if functions else {}),
                **({"packages": str(packages)} if functions else {}),
                "environment": self.stack.environment,
                "region": account.region,
            },
            self.environment,
        )
        terraform.init(
            {
                "bucket": account.state_bucket,
                "encrypt": "true",
                "key": self.stack.state_key,
                "region": account.region,
                "use_lockfile": "true",
            }
        )
        return terraform

    def _account(self) -> Account:
        region = self.session.region_name
        if not region:
            raise UsageError("no region is set: give --region, or set AWS_REGION")
        try:
            identity = self.session.client("sts", region_name=region).get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise DeploymentError(
                f"AWS does not know who you are ({error}): give --profile, or log in with "
                "'aws sso login'"
            ) from error
        return Account(identity["Account"], region, identity["Arn"].split(":")[1])

    def _plan(self, terraform: Terraform, *, destroy: bool) -> bool:
        changes = terraform.plan(destroy=destroy)
        if changes:
            s3 = self.session.client("s3")
            check_plan(terraform.planned_changes(), self.stack.environment, s3)
        return changes

    def _require_consent(self, what: str) -> None:
        if self.stack.environment != PRODUCTION:
            return
        answer = self.ask(f"To {what}, type the environment's name: ")
        if answer.strip() != PRODUCTION:
            raise DeploymentError("nobody agreed to it; nothing was changed")


def ask_on_terminal(question: str) -> str:
    """Ask on the terminal; where there is none, the answer is empty."""
    if not sys.stdin.isatty():
        return ""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()
