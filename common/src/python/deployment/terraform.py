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

from deployment.errors import TerraformError
from deployment.stacks import Stack, variables_as_json
from lambda_core.errors import UsageError

CHANGES: Final = 2

_LOCK: Final = "-lock-timeout=10m"
"""How long to wait while someone else holds the lock of the state."""

_OWN: Final = ("backend", "terraform.tfstate", ".terraform.lock.hcl")
"""Beginnings of the names of files that a first plan must not copy: they configure the
backend, contain a state, or belong to one machine."""

_KEYS: Final = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})

OLDEST: Final = (1, 10)
"""The first version that locks a state in S3 without a table."""


def require_terraform() -> None:
    """Check that Terraform is installed, and recent enough.

    Raises
    ------
    UsageError
        It is not installed, or too old.
    """
    oldest = ".".join(map(str, OLDEST))
    program = shutil.which("terraform")
    if program is None:
        raise UsageError(
            f"terraform is not installed; start Docker to use the dev container, or install "
            f"Terraform {oldest} or later"
        )
    completed = subprocess.run(  # noqa: S603 - found above
        [program, "version", "-json"], capture_output=True, text=True, check=False
    )
    try:
        version = str(json.loads(completed.stdout)["terraform_version"])
        found = tuple(int(part) for part in version.split(".")[:2])
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"{program} does not report its version: {completed.stderr or error}"
        ) from error
    if found < OLDEST:
        raise UsageError(f"{program} is Terraform {version}; install {oldest} or later")


@dataclass
class Terraform:
    """Terraform with one stack's configuration, variables and state.

    Parameters
    ----------
    stack
        The stack to plan or apply.
    variables
        Values that override those of the environment's file.
    environment
        Environment variables for Terraform, in addition to those of this process.
    stateless
        Plan as if there were no state, because the state bucket does not exist yet.
    """

    stack: Stack
    variables: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    stateless: bool = False

    def init(self, backend: Mapping[str, str]) -> None:
        """Install modules and the provider, and configure the state.

        Raises
        ------
        TerraformError
            It failed; Terraform has printed the cause.
        """
        settings = [f"-backend-config={name}={value}" for name, value in backend.items()]
        if self.stateless:
            settings = []
            self._mirror()
        # Errors go to standard error and are shown; standard output is not needed.
        # -upgrade, because the configuration pins the provider to one exact version.
        self._run("init", "-input=false", "-reconfigure", "-upgrade", *settings, quiet=True)

    def plan(self, *, destroy: bool = False, quiet: bool = False) -> bool:
        """Create a plan, show it, and save it; returns whether it contains changes.

        Parameters
        ----------
        destroy
            Plan to delete everything.
        quiet
            Do not show it.

        Raises
        ------
        TerraformError
            It failed, for example because of a variable; Terraform has printed the cause.
        """
        self._write_variables()
        arguments = ["-input=false", "-detailed-exitcode", f"-out={self._plan}", _LOCK]
        arguments += ["-destroy"] if destroy else []
        arguments += self._variables()
        return self._run("plan", *arguments, good=(0, CHANGES), quiet=quiet) == CHANGES

    def refuses_to_destroy(self) -> bool:
        """Whether Terraform refuses to plan the deletion, because a resource is protected."""
        self._write_variables()
        result = subprocess.run(  # noqa: S603 - the project's own script
            self._command("plan", "-input=false", "-destroy", "-no-color", *self._variables()),
            cwd=self.stack.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode != 0 and "lifecycle.prevent_destroy" in result.stderr

    def planned_changes(self) -> list[dict[str, Any]]:
        """Return the saved plan's `resource_changes`.

        Format: https://developer.hashicorp.com/terraform/internals/json-format
        """
        plan = json.loads(self._output("show", "-json", str(self._plan)))
        # Terraform leaves the key out if the list is empty.
        changes: list[dict[str, Any]] = plan.get("resource_changes", [])
        return changes

    def apply(self) -> None:
        """Apply exactly the saved plan.

        Raises
        ------
        TerraformError
            It failed. The state contains what was done, so the next run continues from there.
        """
        if self.stateless:
            raise TerraformError("a plan that was made without a state cannot be applied")
        self._run("apply", "-input=false", _LOCK, str(self._plan))

    def show_outputs(self) -> None:
        """Show the stack's outputs, as `apply` does."""
        self._run("output")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        outputs = json.loads(self._output("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

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

    @property
    def _mirror_root(self) -> Path:
        return self._data / "repository"

    def _mirror(self) -> None:
        """Link the stack's configuration into another folder that uses a local, empty state."""
        root = self._mirror_root
        shutil.rmtree(root, ignore_errors=True)
        folder = root / self.stack.folder
        folder.mkdir(parents=True)
        source = self.stack.root / self.stack.folder
        for file in source.iterdir():
            if file.is_file() and not file.name.startswith(_OWN):
                (folder / file.name).symlink_to(file)
        # https://developer.hashicorp.com/terraform/language/files/override
        (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        for other in ("terraform/modules", "lambda"):
            (root / other).symlink_to(self.stack.root / other)

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
            folder = self._mirror_root / folder
        return [script, "terraform", f"-chdir={folder}", verb, *arguments]

    def _environment(self) -> dict[str, str]:
        # Terraform prefers keys in the environment to a profile. The user chose the profile.
        ignored = _KEYS if "AWS_PROFILE" in self.environment else frozenset()
        return {
            **{name: value for name, value in os.environ.items() if name not in ignored},
            **self.environment,
            # This process already runs in the container or on the machine that has Terraform.
            "NO_DEVCONTAINER": "1",
            "TF_DATA_DIR": str(self._data),
            "TF_IN_AUTOMATION": "1",
        }

    def _run(
        self, verb: str, *arguments: str, good: Sequence[int] = (0,), quiet: bool = False
    ) -> int:
        out = subprocess.DEVNULL if quiet else sys.stderr
        return self._complete(verb, arguments, out, good).returncode

    def _output(self, verb: str, *arguments: str) -> str:
        return self._complete(verb, arguments, subprocess.PIPE, (0,)).stdout

    def _complete(
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
        output = _wait_for(process)
        if process.returncode not in good:
            raise TerraformError(f"terraform {verb} failed; the cause is above")
        return subprocess.CompletedProcess(process.args, process.returncode, output)


def _wait_for(process: subprocess.Popen[str]) -> str:
    """Wait until a process has ended, and return its output.

    Ctrl-C reaches Terraform too: it saves the state, releases the lock, and then ends.
    """
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt as error:
            interrupt = error
        else:
            break
    if interrupt:
        raise interrupt
    return output or ""
