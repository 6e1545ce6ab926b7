"""Packages the functions of all stacks, if they are missing or outdated."""

from __future__ import annotations

from artefacts.packaging import packaged
from artefacts.repository import architecture, repository_root
from deployment.stacks import find_stack, stack_names


def main() -> None:
    """Package the functions for this machine, as a deployment to the local cloud does."""
    root = repository_root()
    for name in stack_names(root):
        if functions := find_stack(root, name, "dev").functions():
            packaged(root, architecture(), functions)


if __name__ == "__main__":
    main()
