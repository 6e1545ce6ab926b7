"""The steps of a deployment, in their order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from artefacts.packaging import packaged
from command_line.stages import stage_display
from deployment import trial_run
from deployment.checks import check_packages, check_plan
from deployment.errors import DeploymentError, UsageError
from deployment.stacks import PRODUCTION, Stack
from deployment.state import Account, ensure_state_bucket, has_state_bucket
from deployment.terraform import Terraform, require_terraform
from deployment.verify import Examination, examine

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
        account = self._account()
        return self._plan(self._terraform(account), account)

    def apply(self) -> dict[str, Any]:
        """Deploy the stack; returns its outputs.

        Raises
        ------
        DeploymentError
            If it could not be carried out, or nobody agreed to it.
        """
        account = self._account()
        terraform = self._terraform(account)
        if self._plan(terraform, account):
            self._require_consent(f"deploy {self.stack.name} to production")
            # From here on, something is changed.
            ensure_state_bucket(account, self.session.client("s3"))
            if terraform.stateless:
                shown, terraform = terraform, self._terraform(account, stateless=False)
                self._plan(terraform, account, quiet=True)
                if _planned(terraform) != _planned(shown):
                    raise DeploymentError("the plan is another one by now: start again")
            terraform.apply()
        else:
            terraform.show_outputs()
        return terraform.outputs()

    def verify(self, *, run: bool = False) -> Examination:
        """Check that what is deployed is as it was told, there, and well; changes nothing.

        Parameters
        ----------
        run
            Start besides what the schedules start, and wait for its end.

        Raises
        ------
        DeploymentError
            Names what is wrong.
        """
        account = self._account()
        self._require_state(account)
        terraform = self._terraform(account)
        if terraform.plan():
            if {tuple(actions) for _, actions, _ in _planned(terraform)} == {("create",)}:
                raise DeploymentError("nothing of it is deployed")
            raise DeploymentError(
                "what is deployed is not what the configuration says: the plan above is not empty. "
                "Either something was changed by hand, or this clone is not at the commit that was "
                "deployed"
            )
        resources = terraform.planned_changes()
        if run:
            for start in trial_run.starts(resources):
                with stage_display().stage(f"What the schedule {start.schedule} starts"):
                    trial_run.run(start, self.session)
        examination = examine(resources, self.session, just_run=run)
        if examination.faults:
            raise DeploymentError(
                "what is deployed is not well:\n  " + "\n  ".join(examination.faults)
            )
        return examination

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
        account = self._account()
        self._require_state(account)
        terraform = self._terraform(account)
        if self._plan(terraform, account, destroy=True):
            terraform.apply()

    def refuses_to_go(self) -> bool:
        """Whether Terraform itself refuses to destroy the stack, whoever asks for it."""
        return self._terraform(self._account()).refuses_to_destroy()

    def _require_state(self, account: Account) -> None:
        if not has_state_bucket(account, self.session.client("s3")):
            raise DeploymentError(
                f"nothing was ever deployed to {account.region} of the account {account.id}: there "
                f"is no bucket {account.state_bucket}"
            )

    def _terraform(self, account: Account, *, stateless: bool | None = None) -> Terraform:
        if stateless is None:
            stateless = not has_state_bucket(account, self.session.client("s3"))
        functions = self.stack.functions()
        packages = self.stack.root / "dist"
        if functions:
            packaged(self.stack.root, self.architecture, functions)
            check_packages(packages, functions, self.architecture)
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
            stateless=stateless,
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
        require_terraform()
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
        return Account(identity["Account"], region, identity["Arn"])

    def _plan(
        self,
        terraform: Terraform,
        account: Account,
        *,
        destroy: bool = False,
        quiet: bool = False,
    ) -> bool:
        changes = terraform.plan(destroy=destroy, quiet=quiet)
        if changes:
            s3 = self.session.client("s3")
            check_plan(terraform.planned_changes(), self.stack.environment, account, s3)
        return changes

    def _require_consent(self, what: str) -> None:
        if self.stack.environment != PRODUCTION:
            return
        answer = self.ask(f"To {what}, type the environment's name: ")
        if answer.strip() != PRODUCTION:
            raise DeploymentError("nobody agreed to it; nothing was changed")


def _planned(terraform: Terraform) -> list[tuple[str, list[str], object]]:
    """Return what would be done to what, and what is known of the outcome."""
    return [
        (one["address"], one["change"]["actions"], one["change"]["after"])
        for one in terraform.planned_changes()
        # Sources of data are read sooner where it is known what they depend on.
        if one["mode"] == "managed"
    ]


def ask_on_terminal(question: str) -> str:
    """Ask on the terminal; where there is none, the answer is empty."""
    if not sys.stdin.isatty():
        return ""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()
