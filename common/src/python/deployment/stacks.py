"""The stacks that can be deployed, and the paths of their files in the repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artefacts.function_settings import FunctionSettings, read_settings
from artefacts.repository import SETTINGS_FILE
from lambda_core.errors import UsageError

ENVIRONMENTS: Final = ("dev", "staging", "prod")

PRODUCTION: Final = "prod"

STACKS_FOLDER: Final = Path("terraform/stacks")

ENVIRONMENTS_FOLDER: Final = Path("terraform/environments")


@dataclass(frozen=True)
class Stack:
    """A stack in an environment.

    Attributes
    ----------
    root
        Folder of the repository.
    name
        Name of the stack's folder in `terraform/stacks`, and of its group of functions in
        `lambda/functions.json`.
    environment
        `dev`, `staging` or `prod`.

    Examples
    --------
    >>> Stack(Path("/repository"), "region_report", "dev").state_key
    'region_report/dev.tfstate'
    """

    root: Path
    name: str
    environment: str

    @property
    def folder(self) -> Path:
        """Folder of its Terraform configuration, relative to the repository."""
        return STACKS_FOLDER / self.name

    @property
    def variables_file(self) -> Path:
        """File with the environment's variables, relative to the repository."""
        return ENVIRONMENTS_FOLDER / self.environment / f"{self.name}.tfvars"

    @property
    def state_key(self) -> str:
        """Key of its state in the state bucket."""
        return f"{self.name}/{self.environment}.tfstate"

    @property
    def data_folder(self) -> Path:
        """Folder in which Terraform keeps this stack's modules and providers."""
        return self.root / "dist/terraform" / f"{self.name}-{self.environment}"

    def functions(self) -> Mapping[str, FunctionSettings]:
        """Return the settings of its functions by name; empty if the stack has no functions."""
        return read_settings(self.root / SETTINGS_FILE).get(self.name, {})

    def variables(self, region: str, architecture: str) -> dict[str, object]:
        """Return the Terraform variables that every deployment of the stack sets."""
        # A stack without functions does not declare the variables of the packages.
        packages = {"architecture": architecture, "packages": str(self.root / "dist")}
        return {
            **(packages if self.functions() else {}),
            "environment": self.environment,
            "region": region,
        }


def stack_names(root: Path) -> list[str]:
    """Return the names of all stacks, sorted."""
    return sorted(file.parent.name for file in (root / STACKS_FOLDER).glob("*/main.tf"))


def find_stack(root: Path, name: str, environment: str) -> Stack:
    """Return a stack in an environment.

    Raises
    ------
    UsageError
        The stack or environment does not exist; the message lists those that do.
    """
    known = stack_names(root)
    if name not in known:
        raise UsageError(f"there is no stack {name!r}; the stacks are: {', '.join(known)}")
    if environment not in ENVIRONMENTS:
        raise UsageError(
            f"there is no environment {environment!r}; the environments are: "
            f"{', '.join(ENVIRONMENTS)}"
        )
    stack = Stack(root, name, environment)
    if not (root / stack.variables_file).is_file():
        raise UsageError(
            f"{stack.variables_file} is missing; create it with the variables of {name} in "
            f"{environment}"
        )
    return stack


def variables_as_json(values: Mapping[str, object]) -> str:
    """Return variables as the content of a `.tfvars.json` file."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
