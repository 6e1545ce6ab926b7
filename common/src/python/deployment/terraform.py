"""Runs Terraform on one stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from deployment.errors import TerraformError, UsageError
from deployment.stacks import Stack, variables_as_json

CHANGES: Final = 2

_LOCK: Final = "-lock-timeout=10m"
"""Wait so long for somebody else who works on the state."""

_OWN: Final = ("backend", "terraform.tfstate", ".terraform.lock.hcl")
"""How files of a stack begin that say where its state is, or are of one machine."""

_KEYS: Final = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})

OLDEST: Final = (1, 10)
"""The first that locks a state without a table."""


def require_terraform() -> None:
    """Check that Terraform is there, and not too old.

    Raises
    ------
    UsageError
        If it is not.
    """
    oldest = ".".join(map(str, OLDEST))
    program = shutil.which("terraform")
    if program is None:
        raise UsageError(
            f"terraform is not installed: start Docker to have the dev container's, or install "
            f"{oldest} or later"
        )
    told = subprocess.run(  # noqa: S603 - it was just found
        [program, "version", "-json"], capture_output=True, text=True, check=False
    )
    try:
        version = str(json.loads(told.stdout)["terraform_version"])
        found = tuple(int(part) for part in version.split(".")[:2])
    except (ValueError, KeyError) as error:
        raise UsageError(f"{program} does not tell its version: {told.stderr or error}") from error
    if found < OLDEST:
        raise UsageError(f"{program} is Terraform {version}; {oldest} or later is needed")


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
    stateless
        Work as if there were no state, where none can be yet.
    """

    stack: Stack
    variables: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    stateless: bool = False

    def init(self, backend: Mapping[str, str]) -> None:
        """Get modules and provider, and find the state.

        Raises
        ------
        TerraformError
            If it failed; Terraform has said why.
        """
        settings = [f"-backend-config={name}={value}" for name, value in backend.items()]
        if self.stateless:
            settings = []
            self._mirror()
        # What it says of success is of no interest; of failure it speaks on standard error.
        # The provider's version is exact: an earlier one that was locked here is of no use.
        self._run("init", "-input=false", "-reconfigure", "-upgrade", *settings, quiet=True)

    def plan(self, *, destroy: bool = False, quiet: bool = False) -> bool:
        """Work out what would change, show it, and keep it; returns whether anything would.

        Parameters
        ----------
        destroy
            Plan to remove everything.
        quiet
            Do not show it.

        Raises
        ------
        TerraformError
            If it failed, because of a variable for example; Terraform has said which.
        """
        self._write_variables()
        arguments = ["-input=false", "-detailed-exitcode", f"-out={self._plan}", _LOCK]
        arguments += ["-destroy"] if destroy else []
        arguments += self._variables()
        return self._run("plan", *arguments, good=(0, CHANGES), quiet=quiet) == CHANGES

    def refuses_to_destroy(self) -> bool:
        """Whether a plan to remove everything is refused, because something is protected."""
        self._write_variables()
        done = subprocess.run(  # noqa: S603 - the project's own script
            self._command("plan", "-input=false", "-destroy", "-no-color", *self._variables()),
            cwd=self.stack.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode != 0 and "lifecycle.prevent_destroy" in done.stderr

    def planned_changes(self) -> list[dict[str, Any]]:
        """Return the kept plan's `resource_changes`.

        As in https://developer.hashicorp.com/terraform/internals/json-format
        """
        plan = json.loads(self._output("show", "-json", str(self._plan)))
        # It is left out where there is none.
        changes: list[dict[str, Any]] = plan.get("resource_changes", [])
        return changes

    def apply(self) -> None:
        """Do what the kept plan says, and nothing else.

        Raises
        ------
        TerraformError
            If it failed half way; what was done is in the state, so that the next run goes on.
        """
        if self.stateless:
            raise TerraformError("what is planned without a state is not carried out")
        self._run("apply", "-input=false", _LOCK, str(self._plan))

    def show_outputs(self) -> None:
        """Show the stack's outputs, as `apply` does by itself."""
        self._run("output")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        told = json.loads(self._output("output", "-json"))
        return {name: one["value"] for name, one in told.items()}

    @property
    def _data(self) -> Path:
        folder = self.stack.data_folder
        return folder.with_name(f"{folder.name}-first") if self.stateless else folder

    @property
    def _plan(self) -> Path:
        return self._data / "plan"

    @property
    def _values(self) -> Path:
        return self._data / "deploy.tfvars.json"

    def _mirror(self) -> None:
        """Show the stack's configuration in another folder, with an empty state beside it."""
        root = self._data / "clone"
        shutil.rmtree(root, ignore_errors=True)
        folder = root / self.stack.folder
        folder.mkdir(parents=True)
        source = self.stack.root / self.stack.folder
        for file in source.iterdir():
            if file.is_file() and not file.name.startswith(_OWN):
                (folder / file.name).symlink_to(file)
        # https://developer.hashicorp.com/terraform/language/files/override
        (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        for beside in ("terraform/modules", "lambda"):
            (root / beside).symlink_to(self.stack.root / beside)

    def _write_variables(self) -> None:
        self._values.parent.mkdir(parents=True, exist_ok=True)
        self._values.write_text(variables_as_json(self.variables), encoding="utf-8")

    def _variables(self) -> list[str]:
        given = self.stack.root / self.stack.variables_file
        return [f"-var-file={given}", f"-var-file={self._values}"]

    def _command(self, verb: str, *arguments: str) -> list[str]:
        script = str(self.stack.root / "bin/exec-in-devcontainer.sh")
        folder = self.stack.folder
        if self.stateless:
            folder = self._data / "clone" / folder
        return [script, "terraform", f"-chdir={folder}", verb, *arguments]

    def _environment(self) -> dict[str, str]:
        # A profile that was named is meant, whatever keys there are: Terraform would take those.
        meant = _KEYS if "AWS_PROFILE" in self.environment else frozenset()
        return {
            **{name: value for name, value in os.environ.items() if name not in meant},
            **self.environment,
            # This process runs where Terraform is to run.
            "NO_DEVCONTAINER": "1",
            "TF_DATA_DIR": str(self._data),
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
        process = subprocess.Popen(  # noqa: S603 - the project's own script
            self._command(verb, *arguments),
            cwd=self.stack.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            text=True,
        )
        told = _ended(process)
        if process.returncode not in good:
            raise TerraformError(f"terraform {verb} failed: it says why, above")
        return subprocess.CompletedProcess(process.args, process.returncode, told)


def _ended(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a process, and return what it told.

    Ctrl-C reaches it, too: it writes down what it has made, gives the state back, and then ends.
    """
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            told, _ = process.communicate()
        except KeyboardInterrupt as error:
            interrupt = error
        else:
            break
    if interrupt:
        raise interrupt
    return told or ""
