"""The steps of a deployment, in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from artefacts.packaging import packaged
from command_line.stages import stage_display
from deployment.checks import check_packages, check_plan
from deployment.errors import DeploymentError
from deployment.stacks import PRODUCTION, Stack
from deployment.state import Account, ensure_state_bucket, has_state_bucket
from deployment.terraform import Terraform, require_terraform
from deployment.trial_run import scheduled_targets
from deployment.verify import Examination, examine
from lambda_core.errors import UsageError
from triggers.polling import Polling
from triggers.targets import invoke_target

type Ask = Callable[[str], str]
"""Asks the user a question and returns the answer; empty if no user can answer."""


@dataclass
class Deployment:
    """A stack, and the account to deploy it to.

    Parameters
    ----------
    stack
        What to deploy.
    session
        Credentials and region.
    architecture
        Architecture of the functions: `x86_64` or `arm64`.
    ask
        Asks the user for confirmation.
    variables
        Values that override those of the environment's file.
    environment
        Environment variables for Terraform.
    """

    stack: Stack
    session: boto3.Session
    architecture: str
    ask: Ask
    variables: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> bool:
        """Show what would change, and change nothing; returns whether anything would change.

        Raises
        ------
        DeploymentError
            The plan cannot be made, or cannot be applied.
        """
        account = self._account()
        return self._plan(self._terraform(account), account)

    def apply(self) -> dict[str, Any]:
        """Deploy the stack; returns its outputs.

        Raises
        ------
        DeploymentError
            The stack cannot be deployed, or the user did not confirm.
        """
        account = self._account()
        terraform = self._terraform(account)
        if self._plan(terraform, account):
            self._require_confirmation(f"deploy {self.stack.name} to production")
            # Nothing was changed before this line.
            ensure_state_bucket(account, self.session.client("s3"))
            if terraform.stateless:
                shown, terraform = terraform, self._terraform(account, stateless=False)
                self._plan(terraform, account, quiet=True)
                if _planned(terraform) != _planned(shown):
                    raise DeploymentError(
                        "the plan has changed since you saw it; nothing was applied. Start again"
                    )
            terraform.apply()
        else:
            terraform.show_outputs()
        return terraform.outputs()

    def verify(self, *, run: bool = False) -> Examination:
        """Check that the deployed stack matches the configuration and works. Changes nothing.

        Parameters
        ----------
        run
            First start the targets of the schedules, and wait until they end.

        Returns
        -------
        Examination
            The results, which may contain problems.

        Raises
        ------
        DeploymentError
            The stack is not deployed, or differs from the configuration.
        InvocationError
            The target of a schedule failed.
        """
        account = self._account()
        self._require_state(account)
        terraform = self._terraform(account, stateless=False)
        if terraform.plan():
            if {tuple(actions) for _, actions, _ in _planned(terraform)} == {("create",)}:
                raise DeploymentError(
                    f"{self.stack.name} is not deployed to {self.stack.environment}"
                )
            raise DeploymentError(
                "the deployed stack differs from the configuration: the plan above is not empty. "
                "Either somebody changed the stack by hand, or your checkout is not at the commit "
                "that was deployed"
            )
        resources = terraform.planned_changes()
        if run:
            for target in scheduled_targets(resources):
                with stage_display().stage(f"Running the target of the schedule {target.schedule}"):
                    invoke_target(target, self._client, Polling())
        return examine(resources, self.session, just_run=run)

    def destroy(self) -> None:
        """Delete all resources of the stack.

        Raises
        ------
        UsageError
            The environment is production.
        DeploymentError
            The stack cannot be deleted.
        """
        if self.stack.environment == PRODUCTION:
            raise UsageError(
                "this command does not destroy production; nothing was changed. Its buckets and "
                "tables are protected, and only a person can delete them with Terraform"
            )
        account = self._account()
        self._require_state(account)
        terraform = self._terraform(account, stateless=False)
        if self._plan(terraform, account, destroy=True):
            terraform.apply()

    def terraform_refuses_to_destroy(self) -> bool:
        """Whether Terraform itself refuses to destroy the stack."""
        return self._terraform(self._account()).refuses_to_destroy()

    def _client(self, service: str) -> Any:  # noqa: ANN401 - a client of any service
        return self.session.client(service)  # type: ignore[call-overload]  # any service

    def _require_state(self, account: Account) -> None:
        if not has_state_bucket(account, self.session.client("s3")):
            raise DeploymentError(
                f"nothing has been deployed to {account.region} of the account {account.id}: the "
                f"state bucket {account.state_bucket} does not exist. Check --profile and --region"
            )

    def _terraform(self, account: Account, *, stateless: bool | None = None) -> Terraform:
        if stateless is None:
            stateless = not has_state_bucket(account, self.session.client("s3"))
        if functions := self.stack.functions():
            packaged(self.stack.root, self.architecture, functions)
            check_packages(self.stack.root / "dist", functions, self.architecture)
        terraform = Terraform(
            self.stack,
            {**self.variables, **self.stack.variables(account.region, self.architecture)},
            self.environment,
            stateless=stateless,
        )
        terraform.init(account.backend(self.stack.state_key))
        return terraform

    def _account(self) -> Account:
        require_terraform()
        region = self.session.region_name
        if not region:
            raise UsageError("no region is set; use --region, or set AWS_REGION")
        try:
            identity = self.session.client("sts", region_name=region).get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise DeploymentError(
                f"AWS does not accept your credentials ({error}); use --profile, or log in with "
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

    def _require_confirmation(self, action: str) -> None:
        if self.stack.environment != PRODUCTION:
            return
        answer = self.ask(f"To {action}, type the environment's name: ")
        if answer.strip() != PRODUCTION:
            raise DeploymentError(
                f"you did not type the environment's name, {PRODUCTION}; nothing was changed"
            )


def _planned(terraform: Terraform) -> list[tuple[str, list[str], object]]:
    """Return the address, the actions and the known result of each planned change."""
    return [
        (change["address"], change["change"]["actions"], change["change"]["after"])
        for change in terraform.planned_changes()
        # Terraform reads a data source earlier if it knows what the source depends on.
        if change["mode"] == "managed"
    ]


def ask_on_terminal(question: str) -> str:
    """Ask on the terminal; the answer is empty if standard input is not a terminal."""
    if not sys.stdin.isatty():
        return ""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()
