"""The stacks that can be deployed, and where their parts are in a clone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artefacts.function_settings import FunctionSettings, read_settings
from artefacts.repository import SETTINGS_FILE
from deployment.errors import UsageError

ENVIRONMENTS: Final = ("dev", "staging", "prod")

PRODUCTION: Final = "prod"

STACKS_FOLDER: Final = Path("terraform/stacks")

ENVIRONMENTS_FOLDER: Final = Path("terraform/environments")


@dataclass(frozen=True)
class Stack:
    """One stack in one environment.

    Attributes
    ----------
    root
        Folder of the clone.
    name
        Its folder below `terraform/stacks`, and the group of its functions in
        `lambda/functions.json`.
    environment
        `dev`, `staging` or `prod`.
    """

    root: Path
    name: str
    environment: str

    @property
    def folder(self) -> Path:
        """Where its configuration is, relative to the clone."""
        return STACKS_FOLDER / self.name

    @property
    def variables_file(self) -> Path:
        """File with the environment's variables, relative to the clone."""
        return ENVIRONMENTS_FOLDER / self.environment / f"{self.name}.tfvars"

    @property
    def state_key(self) -> str:
        """Key of its state in the bucket of states."""
        return f"{self.name}/{self.environment}.tfstate"

    @property
    def data_folder(self) -> Path:
        """Where Terraform keeps modules and providers of this stack and environment."""
        return self.root / "dist/terraform" / f"{self.name}-{self.environment}"

    def functions(self) -> Mapping[str, FunctionSettings]:
        """Return the settings of its functions, by name; empty where it has none."""
        return read_settings(self.root / SETTINGS_FILE).get(self.name, {})


def find_stack(root: Path, name: str, environment: str) -> Stack:
    """Return a stack.

    Raises
    ------
    UsageError
        If there is no such stack or environment; names those that there are.
    """
    known = sorted(file.parent.name for file in (root / STACKS_FOLDER).glob("*/main.tf"))
    if name not in known:
        raise UsageError(f"there is no stack {name!r}; the stacks are: {', '.join(known)}")
    if environment not in ENVIRONMENTS:
        raise UsageError(
            f"there is no environment {environment!r}; the environments are: "
            f"{', '.join(ENVIRONMENTS)}"
        )
    stack = Stack(root, name, environment)
    if not (root / stack.variables_file).is_file():
        raise UsageError(f"{stack.variables_file} is missing, which describes {environment}")
    return stack


def variables_as_json(values: Mapping[str, object]) -> str:
    """Return variables as the content of a `.tfvars.json` file."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
