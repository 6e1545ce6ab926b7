"""Runs Terraform on one stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from deployment.errors import TerraformError
from deployment.stacks import Stack, variables_as_json

CHANGES: Final = 2


@dataclass
class Terraform:
    """Terraform with one stack's configuration, variables and state.

    Parameters
    ----------
    stack
        What it works on.
    variables
        Values over those of the environment's file.
    environment
        Variables of its process over those of this one.
    """

    stack: Stack
    variables: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def init(self, backend: Mapping[str, str]) -> None:
        """Get modules and provider, and find the state.

        Raises
        ------
        TerraformError
            If it failed; Terraform has said why.
        """
        settings = [f"-backend-config={name}={value}" for name, value in backend.items()]
        # What it says of success is of no interest; of failure it speaks on standard error.
        self._run("init", "-input=false", "-reconfigure", *settings, quiet=True)

    def plan(self, *, destroy: bool = False) -> bool:
        """Work out what would change, show it, and keep it; returns whether anything would.

        Raises
        ------
        TerraformError
            If it failed, because of a variable for example; Terraform has said which.
        """
        self._write_variables()
        arguments = ["-input=false", "-detailed-exitcode", f"-out={self._plan}"]
        arguments += ["-destroy"] if destroy else []
        return self._run("plan", *arguments, *self._variables(), good=(0, CHANGES)) == CHANGES

    def planned_changes(self) -> list[dict[str, Any]]:
        """Return the kept plan's `resource_changes`.

        As in https://developer.hashicorp.com/terraform/internals/json-format
        """
        changes: list[dict[str, Any]] = json.loads(self._output("show", "-json", str(self._plan)))[
            "resource_changes"
        ]
        return changes

    def apply(self) -> None:
        """Do what the kept plan says, and nothing else.

        Raises
        ------
        TerraformError
            If it failed half way; what was done is in the state, so that the next run goes on.
        """
        self._run("apply", "-input=false", str(self._plan))

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        told = json.loads(self._output("output", "-json"))
        return {name: one["value"] for name, one in told.items()}

    @property
    def _plan(self) -> Path:
        return self.stack.data_folder / "plan"

    @property
    def _values(self) -> Path:
        return self.stack.data_folder / "deploy.tfvars.json"

    def _write_variables(self) -> None:
        self._values.parent.mkdir(parents=True, exist_ok=True)
        self._values.write_text(variables_as_json(self.variables), encoding="utf-8")

    def _variables(self) -> list[str]:
        given = self.stack.root / self.stack.variables_file
        return [f"-var-file={given}", f"-var-file={self._values}"]

    def _command(self, verb: str, *arguments: str) -> list[str]:
        script = str(self.stack.root / "bin/exec-in-devcontainer.sh")
        return [script, "terraform", f"-chdir={self.stack.folder}", verb, *arguments]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.environment,
            # This process runs where Terraform is to run.
            "NO_DEVCONTAINER": "1",
            "TF_DATA_DIR": str(self.stack.data_folder),
            "TF_IN_AUTOMATION": "1",
        }

    def _run(
        self, verb: str, *arguments: str, good: Sequence[int] = (0,), quiet: bool = False
    ) -> int:
        out = subprocess.DEVNULL if quiet else sys.stderr
        return self._started(verb, arguments, out, good).returncode

    def _output(self, verb: str, *arguments: str) -> str:
        return self._started(verb, arguments, subprocess.PIPE, (0,)).stdout

    def _started(
        self, verb: str, arguments: Sequence[str], out: int | TextIO, good: Sequence[int]
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603 - the project's own script
            self._command(verb, *arguments),
            cwd=self.stack.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            text=True,
            check=False,
        )
        if done.returncode not in good:
            raise TerraformError(f"terraform {verb} failed: it says why, above")
        return done
